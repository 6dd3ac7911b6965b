#include <algorithm>

#include "compiler/ir/graph.h"

namespace burin {
namespace {

constexpr int64_t kGap = int64_t{1} << 32;  // between the orders of nodes that are appended

}  // namespace

NodeList::NodeList(std::vector<Node> nodes) {
  slots_.reserve(nodes.size());
  for (Node& n : nodes) push_back(std::move(n));
}

NodeList& NodeList::operator=(NodeList other) {
  slots_ = std::move(other.slots_);
  ++numberings_;
  version_ = std::max(version_, other.version_) + 1;
  return *this;
}

void NodeList::push_back(Node node) { insert(nullptr, std::move(node)); }

Node& NodeList::insert(const Node* before, Node node) {
  ++version_;
  const size_t at = before ? index(*before) : slots_.size();
  const auto between = [&] {
    if (slots_.empty()) return int64_t{0};
    if (at == 0) return slots_[0]->order - kGap;
    if (at == slots_.size()) return slots_.back()->order + kGap;
    return slots_[at - 1]->order + (slots_[at]->order - slots_[at - 1]->order) / 2;
  };
  int64_t order = between();
  if (at > 0 && order == slots_[at - 1]->order) {
    number();
    order = between();
  }
  const auto slot =
      slots_.insert(slots_.begin() + std::ptrdiff_t(at), std::make_unique<Slot>(Slot{std::move(node), order}));
  return **slot;
}

void NodeList::erase(const Node& node) {
  ++version_;
  slots_.erase(slots_.begin() + std::ptrdiff_t(index(node)));
}

void NodeList::keep(const std::vector<bool>& kept) {
  if (std::ranges::count(kept, false) == 0) return;
  ++version_;
  size_t i = 0;
  std::erase_if(slots_, [&](const auto&) { return !kept[i++]; });
}

size_t NodeList::index(const Node& node) const {
  return size_t(std::ranges::lower_bound(slots_, order(node), {}, &Slot::order) - slots_.begin());
}

Node* NodeList::find(int64_t order) {
  const auto at = std::ranges::lower_bound(slots_, order, {}, &Slot::order);
  return at != slots_.end() && (*at)->order == order ? at->get() : nullptr;
}

void NodeList::number() {
  ++numberings_;
  for (size_t i = 0; i < slots_.size(); ++i) slots_[i]->order = int64_t(i) * kGap;
}

}  // namespace burin
