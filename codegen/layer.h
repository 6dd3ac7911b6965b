// What select-kernels and the printer see of a node, and what printing it makes.
#pragma once
#include <any>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <typeindex>
#include <unordered_map>
#include <vector>

#include "compiler/ir/graph.h"
#include "compiler/numerics/tally.h"
#include "compiler/options.h"
#include "compiler/program/layer_code.h"
#include "targets/target.h"

namespace burin {

/// Bytes of the arena that are live at each step, without working memory. Computed once for all layers that ask.
struct LiveSteps {
  explicit LiveSteps(const Graph& g);
  std::unordered_map<const Node*, int64_t> live;  // at each node
  int64_t most;
};

/// What select-kernels found out about a layer: passes after it ask no proof a second time.
struct Selection {
  std::map<std::type_index, std::any> families;             // Family::of
  std::vector<std::pair<const Kernel*, double>> estimates;  // every kernel that serves on this target, its cycles
};

/// A node with its types, and the facts that several kernels of one family ask for (computed once).
class LayerView {
 public:
  LayerView(const Graph& g, const Node& n, const Target& t, const Options& o, const LiveSteps* steps = nullptr)
      : graph(g),
        node(n),
        target(t),
        options(o),
        live(steps),
        selection_(n.selection ? n.selection : std::make_shared<Selection>()) {}
  LayerView(const Graph&, const Node&, const Target&, Options&&, const LiveSteps* = nullptr) = delete;
  /// The same layer with another kernel: what is known of it is shared.
  LayerView(const LayerView& v, const Node& n)
      : graph(v.graph), node(n), target(v.target), options(v.options), live(v.live), selection_(v.selection_) {}
  const Graph& graph;
  const Node& node;
  const Target& target;
  const Options& options;
  const LiveSteps* live;  // null: whoever asks computes it

  size_t inputs() const { return node.inputs.size(); }
  bool has(size_t i) const { return i < node.inputs.size() && node.inputs[i] != ValueId::none; }
  const Value& input(size_t i) const { return graph[node.inputs[i]]; }
  const Type& in(size_t i) const { return input(i).type; }
  const Type& out(size_t i = 0) const { return graph[node.outputs[i]].type; }
  const Tensor* constant(size_t i) const { return has(i) ? input(i).data.get() : nullptr; }
  const std::shared_ptr<Selection>& selection() const { return selection_; }

  /// Family::of(*this), computed once; null where the node is no layer of that family.
  template <class Family>
  const Family* as() const {
    auto [it, fresh] = selection_->families.try_emplace(std::type_index(typeid(Family)));
    if (fresh) {
      std::optional<Family> described = Family::of(*this);
      tally.facts[typeid(Family)] += described.has_value();
      it->second = std::move(described);
    }
    return std::any_cast<std::optional<Family>>(it->second)
               ? std::any_cast<std::optional<Family>>(&it->second)->operator->()
               : nullptr;
  }

 private:
  std::shared_ptr<Selection> selection_;
};

/// Which layers of a kernel could be one function under --optimize size (codegen/layers/conv_share.h).
enum class SharedFunction : uint8_t { none, conv_plain, depthwise_plain, conv, pointwise, depthwise, winograd, dense };
struct SharedForm {
  SharedFunction function = SharedFunction::none;
  bool parts = false;  // the kernel has parts that such layers share (kAny in runtime-min/), exact for this one
  // What a function of its own would gain, as a part of the layer's time with one, and the bytes that it would add.
  double saved = 0;
  int32_t bytes = 0;
};

/// What a layer asks of a kernel that serves it, and how the kernel would be run: select-kernels copies that into the
/// node. A node with rows (and block) asks for a form: the kernel takes the next one that it can run by, and says of
/// the form that it was given what it said before.
struct Work {
  std::vector<double> counts;  // what the time depends on; codegen/costs.h makes cycles of them
  int64_t scratch = 0;         // bytes
  int32_t rows = 0;            // output rows a call; 0: the whole value
  int32_t block = 0;           // filters that are prepared at a time; 0: the kernel knows no such number
  SharedForm form = {};
  int32_t calls = 1;         // kernel calls; those of the usual form count as one: its counts contain them
  int32_t channels = 0;      // whose weights each call makes ready, where counts do not contain that
  bool accumulates = false;  // RowLoop::accumulates: rows counts input rows. Only where --kernel names the kernel
  bool coded = false;        // weights are stored coded: select-kernels takes it where that pays (--compress)
};

/// How a call of a kernel goes over the image. tests/oracle/orders.py runs what follows from it on the cores.
enum class KernelOrder : uint8_t {
  calls,     // in any way: nothing that it reads may lie where it writes
  single,    // pixel by pixel, ascending: a pixel's windows may be read until all of it is written
  pixels,    // so where there is one group, but up to four neighbours at a time, all read before any of them is written
  pairs,     // as pixels, up to two at a time; windows of 1x1 without padding may be read until both are written
  fours,     // as pixels, four at a time, the last ones perhaps once more; 1x1 may read until all four are written
  wide,      // 1x1 alone, as fours where inputs are uint8 or pixels have more than 32 channels, else calls
  rows,      // row by row of the results, ascending: as single, with rows for pixels
  rows_2,    // as rows, two at a time, the first of them an even one
  rows_3,    // as rows, three at a time, and calls where there are no whole threes
  channels,  // a channel of all its rows, and none of it is read once a result lies there, if y lies where x does
  expands,   // pixel by pixel: all of it goes into working memory, byte i at byte i * 2 or before, ascending
};

/// One line of kernels.inc.
struct Kernel {
  std::string_view name;
  std::string_view header;                        // in runtime-min/kernels
  std::string_view needs;                         // feature of the core, empty: none
  std::optional<Work> (*work)(const LayerView&);  // nothing: the kernel does not serve this layer
  LayerCode (*lower)(const LayerView&);           // of a node with its Work
  KernelOrder order = KernelOrder::calls;
  int64_t (*packed_bytes)(const LayerView&) = nullptr;  // of constants, counted without packing; null: lower() tells
};
std::span<const Kernel> kernels();

}  // namespace burin
