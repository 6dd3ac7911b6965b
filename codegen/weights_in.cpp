#include "codegen/weights_in.h"

#include <algorithm>
#include <numeric>

#include "codegen/layer.h"

namespace burin {
namespace {

constexpr int64_t kConstantAlign = 8;  // as in flash: two words at once
constexpr int64_t kValuesAlign = 16;   // of what values are planned in

int64_t aligned(int64_t bytes, int64_t to) { return (bytes + to - 1) / to * to; }

/// Results of a layer with weights for which it reads them once: pixels side by side.
double pixels_together(const Step& s) {
  const auto all = kernels();
  const auto k = std::ranges::find(all, s.facts.kernel, &Kernel::name);
  const Shape& y = s.facts.shape_out;
  const double row = y.size() >= 2 ? double(y[y.size() - 2]) : 1;
  switch (k == all.end() ? KernelOrder::single : k->order) {
    case KernelOrder::single:
    case KernelOrder::expands:
      return 1;
    case KernelOrder::pixels:
    case KernelOrder::pairs:
      return 2;
    case KernelOrder::fours:
    case KernelOrder::wide:
      return 4;
    case KernelOrder::rows_2:
      return 2 * row;
    case KernelOrder::rows_3:
      return 3 * row;
    case KernelOrder::calls:
    case KernelOrder::rows:
    case KernelOrder::channels:
      break;
  }
  return row;
}

/// How often a run of the step reads each byte of a constant of its own.
double reads(const Step& s, const Constant& c) {
  double results = 1;
  for (const int64_t n : s.facts.shape_out) results *= double(n);
  if (s.facts.macs > 0) {
    const double channels = s.facts.shape_out.empty() ? 1 : double(s.facts.shape_out.back());
    return std::max(1.0, results / std::max(channels, 1.0) / pixels_together(s));
  }
  return std::max(1.0, results * double(element_bytes(c.dtype)) / double(std::max<int64_t>(c.size(), 1)));
}

}  // namespace

std::vector<double> constant_reads(const Program& p) {
  std::vector<double> r(p.constants.size());
  for (const Step& s : p.steps)
    for (const Parameter& a : s.parameters)
      if (const auto* id = std::get_if<ConstantId>(&a.at)) r[size_t(*id)] += reads(s, p[*id]);
  return r;
}

void copy_constants(Program& p, const WeightsIn& to) {
  ProgramPool& pool = p.pools.at(to.pool);
  const std::vector<double> reads = constant_reads(p);
  std::vector<size_t> order(p.constants.size());
  std::iota(order.begin(), order.end(), size_t(0));
  std::ranges::stable_sort(order, [&](size_t a, size_t b) { return reads[a] > reads[b]; });
  // Values keep their distances to each other and to whole lines.
  const int64_t left = (pool.size - pool.bytes) / kValuesAlign * kValuesAlign;
  const int64_t room = std::min(left, to.bytes.value_or(left));
  int64_t end = 0;
  for (const size_t i : order) {
    StoredConstant& c = p.constants[i];
    const int64_t at = aligned(end, kConstantAlign);
    if (reads[i] == 0 || c.data.size() == 0 || !c.data.record.empty() || at + c.data.size() > room) continue;
    c.copy = at;
    end = at + c.data.size();
  }
  p.constants_pool = int32_t(to.pool);
  const int64_t shift = aligned(end, kValuesAlign);
  bool values = false;
  for (Buffer& b : p.buffers)
    if (b.space == Space::arena && b.pool == p.constants_pool) b.offset += shift, values = values || b.bytes > 0;
  const int64_t added = values ? shift : end;
  pool.bytes += added, p.arena_bytes += added;
}

FlashStalls flash_stalls(const Program& p, const Target& t) {
  const std::vector<double> reads = constant_reads(p);
  FlashStalls r;
  for (size_t i = 0; i < p.constants.size(); ++i) {
    const double cycles = reads[i] * double(p.constants[i].data.size()) * t.flash_stall();
    r.all += cycles;
    if (p.constants[i].copy < 0) r.left += cycles;
  }
  return r;
}

}  // namespace burin
