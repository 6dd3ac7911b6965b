#include "compiler/ops/op.h"

#include <algorithm>

namespace burin {

void AxisOrder::axis(int64_t& a) const { a = perm_[size_t(normalize_axis(a, int(perm_.size())))]; }

void AxisOrder::axes(std::vector<int64_t>& list) const {
  for (int64_t& a : list) axis(a);
  std::ranges::sort(list);
}

void AxisOrder::entries(std::vector<int64_t>& list) const {
  const std::vector<int64_t> before = list;
  for (size_t a = 0; a < before.size(); ++a) list[size_t(perm_[a])] = before[a];
}

void require(bool condition, const std::string& message) {
  if (!condition) throw OpError(message);
}

}  // namespace burin
