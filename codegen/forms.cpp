#include "codegen/forms.h"

#include <algorithm>
#include <set>

#include "codegen/costs.h"
#include "codegen/layers/conv.h"

namespace burin {
namespace {

constexpr size_t kMostForms = 8, kMostBlocks = 4;

std::optional<Work> asked(const LayerView& v, const Kernel& k, int32_t rows, int32_t block) {
  Node n = v.node;
  n.kernel = &k, n.rows = rows, n.block = block;
  return k.work(LayerView(v, n));
}

/// As the kernel would be run if nobody asked; what is known of its room is known of the graph's own nodes.
std::optional<Work> usual_work(const LayerView& v, const Kernel& k) {
  if (v.node.kernel != &k) return k.work(v);
  std::optional<Work> w = asked(v, k, 0, v.node.block);
  return w ? w : k.work(v);
}

/// Divisors of the image's height and its halvings, at most `most`.
std::set<int32_t, std::greater<>> heights(int32_t height, int32_t most) {
  std::set<int32_t, std::greater<>> r;
  for (int32_t n = 1; n <= most; ++n)
    if (height % n == 0) r.insert(n);
  for (int32_t n = most; n > 1; n = (n + 1) / 2) r.insert(n);
  return r;
}

/// Every second one of those that lie closest, until there are `most`; the first and the last stay.
void thin(std::vector<Form>& forms, size_t most) {
  while (forms.size() > most) {
    size_t closest = 1;
    for (size_t i = 1; i + 1 < forms.size(); ++i) {
      const auto gap = [&](size_t at) { return double(forms[at - 1].rows) / forms[at + 1].rows; };
      if (gap(i) < gap(closest)) closest = i;
    }
    forms.erase(forms.begin() + std::ptrdiff_t(closest));
  }
}

bool no_worse(const Form& a, const Form& b) {
  return a.rows <= b.rows && a.scratch <= b.scratch && a.cycles <= b.cycles;
}

/// With blocks of one size.
std::vector<Form> forms_of(const LayerView& v, const Kernel& k, const Form& first, int32_t height) {
  std::vector<Form> all = {first};
  for (const int32_t n : heights(height, first.rows)) {
    const std::optional<Work> w = asked(v, k, n, first.block);
    if (!w || w->rows >= all.back().rows) continue;
    all.push_back({w->rows, w->block, w->scratch, estimated_cycles(k, *w, v.target)});
  }
  std::vector<Form> r = {first};
  for (size_t i = 1; i < all.size(); ++i)
    if (std::none_of(all.begin() + std::ptrdiff_t(i) + 1, all.end(),
                     [&](const Form& f) { return no_worse(f, all[i]); }))
      r.push_back(all[i]);
  return r;
}

}  // namespace

std::vector<Form> row_forms(const LayerView& v, const Kernel& k) {
  const std::optional<Work> usual = usual_work(v, k);
  if (!usual) return {};
  const auto g = geometry(v);
  const int32_t height = g ? g->image.oh : usual->rows;
  Form first = {usual->rows, usual->block, usual->scratch, estimated_cycles(k, *usual, v.target)};
  std::vector<Form> r = forms_of(v, k, first, height);
  if (usual->block == 0) {
    thin(r, kMostForms);
    return r;
  }
  thin(r, kMostBlocks);
  for (size_t i = 1; i < kMostBlocks && first.block > 2; ++i) {
    // One block of filters more.
    const int32_t filters = int32_t(v.out().shape.back()), blocks = (filters + first.block - 1) / first.block;
    const std::optional<Work> w = asked(v, k, first.rows, (filters + blocks) / (blocks + 1));
    if (!w || w->block >= first.block) break;
    first = {w->rows, w->block, w->scratch, estimated_cycles(k, *w, v.target)};
    std::vector<Form> more = forms_of(v, k, first, height);
    thin(more, kMostBlocks);
    r.insert(r.end(), more.begin(), more.end());
  }
  return r;
}

}  // namespace burin
