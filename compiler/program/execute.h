// A Body executed on the host.
#pragma once
#include <string>
#include <vector>

#include "compiler/program/host.h"
#include "compiler/program/turns.h"

namespace burin {

/// What the names of a body mean while it runs.
class Frame {
 public:
  /// null where there is no such function.
  using Find = HostFunction (*)(const std::string&);
  explicit Frame(Find find) : find_(find) {}
  /// The last of a name counts.
  void add(const std::string& name, std::byte* bytes, DType dtype) { memory_.push_back({name, {bytes, dtype}}); }
  void add(const NamedConstant& c) { add(c.name, const_cast<std::byte*>(c.value.bytes.data()), c.value.dtype); }
  /// Throws std::invalid_argument for a name that means nothing and a call that is none of the function's.
  /// The rows of one turn, or all.
  void run(const Body& body, const Turn& turn = {});

 private:
  struct Named {
    std::string name;
    HostMemory memory;
  };
  const HostMemory& at(const std::string& name) const;
  HostMemory at(const Pointer& p) const;
  HostCall prepared(const Body& body, const Call& c) const;
  void loops(HostCall& h, HostFunction f, size_t depth);
  void by_rows(HostCall& h, HostFunction f);
  void rows_of(HostCall& h, HostFunction f, const Turn& turn, int64_t image);

  Find find_;
  std::vector<Named> memory_;
  std::vector<int32_t> index_;  // of the call's loops
};

}  // namespace burin
