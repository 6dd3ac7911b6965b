#include "passes/pools.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace burin {
namespace {

constexpr int kTries = 8;             // orders of the buffers
constexpr int64_t kTrialNodes = 200;  // of a plan that only asks whether there is room

/// Some of the buffers, and what may overlap among them.
struct Part {
  std::vector<size_t> which;
  std::vector<PlanBuffer> buffers;
  std::vector<PlanOverlap> overlaps;
};
Part part(std::span<const PlanBuffer> buffers, std::span<const PlanOverlap> overlaps, std::vector<size_t> which) {
  Part r{std::move(which), {}, {}};
  std::vector<int> number(buffers.size(), -1);
  for (const size_t i : r.which) {
    number[i] = int(r.buffers.size());
    r.buffers.push_back(buffers[i]);
  }
  for (PlanOverlap o : overlaps) {
    o.a = number[size_t(o.a)], o.b = number[size_t(o.b)];
    if (o.a >= 0 && o.b >= 0) r.overlaps.push_back(o);
  }
  return r;
}

/// One pool as it fills.
class Filling {
 public:
  Filling(std::span<const PlanBuffer> buffers, std::span<const PlanOverlap> overlaps, int64_t size)
      : buffers_(buffers), overlaps_(overlaps), size_(size) {}

  /// As many of `more` as find room, in this order; returns the others.
  std::vector<size_t> add(std::span<const size_t> more) {
    if (more.empty()) return {};
    std::vector<size_t> all = inside_;
    all.insert(all.end(), more.begin(), more.end());
    if (bytes(all) <= size_) {
      inside_ = std::move(all);
      return {};
    }
    if (more.size() == 1) return {more.begin(), more.end()};
    std::vector<size_t> left = add(more.first(more.size() / 2));
    const std::vector<size_t> right = add(more.subspan(more.size() / 2));
    left.insert(left.end(), right.begin(), right.end());
    return left;
  }
  const std::vector<size_t>& inside() const { return inside_; }

 private:
  int64_t bytes(std::vector<size_t> which) const {
    for (const size_t i : which)
      if (buffers_[i].bytes > size_) return buffers_[i].bytes;
    std::ranges::sort(which);
    const Part p = part(buffers_, overlaps_, std::move(which));
    return plan_offsets(p.buffers, p.overlaps, kTrialNodes).bytes;
  }

  std::span<const PlanBuffer> buffers_;
  std::span<const PlanOverlap> overlaps_;
  int64_t size_;
  std::vector<size_t> inside_;
};

}  // namespace

bool PoolPlan::fits() const { return std::ranges::count(pool, -1) == 0; }

PoolPlan plan_pools(std::span<const PlanBuffer> buffers, std::span<const PlanOverlap> overlaps,
                    std::span<const double> uses, std::span<const int64_t> sizes, int64_t nodes, int64_t known_bound) {
  PoolPlan r{std::vector<int>(buffers.size()), {}, std::vector<int64_t>(sizes.size()), 0};
  if (Plan whole = plan_offsets(buffers, overlaps, nodes, known_bound); !sizes.empty() && whole.bytes <= sizes[0]) {
    r.bytes[0] = whole.bytes, r.lower_bound = whole.lower_bound, r.offsets = std::move(whole.offsets);
    return r;
  }
  std::vector<size_t> order(buffers.size());
  std::iota(order.begin(), order.end(), size_t(0));
  std::ranges::stable_sort(order, [&](size_t a, size_t b) { return uses[a] > uses[b]; });
  std::vector<Filling> pools;
  std::vector<size_t> left;
  for (int tries = 0; tries < kTries; ++tries) {
    pools.clear();
    left = order;
    for (const int64_t size : sizes) {
      pools.emplace_back(buffers, overlaps, size);
      left = pools.back().add(left);
    }
    if (left.empty()) break;
    std::ranges::stable_partition(order, [&](size_t i) { return std::ranges::count(left, i) > 0; });
  }
  r.offsets.resize(buffers.size());
  for (const size_t i : left) r.pool[i] = -1;
  for (size_t k = 0; k < pools.size(); ++k) {
    std::vector<size_t> which = pools[k].inside();
    std::ranges::sort(which);
    const Part p = part(buffers, overlaps, std::move(which));
    Plan plan = plan_offsets(p.buffers, p.overlaps, nodes);
    if (plan.bytes > sizes[k]) plan = plan_offsets(p.buffers, p.overlaps, kTrialNodes);  // that one did fit
    for (size_t i = 0; i < p.which.size(); ++i) r.pool[p.which[i]] = int(k), r.offsets[p.which[i]] = plan.offsets[i];
    r.bytes[k] = plan.bytes, r.lower_bound += plan.lower_bound;
  }
  return r;
}

std::string check_pools(std::span<const PlanBuffer> buffers, std::span<const PlanOverlap> overlaps,
                        std::span<const int64_t> sizes, const PoolPlan& plan) {
  for (size_t i = 0; i < buffers.size(); ++i)
    if (plan.pool[i] < 0 || size_t(plan.pool[i]) >= sizes.size()) return fmt::format("buffer {} is in no pool", i);
  for (size_t k = 0; k < sizes.size(); ++k) {
    std::vector<size_t> which;
    for (size_t i = 0; i < buffers.size(); ++i)
      if (plan.pool[i] == int(k)) which.push_back(i);
    const Part p = part(buffers, overlaps, std::move(which));
    Plan own;
    for (const size_t i : p.which) own.offsets.push_back(plan.offsets[i]);
    own.bytes = plan.bytes[k];
    if (own.bytes > sizes[k]) return fmt::format("pool {} has {} bytes, not {}", k, sizes[k], own.bytes);
    if (const std::string wrong = check_plan(p.buffers, p.overlaps, own); !wrong.empty())
      return fmt::format("pool {}: {}", k, wrong);
  }
  return "";
}

}  // namespace burin
