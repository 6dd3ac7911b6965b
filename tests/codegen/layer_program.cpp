#include "tests/codegen/layer_program.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "codegen/kernel_source.h"
#include "codegen/layer.h"
#include "codegen/spelling.h"
#include "codegen/writer.h"
#include "passes/pass.h"

namespace burin {
namespace {

std::string array(const std::string& name, const NamedConstant& c) {
  const std::string values = spelled(c.value);
  return fmt::format("const {} {}[] = {{\n{}}};\n", c.value.c_type(), name, values.empty() ? "0" : values);
}

// What main() needs of the host.
constexpr std::string_view kHost = R"(
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
namespace {
template <class T>
T* copy_of(const T* x, size_t bytes) {
  T* p = static_cast<T*>(malloc(bytes));
  memcpy(p, x, bytes);
  return p;
}
template <class T>
T* fresh(size_t bytes) {
  T* p = static_cast<T*>(malloc(bytes));
  memset(p, 0xA5, bytes);
  return p;
}
void show(const void* y, size_t bytes) {
  const unsigned char* p = static_cast<const unsigned char*>(y);
  for (size_t i = 0; i < bytes; ++i) printf("%02x", unsigned(p[i]));
  printf("\n");
}
}  // namespace
)";

}  // namespace

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

void shell(const std::string& command, const std::filesystem::path& messages) {
  const std::string all = fmt::format("{} 2> '{}'", command, messages.string());
  if (std::system(all.c_str()) != 0) throw std::runtime_error(command + "\n" + read_file(messages).substr(0, 4000));
}

void LayerProgram::add(std::string name, Op op, std::vector<Operand> in, Type y, const ByKernel& by) {
  Graph g;
  Node n;
  n.name = name;
  n.op = std::move(op);
  std::vector<const Tensor*> values;
  for (const Operand& o : in) {
    values.push_back(&o.value);
    const std::string x = fmt::format("x{}", n.inputs.size());
    n.inputs.push_back(o.constant ? g.add_constant(x, o.value) : g.add_value(x, o.value.type()));
    if (!o.constant) g.inputs.push_back(n.inputs.back());
  }
  n.outputs = {g.add_value("y", y)};
  g.outputs = n.outputs;
  g.nodes.push_back(std::move(n));

  Context context;
  context.target = find_target(by.kernel.empty() ? "host" : "cortex-m55");
  if (!by.kernel.empty()) context.options.kernels = {{name, by.kernel}};
  select_kernels(g, context);
  if (by.rows > 0) g.nodes[0].rows = by.rows;
  const Node& node = g.nodes[0];
  const LayerView view(g, node, *context.target, context.options);
  LayerCode code = node.kernel->lower(view);
  headers_.insert(code.headers.begin(), code.headers.end());
  forms_.insert(code.requantize);
  kernels_.insert(std::string(node.kernel->name));

  Layer layer{std::move(name), std::string(node.kernel->name), "", "", {}};
  const std::string id = fmt::format("layer_{}", layers_.size());
  std::string params, args, arrays;
  auto param = [&](const std::string& declaration, const std::string& argument) {
    params += (params.empty() ? "" : ", ") + declaration;
    args += (args.empty() ? "" : ", ") + argument;
  };
  for (size_t i = 0; i < in.size(); ++i) {
    if (code.packed.count(i)) continue;
    const NamedConstant c{fmt::format("x{}", i), constant_of(std::make_shared<const Tensor>(in[i].value))};
    if (in[i].constant) {
      code.constants.push_back(c);
    } else {
      arrays += array(c.name, c);
      param(fmt::format("const {}* {}", c.value.c_type(), c.name),
            fmt::format("copy_of({}, {})", c.name, c.value.size()));
    }
  }
  const std::string_view c_type = info(y.dtype).c_type;
  param(fmt::format("{}* y0", c_type), "y0");
  if (node.scratch > 0) param("void* scratch", fmt::format("fresh<unsigned char>({})", node.scratch));
  for (const NamedConstant& c : code.constants) {
    arrays += array(c.name, c);
    param(fmt::format("const {}* {}", c.value.c_type(), c.name),
          fmt::format("copy_of({}, {})", c.name, c.value.size()));
  }
  layer.function = expand(R"(
      // $name$
      void $id$($params$);
      void $id$($params$) {
        $body$
      }
      )",
                          {{"name", layer.name}, {"id", id}, {"params", params}, {"body", spelled(code.body)}});
  layer.call = expand(R"(
      {
        $arrays$
        $c_type$* const y0 = fresh<$c_type$>($bytes$);
        test::$id$($args$);
        show(y0, $bytes$);
      }
      )",
                      {{"arrays", arrays}, {"c_type", c_type}, {"bytes", y.bytes()}, {"id", id}, {"args", args}});
  std::vector<Tensor> out{Tensor(y)};
  eval(node.op, values, out);
  layer.expected = std::move(out[0]);
  layers_.push_back(std::move(layer));
}

std::string LayerProgram::layers() const {
  const KernelSource kernels = kernel_source(headers_);
  std::string s = "#include <stddef.h>\n#include <stdint.h>\n" + kernels.preamble + "namespace test {\n" + kernels.body;
  for (const Layer& l : layers_) s += l.function;
  return s + "}  // namespace test\n";
}

std::vector<Tensor> LayerProgram::run(const std::filesystem::path& folder, const std::string& compiler) const {
  std::filesystem::create_directories(folder);
  const auto file = [&](const char* name) { return (folder / name).string(); };
  std::string source = layers();
  source += kHost;
  for (size_t i = 0; i < layers_.size(); ++i)
    source += fmt::format("static void call_{}() {}", i,
                          layers_[i].call);  // small functions: main() would take long to compile
  source += "int main() {\n";
  for (size_t i = 0; i < layers_.size(); ++i) source += fmt::format("  call_{}();\n", i);
  source += "  fflush(stdout);\n  _Exit(0);  // nothing was freed: no talk of leaks\n}\n";
  std::ofstream(folder / "layers.cpp") << source;

  shell(fmt::format("{} '{}' -o '{}'", compiler, file("layers.cpp"), file("layers")), folder / "messages");
  shell(fmt::format("'{}' > '{}'", file("layers"), file("results")), folder / "messages");

  std::istringstream lines(read_file(folder / "results"));
  std::vector<Tensor> results;
  std::string line;
  for (const Layer& l : layers_) {
    Tensor y(l.expected.type());
    if (!std::getline(lines, line) || line.size() != 2 * y.bytes().size())
      throw std::runtime_error(fmt::format("no result of layer {}", l.name));
    for (size_t i = 0; i < y.bytes().size(); ++i)
      y.bytes()[i] = std::byte(std::stoul(line.substr(2 * i, 2), nullptr, 16));
    results.push_back(std::move(y));
  }
  return results;
}

bool equal(const Tensor& a, const Tensor& b) {
  if (a.type() != b.type()) return false;
  const bool fraction = info(a.dtype()).bits < 8;
  if (!is_float(a.dtype()) && !fraction) return std::ranges::equal(a.bytes(), b.bytes());
  const size_t size = size_t(std::max(info(a.dtype()).bits / 8, 1));
  for (int64_t i = 0; i < a.elements(); ++i) {
    if (fraction) {
      if (a.integer(i) != b.integer(i)) return false;
    } else if (!std::ranges::equal(a.bytes().subspan(size_t(i) * size, size),
                                   b.bytes().subspan(size_t(i) * size, size)) &&
               !(std::isnan(a.real(i)) && std::isnan(b.real(i)))) {
      return false;
    }
  }
  return true;
}

}  // namespace burin
