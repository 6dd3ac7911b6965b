// burin-nodetest [--list FILE] [--ops] DIR...: runs the ONNX project's node tests through reader and interpreter.
//
// Each DIR is a test (model.onnx with test_data_set_N beside it) or a folder of tests. Inputs that the reader must know
// (shapes, axes, scales) are bound to the data's values. Floats agree within rtol 1e-3 and atol 1e-5, all else exactly.
// Prints one line per test: "pass", "FAIL" (wrong results or an internal error) or "skip" with the reader's message.
// --list: only the tests named in FILE. --ops: at the end, how many tests of each operator pass. Exit 1 on any FAIL.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "compiler/interpreter.h"
#include "compiler/onnx/bind.h"
#include "compiler/onnx/proto.h"
#include "compiler/onnx/reader.h"
#include "compiler/onnx/tensor_proto.h"

namespace burin {
namespace {

namespace fs = std::filesystem;

struct Outcome {
  enum Kind { pass, fail, skip } kind;
  std::string what;
};

struct DataSet {
  std::vector<Tensor> inputs, outputs;
};

std::vector<Tensor> read_tensors(const fs::path& folder, std::string_view stem) {
  std::vector<Tensor> all;
  for (int i = 0;; ++i) {
    const fs::path path = folder / fmt::format("{}_{}.pb", stem, i);
    if (!fs::exists(path)) return all;
    onnx::TensorProto proto;
    if (!proto.ParseFromString(read_file(path.string()))) throw OpError("the data are no tensors");
    all.push_back(read_tensor(proto, folder.string()));
  }
}

std::vector<DataSet> read_data(const fs::path& folder) {
  std::vector<DataSet> sets;
  for (int i = 0; fs::is_directory(folder / fmt::format("test_data_set_{}", i)); ++i) {
    const fs::path data = folder / fmt::format("test_data_set_{}", i);
    sets.push_back({read_tensors(data, "input"), read_tensors(data, "output")});
  }
  return sets;
}

/// Names of the model's inputs, in the order of the data's files.
std::vector<std::string> input_names(const std::string& path) {
  onnx::ModelProto model;
  model.ParseFromString(read_file(path));
  std::vector<std::string> names;
  for (const auto& v : model.graph().input()) names.push_back(v.name());
  return names;
}

std::string difference(const Tensor& got, const Tensor& want) {
  if (got.dtype() != want.dtype() || got.shape() != want.shape())
    return fmt::format("{} instead of {}", to_string(Type{got.dtype(), got.shape(), {}}), to_string(want.type()));
  for (int64_t i = 0; i < want.elements(); ++i) {
    const double g = got.real(i), w = want.real(i);
    const bool same = is_float(want.dtype())
                          ? (std::isnan(w) && std::isnan(g)) || g == w || std::fabs(g - w) <= 1e-5 + 1e-3 * std::fabs(w)
                          : got.integer(i) == want.integer(i);
    if (!same) return fmt::format("element {} is {}, not {}", i, g, w);
  }
  return "";
}

/// The graph, with as many inputs bound as the reader asks for.
Graph read_bound(const std::string& path, const std::vector<std::string>& names, const DataSet& data,
                 std::set<std::string>& bound) {
  ReadOptions options;
  for (;;) {
    try {
      return read_model(path, options);
    } catch (const NeedsBinding& e) {
      bool more = false;
      for (const std::string& name : e.inputs()) {
        const size_t i = size_t(std::ranges::find(names, name) - names.begin());
        if (i < data.inputs.size()) more |= options.bind.emplace(name, data.inputs[i]).second, bound.insert(name);
      }
      if (!more) throw;
    }
  }
}

Outcome run_test(const fs::path& folder) {
  const std::string path = (folder / "model.onnx").string();
  try {
    const std::vector<std::string> names = input_names(path);
    std::vector<DataSet> sets;
    try {
      sets = read_data(folder);
    } catch (const OpError& e) {
      return {Outcome::skip, fmt::format("data: {}", e.what())};
    }
    for (const DataSet& data : sets) {
      std::set<std::string> bound;
      const Graph g = read_bound(path, names, data, bound);
      std::vector<Tensor> inputs;
      for (size_t i = 0; i < names.size() && i < data.inputs.size(); ++i)
        if (!bound.contains(names[i])) inputs.push_back(data.inputs[i]);
      const std::vector<Tensor> results = interpret(g, inputs);
      for (size_t k = 0; k < data.outputs.size() && k < results.size(); ++k)
        if (std::string d = difference(results[k], data.outputs[k]); !d.empty())
          return {Outcome::fail, fmt::format("output {}: {}", k, d)};
      // The text form of every graph reads back as the same text.
      const std::string text = print(g);
      if (print(parse(text)) != text) return {Outcome::fail, "print(parse(text)) differs"};
    }
    return {Outcome::pass, fmt::format("{} data sets", sets.size())};
  } catch (const ModelError& e) {
    const Diagnostic& d = e.diagnostics()[0];
    return {Outcome::skip, fmt::format("{}: {} [{}]", d.op, d.message, d.code.text())};
  } catch (const std::exception& e) {
    return {Outcome::fail, e.what()};
  }
}

std::string operators_of(const fs::path& folder) {
  onnx::ModelProto model;
  model.ParseFromString(read_file((folder / "model.onnx").string()));
  std::set<std::string> ops;
  for (const auto& n : model.graph().node()) ops.insert(n.op_type());
  return ops.size() == 1 ? *ops.begin() : "(several)";
}

int main_(const std::vector<std::string>& arguments) {
  std::vector<fs::path> tests;
  std::set<std::string> wanted;
  bool by_operator = false;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& a = arguments[i];
    if (a == "--list" && i + 1 < arguments.size()) {
      std::ifstream in(arguments[++i]);
      for (std::string line; std::getline(in, line);) wanted.insert(line);
    } else if (a == "--ops") {
      by_operator = true;
    } else if (fs::exists(fs::path(a) / "model.onnx")) {
      tests.push_back(a);
    } else {
      for (const auto& e : fs::directory_iterator(a))
        if (fs::exists(e.path() / "model.onnx")) tests.push_back(e.path());
    }
  }
  std::ranges::sort(tests);
  std::map<Outcome::Kind, int> count;
  std::map<std::string, std::map<Outcome::Kind, int>> operators;
  for (const fs::path& test : tests) {
    const std::string name = test.filename().string();
    if (!wanted.empty() && !wanted.contains(name)) continue;
    const Outcome o = run_test(test);
    constexpr std::string_view words[] = {"pass", "FAIL", "skip"};
    fmt::print("{} {}: {}\n", words[o.kind], name, o.what);
    ++count[o.kind];
    if (by_operator) ++operators[operators_of(test)][o.kind];
  }
  for (auto& [op, c] : operators)
    fmt::print("{}: {} pass, {} fail, {} skip\n", op, c[Outcome::pass], c[Outcome::fail], c[Outcome::skip]);
  fmt::print("{} pass, {} fail, {} skip\n", count[Outcome::pass], count[Outcome::fail], count[Outcome::skip]);
  return count[Outcome::fail] > 0;
}

}  // namespace
}  // namespace burin

int main(int argc, char** argv) {
  try {
    return burin::main_({argv + 1, argv + argc});
  } catch (const std::exception& e) {
    fmt::print(stderr, "{}\n", e.what());
    return 2;
  }
}
