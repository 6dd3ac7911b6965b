#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

#include "compiler/ir/graph.h"
#include "compiler/ir/text_form.h"
#include "compiler/ops/all.h"

namespace burin {
namespace {

/// Constants with more elements stand at the end of the text, so that the graph itself stays readable.
constexpr int64_t kMostInLine = 64;
constexpr size_t kLine = 116;

// Attributes, by C++ type.
std::string text(bool v) { return v ? "true" : "false"; }
std::string text(DType v) { return std::string(name(v)); }
[[maybe_unused]] std::string text(const std::string& v) { return quoted(v); }
std::string text(const Clamp& v) { return fmt::format("[{},{}]", v.lo, v.hi); }
template <class T>
requires std::is_arithmetic_v<T> std::string text(T v) { return fmt::format("{}", v); }
template <class T>
std::string text(const std::vector<T>& v) {
  return fmt::format("[{}]", fmt::join(v, ","));
}
template <class T, size_t n>
std::string text(const std::array<T, n>& v) {
  return fmt::format("[{}]", fmt::join(v, ","));
}

std::vector<std::pair<std::string, std::string>> fields(const Op& op) {
  std::vector<std::pair<std::string, std::string>> r;
  visit(op, [&]<class T>(const T& o) {
    T::fields(o, [&](std::string_view name, const auto& v) { r.emplace_back(name, text(v)); });
  });
  return r;
}

/// Attributes that differ from the operator's defaults.
std::string attributes(const Op& op) {
  std::string r;
  const auto all = fields(op), defaults = fields(op_of_name(name(op)));
  for (size_t i = 0; i < all.size(); ++i)
    if (all[i] != defaults[i]) r += fmt::format(" {}={}", all[i].first, all[i].second);
  return r;
}

/// FNV-1a, 64 bits: equal constants share their data, and the label of a constant that does not change stays the same.
std::string data_label(const Tensor& t) {
  uint64_t h = 0xcbf29ce484222325;
  for (std::byte b : t.bytes()) h = (h ^ uint64_t(b)) * 0x100000001b3;
  return fmt::format("@{:016x}", h);
}

std::string elements_text(const Tensor& t) {
  std::string r;
  for (int64_t i = 0; i < t.elements(); ++i) {
    if (i) r += ",";
    if (t.dtype() == DType::f32) r += fmt::format("{}", t.data<float>()[i]);
    else if (is_float(t.dtype())) r += fmt::format("{}", t.real(i));
    else if (t.dtype() == DType::u64) r += fmt::format("{}", t.data<uint64_t>()[i]);
    else r += fmt::format("{}", t.integer(i));
  }
  return r;
}

class Printer {
 public:
  explicit Printer(const Graph& g) : g_(g) {}

  std::string run() {
    out_ = fmt::format("graph {}(", g_.name.empty() ? "" : word(g_.name));
    for (size_t i = 0; i < g_.inputs.size(); ++i) out_ += fmt::format("{}{}", i ? ", " : "", definition(g_.inputs[i]));
    out_ += ") ->";
    for (size_t i = 0; i < g_.outputs.size(); ++i) out_ += fmt::format("{} {}", i ? "," : "", reference(g_.outputs[i]));
    out_ += "\n";
    if (g_.arena_bytes || g_.arena_lower_bound)
      out_ += fmt::format("  arena {} {}\n", g_.arena_bytes, g_.arena_lower_bound);
    if (g_.fed) out_ += fmt::format("  fed {} {} {}\n", g_.state_bytes, g_.position, g_.position_bytes);
    for (const std::string& n : g_.notes) out_ += fmt::format("  note {}\n", quoted(n));
    for (const Node& n : g_.nodes) node(n);
    for (ValueId id : g_.outputs) constant(id);
    for (const auto& [label, tensor] : data_) {
      const std::string all = base64(tensor->bytes());
      out_ += label + "\n";
      for (size_t i = 0; i < all.size(); i += kLine) out_ += fmt::format("  {}\n", all.substr(i, kLine));
    }
    return std::move(out_);
  }

 private:
  std::string reference(ValueId id) const { return id == ValueId::none ? "_" : fmt::format("%{}", word(g_[id].name)); }

  std::string definition(ValueId id) const {
    std::string s = fmt::format("{}: {}", reference(id), to_string(g_[id].type));
    if (g_[id].offset >= 0) s += fmt::format(" at {}{}", g_[id].in_state ? "state " : "", g_[id].offset);
    return g_[id].ring == 0 ? s : s + fmt::format(" ring {}", g_[id].ring);
  }

  void constant(ValueId id) {
    if (id == ValueId::none || !g_[id].constant() || !printed_.insert(id).second) return;
    const Tensor& t = *g_[id].data;
    const bool long_one = t.elements() > kMostInLine;
    const std::string label = long_one ? data_label(t) : "";
    if (long_one) data_.emplace(label, &t);
    out_ +=
        fmt::format("  {} = constant {}\n", definition(id), long_one ? label : fmt::format("[{}]", elements_text(t)));
  }

  void node(const Node& n) {
    for (ValueId id : n.inputs) constant(id);
    out_ += "  ";
    for (size_t i = 0; i < n.outputs.size(); ++i) out_ += fmt::format("{}{}", i ? ", " : "", definition(n.outputs[i]));
    out_ += fmt::format(" = {}{}", name(n.op), attributes(n.op));
    if (n.rows) out_ += fmt::format(" rows={}", n.rows);
    if (n.block) out_ += fmt::format(" block={}", n.block);
    if (n.group) out_ += fmt::format(" stream={}", n.group);
    if (n.sharing != Sharing::none) out_ += fmt::format(" share={}", n.sharing == Sharing::parts ? "parts" : "whole");
    if (n.scratch) out_ += fmt::format(" scratch={}", n.scratch);
    if (n.scratch_offset >= 0)
      out_ += fmt::format(" scratch_{}={}", n.scratch_in_state ? "state" : "offset", n.scratch_offset);
    for (size_t i = 0; i < n.inputs.size(); ++i) out_ += fmt::format("{} {}", i ? "," : "", reference(n.inputs[i]));
    const bool only_itself = n.onnx == std::vector{n.name};
    if (!only_itself || n.outputs.empty() || n.name != g_[n.outputs[0]].name)
      out_ += fmt::format("  # {}", word(n.name));
    if (!only_itself) {
      std::string from;
      for (const std::string& o : n.onnx) from += (from.empty() ? "" : ", ") + word(o);
      out_ += fmt::format(" ({})", from);
    }
    out_ += "\n";
  }

  const Graph& g_;
  std::string out_;
  std::set<ValueId> printed_;
  std::map<std::string, const Tensor*> data_;
};

}  // namespace

std::string print(const Graph& g) { return Printer(g).run(); }

}  // namespace burin
