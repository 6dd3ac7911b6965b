// How often this thread worked out what it need work out once for a layer; for tests and benchmarks.
#pragma once
#include <cstdint>
#include <map>
#include <typeindex>

namespace burin {

struct Tally {
  int64_t proofs = 0;                        // of requantizations (numerics/requantize.h)
  std::map<std::type_index, int64_t> facts;  // layers that each family of kernels described (codegen/layer.h)
};
inline thread_local Tally tally;

}  // namespace burin
