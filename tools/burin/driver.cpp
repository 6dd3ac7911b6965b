#include "tools/burin/driver.h"

#include <fmt/format.h>

#include "codegen/lower.h"
#include "compiler/program/text.h"

#include <filesystem>

namespace burin {

Compiled compile(Source source, const ReadOptions& read, const Context& context) {
  Compiled c;
  c.context = context;
  c.graph = read_model(std::move(source.bytes), source.path, read, &c.info);
  c.graph.name = context.options.name;
  if (context.options.stream_input && c.graph.inputs.size() != 1)
    throw UsageError(fmt::format("--stream-input is for models with one input; this one has {}", c.graph.inputs.size()),
                     "invalid-option");
  c.context.edges = &c.edges;
  try {
    run_passes(c.graph, c.context);
    c.graph.drop_unread_constants();
    c.context.edges = nullptr;  // `c` may move
    c.program = lower(c.graph, *context.target, context.options);
    c.notes = c.graph.notes;
    if (!context.dump_dir.empty())
      write_dump(context, fmt::format("{:02}-program.txt", pass_names().size() + 1), print(c.program));
    c.origin = {std::filesystem::path(source.path).filename().string(), c.info.sha256, source.options};
    c.module = print_module(c.program, *context.target, c.origin);
  } catch (const OpError& e) {
    throw ModelError(e.at("", ""));
  }
  return c;
}

}  // namespace burin
