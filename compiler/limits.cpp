#include "compiler/limits.h"

#include <fmt/format.h>

#include <algorithm>

#include "compiler/diagnostics.h"

namespace burin {

std::string limit_text(const LimitInfo& limit, int64_t value) {
  if (!limit.bytes || value < 1024) return fmt::format("{}", value);
  const auto in = [&](int shift) { return ((value - 1) >> shift) + 1; };
  if (value % (int64_t{1} << 30) == 0) return fmt::format("{}G", in(30));
  return value < int64_t{1} << 20 ? fmt::format("{}K", in(10)) : fmt::format("{}M", in(20));
}

void check_limit(const ModelLimits& limits, int64_t ModelLimits::*which, int64_t needed, std::string_view what) {
  if (needed <= limits.*which) return;
  const LimitInfo& l = *std::ranges::find(kLimits, which, &LimitInfo::value);
  throw OpError(fmt::format("{} take at least {}, more than the limit {} of {}", what, limit_text(l, needed), l.name,
                            limit_text(l, limits.*which)),
                "limit",
                fmt::format("if the model is meant to be so: --limit {}={}, or more", l.name, limit_text(l, needed)));
}

void Spending::expect(int64_t bytes) const {
  check_limit(limits_, &ModelLimits::memory, held_ + bytes, "the file and the constants");
}

void Spending::hold(int64_t bytes) {
  expect(bytes);
  held_ += bytes;
}

void Spending::fold(int64_t bytes, double steps) {
  const int64_t work = folded_ + bytes + int64_t(std::min(steps, 0x1p60));
  check_limit(limits_, &ModelLimits::folded_bytes, work, "constants that the compiler computes");
  expect(bytes);
  folded_ = work;
}

void Spending::node(int64_t times) {
  nodes_ += times;
  check_limit(limits_, &ModelLimits::nodes, nodes_, "the model's nodes");
}

}  // namespace burin
