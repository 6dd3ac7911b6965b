// What select-kernels and the printer see of a node, and what printing it makes.
#pragma once
#include <any>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <typeindex>
#include <vector>

#include "codegen/constant.h"
#include "codegen/writer.h"
#include "compiler/ir/graph.h"
#include "compiler/options.h"
#include "targets/target.h"

namespace burin {

/// A node with its types, and the facts that several kernels of one family ask for (computed once).
class LayerView {
 public:
  LayerView(const Graph& g, const Node& n, const Target& t, const Options& o)
      : graph(g), node(n), target(t), options(o) {}
  LayerView(const Graph&, const Node&, const Target&, Options&&) = delete;  // the view keeps the reference
  /// The same layer with another kernel: what is known of it is shared.
  LayerView(const LayerView& v, const Node& n)
      : graph(v.graph), node(n), target(v.target), options(v.options), families_(v.families_) {}
  const Graph& graph;
  const Node& node;
  const Target& target;
  const Options& options;

  size_t inputs() const { return node.inputs.size(); }
  bool has(size_t i) const { return i < node.inputs.size() && node.inputs[i] != ValueId::none; }
  const Value& input(size_t i) const { return graph[node.inputs[i]]; }
  const Type& in(size_t i) const { return input(i).type; }
  const Type& out(size_t i = 0) const { return graph[node.outputs[i]].type; }
  const Tensor* constant(size_t i) const { return has(i) ? input(i).data.get() : nullptr; }

  /// Family::of(*this), computed once; null where the node is no layer of that family.
  template <class Family>
  const Family* as() const {
    auto [it, fresh] = families_->try_emplace(std::type_index(typeid(Family)));
    if (fresh) it->second = Family::of(*this);
    return std::any_cast<std::optional<Family>>(it->second)
               ? std::any_cast<std::optional<Family>>(&it->second)->operator->()
               : nullptr;
  }

 private:
  std::shared_ptr<std::map<std::type_index, std::any>> families_ =
      std::make_shared<std::map<std::type_index, std::any>>();
};

/// An array of constants that a layer reads: a parameter of its function.
struct LayerConstant {
  std::string name;  // of the parameter: "w"
  Constant data;
};

/// A layer as source. The body sees its inputs as x0, x1, ..., its outputs as y0, ..., its working memory as `scratch`
/// (16-byte aligned) and its constants by their names; kernels and shapes are in namespace burin.
struct LayerCode {
  std::vector<std::string> headers;  // of runtime-min/kernels
  std::vector<LayerConstant> constants;
  std::set<size_t> packed;  // inputs that the constants replace
  std::string body;
  std::string requantize;             // for the report: "shift8", "" where nothing is requantized
  std::map<std::string, int> needed;  // channels by the cheapest sequence that serves them
  int64_t accumulator_bound = 0;      // largest |sum| that can occur; 0: not of interest
};

/// What a layer asks of a kernel that serves it.
struct Work {
  std::vector<double> counts;  // what the time depends on; codegen/costs.h makes cycles of them
  int64_t scratch;             // bytes
};

/// One line of kernels.inc.
struct Kernel {
  std::string_view name;
  std::string_view header;                        // in runtime-min/kernels
  std::string_view needs;                         // feature of the core, empty: none
  size_t counts;                                  // numbers in Work::counts
  std::optional<Work> (*work)(const LayerView&);  // nothing: the kernel does not serve this layer
  LayerCode (*print)(const LayerView&);
};
std::span<const Kernel> kernels();

// Spelling of C++ values.
std::string cpp(float v);
std::string cpp(double v);
/// "{1, 2, 3}" for a struct or array of integers.
std::string braced(std::span<const int32_t> values);

}  // namespace burin
