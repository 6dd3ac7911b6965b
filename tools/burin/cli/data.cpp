#include "tools/burin/cli/data.h"

#include <fmt/format.h>

#include <filesystem>

#include "compiler/onnx/bind.h"
#include "tools/burin/cli/files.h"

namespace burin {
namespace fs = std::filesystem;

std::vector<std::string> data_folders(const ModelOptions& model, const std::vector<std::string>& named) {
  std::vector<std::string> r = named;
  if (r.empty()) {
    const fs::path beside = fs::absolute(model.model).parent_path();
    for (int i = 0; is_folder((beside / fmt::format("test_data_set_{}", i)).string()); ++i)
      r.push_back((beside / fmt::format("test_data_set_{}", i)).string());
  }
  if (r.empty())
    throw UsageError(fmt::format("there is no test_data_set_0 beside '{}'; name folders with --data DIR", model.model),
                     "missing-data");
  for (const std::string& d : r)
    if (!is_folder(d)) throw UsageError(fmt::format("--data '{}' is no folder", d), "missing-data");
  return r;
}

const Tensor& pick(const std::vector<NamedTensor>& all, const std::string& name, size_t position,
                   const std::string& folder) {
  for (const NamedTensor& t : all)
    if (t.name == name) return t.tensor;
  if (position >= all.size())
    throw ModelError(fmt::format("'{}' has no tensor for '{}'", folder, name), "missing-data");
  return all[position].tensor;
}

DataForm data_form(const Type& data, const Type& file, const Type& code) {
  auto same = [&](const Type& t) { return data.dtype == t.dtype && data.shape == t.shape; };
  auto but_for_ones = [&](const Type& t) {
    Shape a = data.shape, b = t.shape;
    std::erase(a, 1), std::erase(b, 1);
    return data.dtype == t.dtype && a == b;
  };
  return same(file)           ? DataForm::file
         : same(code)         ? DataForm::code
         : but_for_ones(file) ? DataForm::file
         : but_for_ones(code) ? DataForm::code
                              : DataForm::neither;
}

Tensor through(const Edges::Steps& steps, Tensor value) {
  for (const Edges::Step& s : steps) {
    value.type() = s.from;
    std::vector<Tensor> out{Tensor(s.to)};
    const Tensor* in[] = {&value};
    eval(s.op, in, out);
    value = std::move(out[0]);
  }
  return value;
}

Compiled compile_for(const ModelOptions& o, const std::vector<NamedTensor>& inputs, Bindings& bind) {
  for (;;) {
    try {
      ModelOptions copy = o;
      return compile_model(copy, bind);
    } catch (const NeedsBinding& e) {
      bool more = false;
      for (const std::string& name : e.inputs())
        for (const NamedTensor& t : inputs)
          if (t.name == name) more = bind.try_emplace(name, t.tensor).second || more;
      if (!more) throw;
    }
  }
}

void print_bindings(const Bindings& bind, const std::string& folder, const ModelOptions& o) {
  for (const auto& [name, value] : bind)
    print_diagnostic(
        {Diagnostic::Severity::note,
         fmt::format("input '{}' decides shapes and is bound to its value in '{}'", name, folder), "", "", "", ""},
        o.model, diagnostic_style(o));
}

std::vector<Tensor> model_inputs(const Compiled& c, const std::vector<NamedTensor>& data, const Bindings& bind,
                                 const std::string& folder) {
  std::vector<Tensor> values;
  std::vector<NamedTensor> unbound;
  for (const NamedTensor& t : data)
    if (!bind.count(t.name)) unbound.push_back(t);
  for (size_t i = 0; i < c.graph.inputs.size(); ++i) {
    const Value& v = c.graph[c.graph.inputs[i]];
    const Tensor& t = pick(unbound, v.name, i, folder);
    const Edges::Steps& steps = c.edges.inputs[i];
    const Type& file = steps.empty() ? v.type : steps[0].from;
    const DataForm form = data_form(t.type(), file, v.type);
    if (form == DataForm::neither)
      throw ModelError(fmt::format("input '{}' is {}{}, its data in '{}' is {}", v.name, to_string(file),
                                   steps.empty() ? "" : fmt::format(" ({} in the code)", to_string(v.type)), folder,
                                   to_string(t.type())),
                       "wrong-data", "data sets have the types of the file; --input-dim binds what it leaves open");
    values.push_back(form == DataForm::file ? through(steps, t) : t);
    values.back().type() = v.type;
  }
  return values;
}

}  // namespace burin
