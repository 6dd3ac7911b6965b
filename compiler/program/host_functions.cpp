// Functions of runtime-min on the host that no operator names (see host.h).
#include <fmt/format.h>

#include <cstring>
#include <stdexcept>

#include "compiler/program/host.h"
#include "runtime-min/kernels/lut_mve.h"

namespace burin {

void refuse(const HostCall& c, const std::string& what) {
  throw std::invalid_argument(fmt::format("{} was called with {}", c.call.function, what));
}

std::vector<HostEntry> common_functions() {
  return {
      {"__builtin_memcpy",
       [](const HostCall& c) {
         std::memcpy(std::get<HostMemory>(c.values.at(0)).bytes, std::get<HostMemory>(c.values.at(1)).bytes,
                     size_t(std::get<int64_t>(c.values.at(2))));
       }},
      {"__builtin_memset",
       [](const HostCall& c) {
         std::memset(std::get<HostMemory>(c.values.at(0)).bytes, int(std::get<int64_t>(c.values.at(1))),
                     size_t(std::get<int64_t>(c.values.at(2))));
       }},
      BURIN_BYTES(lut_q8_mve, 2, 3),
  };
}

}  // namespace burin
