// The nodes of a graph in execution order, used like a vector of them. But a node keeps its address while others come
// and go, and its place is found in logarithmic time. Included by graph.h alone, which has the Node.
#pragma once
#include <compare>
#include <iterator>

namespace burin {

class NodeList {
  struct Slot : Node {
    int64_t order;
  };
  using Slots = std::vector<std::unique_ptr<Slot>>;

  template <class N>
  class Iterator {
   public:
    using value_type = Node;
    using reference = N&;
    using pointer = N*;
    using difference_type = std::ptrdiff_t;
    using iterator_category = std::random_access_iterator_tag;

    Iterator() = default;
    explicit Iterator(Slots::const_iterator at) : at_(at) {}
    N& operator*() const { return **at_; }
    N* operator->() const { return at_->get(); }
    N& operator[](std::ptrdiff_t i) const { return *at_[i]; }
    Iterator& operator+=(std::ptrdiff_t i) { return at_ += i, *this; }
    Iterator& operator-=(std::ptrdiff_t i) { return at_ -= i, *this; }
    Iterator& operator++() { return ++at_, *this; }
    Iterator& operator--() { return --at_, *this; }
    Iterator operator++(int) { return Iterator(at_++); }
    Iterator operator--(int) { return Iterator(at_--); }
    friend Iterator operator+(Iterator it, std::ptrdiff_t i) { return it += i; }
    friend Iterator operator+(std::ptrdiff_t i, Iterator it) { return it += i; }
    friend Iterator operator-(Iterator it, std::ptrdiff_t i) { return it -= i; }
    friend std::ptrdiff_t operator-(const Iterator& a, const Iterator& b) { return a.at_ - b.at_; }
    friend bool operator==(const Iterator&, const Iterator&) = default;
    friend auto operator<=>(const Iterator&, const Iterator&) = default;

   private:
    Slots::const_iterator at_;
  };

 public:
  NodeList() = default;
  NodeList(std::vector<Node> nodes);
  NodeList(const NodeList& other) : NodeList(std::vector<Node>(other.begin(), other.end())) {}
  NodeList(NodeList&&) = default;
  NodeList& operator=(NodeList other);

  size_t size() const { return slots_.size(); }
  bool empty() const { return slots_.empty(); }
  Node& operator[](size_t i) { return *slots_[i]; }
  const Node& operator[](size_t i) const { return *slots_[i]; }
  Node& back() { return *slots_.back(); }
  const Node& back() const { return *slots_.back(); }
  Iterator<Node> begin() { return Iterator<Node>(slots_.begin()); }
  Iterator<Node> end() { return Iterator<Node>(slots_.end()); }
  Iterator<const Node> begin() const { return Iterator<const Node>(slots_.begin()); }
  Iterator<const Node> end() const { return Iterator<const Node>(slots_.end()); }
  auto rbegin() const { return std::reverse_iterator(end()); }
  auto rend() const { return std::reverse_iterator(begin()); }
  auto rbegin() { return std::reverse_iterator(end()); }
  auto rend() { return std::reverse_iterator(begin()); }

  void push_back(Node node);
  /// Before `before`, at the end when null.
  Node& insert(const Node* before, Node node);
  void erase(const Node& node);
  /// Only those whose index is true in `kept`.
  void keep(const std::vector<bool>& kept);

  /// Of a node in the list: its index.
  size_t index(const Node& node) const;
  /// Of a node in the list: a number that grows along the list and stays as it is unless numberings() changes.
  static int64_t order(const Node& node) { return static_cast<const Slot&>(node).order; }
  /// The node with that order; null when there is none.
  Node* find(int64_t order);
  /// How often the nodes got new numbers, because there was none left between two of them.
  int numberings() const { return numberings_; }
  /// How often the list has changed.
  int64_t version() const { return version_; }

 private:
  void number();

  Slots slots_;
  int numberings_ = 0;
  int64_t version_ = 0;
};

}  // namespace burin
