#include "tests/fuzz/input.h"

#include <fmt/format.h>

#include <climits>
#include <cmath>
#include <stdexcept>

#include "compiler/onnx/proto.h"

namespace burin::fuzz {

Context context_of(int64_t model_version) {
  uint64_t rest = uint64_t(model_version);
  auto choice = [&](uint64_t n) {
    const uint64_t c = rest % n;
    rest /= n;
    return c;
  };
  Context c;
  c.target = &targets()[choice(targets().size())];
  c.options.name = "fuzz";
  c.options.optimize = Options::Optimize(choice(3));
  c.options.io_layout = Options::IoLayout(choice(2));
  c.options.io_type = Options::IoType(choice(2));
  c.options.io = Options::Io(choice(2));
  if (choice(4) == 3) c.options.input_limit = 4;
  if (choice(8) == 7) c.options.budget_ram = 512;
  if (choice(8) == 7) c.options.budget_flash = 512;
  return c;
}

Context context_of(const std::string& bytes) {
  onnx::ModelProto model;
  const bool parsed = bytes.size() <= INT_MAX && model.ParsePartialFromArray(bytes.data(), int(bytes.size()));
  return context_of(parsed ? model.model_version() : 0);
}

std::string command_line(const Context& c) {
  const Options& o = c.options;
  std::string s = fmt::format("--target {}", c.target->name);
  if (o.optimize != Options::Optimize::speed)
    s += o.optimize == Options::Optimize::size ? " --optimize size" : " --optimize ram";
  if (o.io_layout == Options::IoLayout::nhwc) s += " --io-layout nhwc";
  if (o.io_type == Options::IoType::quantized) s += " --io-type quantized";
  if (o.io == Options::Io::external) s += " --io external";
  if (o.input_limit < HUGE_VAL) s += fmt::format(" --input-limit {}", o.input_limit);
  if (o.budget_ram) s += fmt::format(" --budget-ram {}", *o.budget_ram);
  if (o.budget_flash) s += fmt::format(" --budget-flash {}", *o.budget_flash);
  return s;
}

bool compiles(const std::string& bytes) {
  const Context context = context_of(bytes);
  try {
    // A folder that is not there: no input reads a file of this machine.
    const Compiled c = compile({bytes, "/nonexistent/fuzz.onnx", ""}, {}, context);
    if (c.module.header.empty() || c.module.source.pieces().empty()) throw std::logic_error("a module without text");
    return true;
  } catch (const ModelError& e) {
    for (const Diagnostic& d : e.diagnostics())
      if (d.code == "" || d.message.empty()) throw std::logic_error("an error without code: " + d.message);
    return false;
  }
}

}  // namespace burin::fuzz
