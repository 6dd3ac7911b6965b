#include "compiler/onnx/inputs.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "compiler/onnx/bind.h"
#include "compiler/onnx/tensor_proto.h"

namespace burin {
namespace {

struct Declared {
  std::string name;
  DType dtype = DType::f32;
  bool has_shape = false;
  Shape shape;                       // kOpenExtent where the file says nothing
  std::vector<std::string> symbols;  // one per axis; may be empty
  std::optional<Tensor> value;

  /// What --input-dim calls axis `a`.
  std::string option(size_t a) const { return symbols[a].empty() ? fmt::format("{}:{}", name, a) : symbols[a]; }
};

Declared declared(const onnx::ValueInfoProto& v) {
  Declared d{v.name(), DType::f32, false, {}, {}, {}};
  const auto& type = v.type();
  if (!type.has_tensor_type()) {
    std::string_view kind = type.has_sequence_type()        ? "a sequence"
                            : type.has_map_type()           ? "a map"
                            : type.has_optional_type()      ? "an optional"
                            : type.has_sparse_tensor_type() ? "a sparse tensor"
                                                            : "of no known type";
    throw OpError(fmt::format("input '{}' is {}, not a tensor", v.name(), kind), "unsupported-type");
  }
  try {
    d.dtype = element_type(type.tensor_type().elem_type());
  } catch (const OpError& e) {
    throw OpError(fmt::format("input '{}': {}", v.name(), e.what()), e.code());
  }
  d.has_shape = type.tensor_type().has_shape();
  for (const auto& dim : type.tensor_type().shape().dim()) {
    // Some exporters write -1 for what they do not know.
    d.shape.push_back(dim.has_dim_value() && dim.dim_value() >= 0 ? dim.dim_value() : kOpenExtent);
    d.symbols.push_back(dim.dim_param());
  }
  return d;
}

class Resolver {
 public:
  Resolver(std::vector<Declared>& inputs, std::vector<std::string>& notes, std::vector<Diagnostic>& errors)
      : inputs_(inputs), notes_(notes), errors_(errors) {}

  void fail(std::string message, DiagnosticId code, std::string hint = "") {
    errors_.push_back({Diagnostic::Severity::error, std::move(message), code, std::move(hint), "", ""});
  }

  Declared* find(std::string_view name) {
    const auto it = std::ranges::find(inputs_, name, &Declared::name);
    return it == inputs_.end() ? nullptr : &*it;
  }

  /// Axis `a` of `d`, and with it every axis of the same symbolic name.
  void set(Declared& d, size_t a, int64_t extent, std::string_view source) {
    if (d.shape[a] != kOpenExtent && d.shape[a] != extent)
      return fail(fmt::format("axis {} of input '{}' is {}, {} says {}", a, d.name, d.shape[a], source, extent),
                  "unknown-dimension");
    const std::string symbol = d.symbols[a];
    d.shape[a] = extent;
    if (symbol.empty()) return;
    for (Declared& other : inputs_)
      for (size_t i = 0; i < other.shape.size(); ++i)
        if (other.symbols[i] == symbol) {
          if (other.shape[i] == kOpenExtent) other.shape[i] = extent;
          else if (other.shape[i] != extent)
            fail(fmt::format("dimension '{}' is {} and {} at once", symbol, other.shape[i], extent),
                 "unknown-dimension");
        }
  }

  void option(const std::string& key, int64_t extent) {
    if (extent < 0)
      return fail(fmt::format("--input-dim {}={}: an extent is not negative", key, extent), "unknown-dimension");
    const std::string source = fmt::format("--input-dim {}={}", key, extent);
    for (Declared& d : inputs_)
      for (size_t a = 0; a < d.shape.size(); ++a)
        if (!key.empty() && d.symbols[a] == key) return set(d, a, extent, source);
    const size_t colon = key.rfind(':');
    if (colon != std::string::npos) {
      size_t axis = 0;
      const char* end = key.data() + key.size();
      const auto [stop, error] = std::from_chars(key.data() + colon + 1, end, axis);
      Declared* d = find(std::string_view(key).substr(0, colon));
      if (d && error == std::errc{} && stop == end && axis < d->shape.size()) return set(*d, axis, extent, source);
    }
    std::string known;
    for (const Declared& d : inputs_)
      for (size_t a = 0; a < d.shape.size(); ++a)
        if (d.shape[a] == kOpenExtent || !d.symbols[a].empty()) known += (known.empty() ? "" : ", ") + d.option(a);
    fail(fmt::format("no input has a dimension '{}'", key), "unknown-dimension",
         known.empty() ? "every dimension of this model is fixed" : "open dimensions: " + known);
  }

  void bind(Declared& d, Tensor value) {
    if (value.dtype() != d.dtype)
      return fail(fmt::format("input '{}' has type {}, the bound value {}", d.name, name(d.dtype), name(value.dtype())),
                  "invalid-binding");
    if (!d.has_shape) {
      d.has_shape = true;
      d.shape = value.shape();
      d.symbols.assign(d.shape.size(), "");
    }
    if (value.shape().size() != d.shape.size())
      return fail(
          fmt::format("input '{}' has rank {}, the bound value {}", d.name, d.shape.size(), value.shape().size()),
          "invalid-binding");
    for (size_t a = 0; a < d.shape.size(); ++a)
      set(d, a, value.shape()[a], fmt::format("the value bound to '{}'", d.name));
    d.value = std::move(value);
  }

  void leading_ones() {
    for (Declared& d : inputs_) {
      if (!d.has_shape || d.shape.empty() || d.shape[0] != kOpenExtent) continue;
      const std::string option = d.option(0);
      set(d, 0, 1, "the default");
      notes_.push_back(fmt::format("dimension '{}' of input '{}' is open and taken as 1; --input-dim {}=N changes it",
                                   option, d.name, option));
    }
  }

  void report_open() {
    for (const Declared& d : inputs_) {
      if (!d.has_shape)
        fail(fmt::format("input '{}' has no shape", d.name), "unknown-shape",
             fmt::format("export the model with shapes, or give the value: --bind {}=FILE.npy", d.name));
      for (size_t a = 0; a < d.shape.size(); ++a)
        if (d.shape[a] == kOpenExtent)
          fail(fmt::format("axis {} of input '{}' has no fixed extent", a, d.name), "unknown-shape",
               fmt::format("give it with --input-dim {}=N", d.option(a)));
    }
  }

 private:
  std::vector<Declared>& inputs_;
  std::vector<std::string>& notes_;
  std::vector<Diagnostic>& errors_;
};

}  // namespace

std::vector<ModelInput> resolve_inputs(const onnx::GraphProto& graph, const ReadOptions& options,
                                       const std::set<std::string>& skip, std::vector<std::string>& notes,
                                       std::vector<Diagnostic>& errors) {
  std::vector<Declared> inputs;
  std::set<std::string> names;
  Resolver r(inputs, notes, errors);
  for (const auto& v : graph.input()) {
    names.insert(v.name());
    if (skip.contains(v.name())) continue;
    try {
      inputs.push_back(declared(v));
    } catch (const OpError& e) {
      errors.push_back(e.at("", ""));
    }
  }
  for (const auto& [key, extent] : options.input_dims) r.option(key, extent);
  auto bind = [&](const std::string& name, auto&& value_for) {
    if (!names.contains(name)) return r.fail(fmt::format("the model has no input '{}' to bind", name), "unknown-input");
    Declared* d = r.find(name);
    if (!d) return;  // its type was refused above
    try {
      r.bind(*d, value_for(*d));
    } catch (const OpError& e) {
      r.fail(fmt::format("--bind {}: {}", name, e.what()), e.code(), e.hint());
    }
  };
  for (const auto& b : options.bind) bind(b.first, [&](const Declared&) { return b.second; });
  for (const auto& b : options.bind_text)
    bind(b.first, [&](const Declared& d) {
      const std::string& text = b.second;
      if (!d.has_shape && !names_a_file(text))
        throw OpError("the input has no shape, so the value must come from a file", "invalid-binding");
      return parse_binding(text, {d.dtype, d.shape, {}});
    });
  r.leading_ones();
  r.report_open();
  std::vector<ModelInput> resolved;
  if (!errors.empty()) return resolved;
  for (Declared& d : inputs) {
    try {
      elements(d.shape);
    } catch (const OpError& e) {
      r.fail(fmt::format("input '{}': {}", d.name, e.what()), e.code());
    }
    resolved.push_back({d.name, {d.dtype, d.shape, {}}, std::move(d.value)});
  }
  return resolved;
}

}  // namespace burin
