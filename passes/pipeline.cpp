#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "passes/pass.h"

namespace burin {
namespace {

struct Pass {
  std::string_view name;
  void (*run)(Graph&, const Context&);
};

// The compiler, in order. Each name is a file in this folder, a folder in tests/passes, and a dump NN-name.ir.
constexpr Pass kPasses[] = {
    {"infer-types", infer_types},          // scales flow through what only moves data
    {"fold-constants", fold_constants},    // what depends on no input is computed now
    {"simplify", simplify},                // algebra: biases join their products, moves that move nothing vanish
    {"fold-batch-norm", fold_batch_norm},  // factors and terms per channel go into the weights before them
    {"fuse-activation", fuse_activation},  // Relu and Clip become the producer's clamp
    {"lower-qdq", lower_qdq},              // Dequantize, operator, Quantize become the operator on integers
    {"fuse-pad", fuse_pad},                // Pad becomes the padding of the window after it
    {"channels-last", channels_last},      // images to NHWC; transposes are pushed out and cancel
    {"trim-io", trim_io},                  // --io-layout and --io-type drop what stands at the edge
    {"shrink-windows", shrink_windows},    // rows and columns of windows that are zero in all filters
    {"narrow-channels",
     narrow_channels},             // channels that are constant for every input, or that nobody reads, are dropped
    {"drop-clamps", drop_clamps},  // limits that nothing can reach
    {"own-outputs", own_outputs},  // a copy where an output has no bytes of its own
    {"feed-rows", feed_rows},      // --stream-input: the first node takes rows
    {"select-kernels", select_kernels},    // each node gets the cheapest kernel of the target
    {"schedule", schedule},                // the order with the smallest peak of live bytes
    {"stream-rows", stream_rows},          // rows a call, and layers that run row by row through rings
    {"plan-memory", plan_memory},          // each live value gets an offset in the arena
    {"fit-memory", fit_memory},            // other kernels where --budget-ram wants less working memory
    {"share-functions", share_functions},  // --optimize size: layers of one kernel that become one function
};

// What must come before what, and why. Checked by the build.
struct Before {
  std::string_view first, second, why;
};
constexpr Before kOrder[] = {
    {"infer-types", "lower-qdq", "an operator between integers is found by the scales of its operands"},
    {"simplify", "lower-qdq", "a bias that is still an Add of its own would end the region"},
    {"fuse-activation", "lower-qdq", "a Relu between operator and Quantize belongs to the region"},
    {"fold-batch-norm", "fuse-activation", "the Relu after a batch norm can only then see the convolution"},
    {"lower-qdq", "channels-last", "weights are transposed as the constants that they then are"},
    {"lower-qdq", "fuse-pad",
     "a padded convolution pads with its zero point: the constant must be compared in its type"},
    {"lower-qdq", "shrink-windows", "weights are zero where they equal their zero point, which only then is theirs"},
    {"fuse-pad", "shrink-windows", "a window can only lose what reads padding of its own"},
    {"channels-last", "shrink-windows", "it asks what kernels cost, and they read channels-last images"},
    {"shrink-windows", "narrow-channels", "a window that no longer reads padding does not keep constant channels"},
    {"channels-last", "narrow-channels", "a channel is the last index of an image only then"},
    {"channels-last", "trim-io", "the transposes at the edge exist only then"},
    {"channels-last", "drop-clamps", "bounds of channels are known of images channels-last"},
    {"narrow-channels", "drop-clamps", "what is constant behind a clamp may vary without it"},
    {"drop-clamps", "own-outputs", "an output may have lost the operator that wrote it"},
    {"own-outputs", "feed-rows", "an input that is an output would be both fed and kept"},
    {"channels-last", "feed-rows", "what asks for channels-last images tells in which order rows arrive"},
    {"feed-rows", "select-kernels", "the node that takes rows needs a kernel"},
    {"feed-rows", "schedule", "that node comes first"},
    {"own-outputs", "select-kernels", "the copies need a kernel too"},
    {"own-outputs", "schedule", "outputs are told apart by their values"},
    {"channels-last", "select-kernels", "kernels read channels-last images"},
    {"select-kernels", "plan-memory", "kernels say how much scratch they need"},
    {"schedule", "stream-rows", "groups are neighbours in the order"},
    {"stream-rows", "plan-memory", "it says what is kept of each value, and when"},
    {"plan-memory", "fit-memory", "it looks at the arena as planned"},
    {"fit-memory", "share-functions", "layers share functions of the kernels that they keep"},
};

constexpr int index_of(std::string_view name) {
  for (int i = 0; i < int(std::size(kPasses)); ++i)
    if (kPasses[i].name == name) return i;
  throw "no such pass";
}
static_assert(std::ranges::all_of(kOrder, [](const Before& b) { return index_of(b.first) < index_of(b.second); }));

}  // namespace

std::vector<std::string_view> pass_names() {
  std::vector<std::string_view> names;
  for (const Pass& pass : kPasses) names.push_back(pass.name);
  return names;
}

void run_pass(std::string_view name, Graph& g, const Context& ctx) {
  const auto* pass = std::ranges::find(kPasses, name, &Pass::name);
  if (pass == std::end(kPasses)) throw std::invalid_argument(fmt::format("there is no pass '{}'", name));
  pass->run(g, ctx);
  verify(g);
}

void write_dump(const Context& ctx, const std::string& file, const std::string& text) {
  const std::string path = fmt::format("{}/{}", ctx.dump_dir, file);
  if (!(std::ofstream(path) << text).flush())
    throw ModelError(fmt::format("cannot write '{}': {}", path, std::strerror(errno)), "unwritable-output",
                     "--dump-dir names the folder");
}

void run_passes(Graph& g, const Context& ctx) {
  if (ctx.dump_dir.empty()) {
    for (const Pass& pass : kPasses) run_pass(pass.name, g, ctx);
    return;
  }
  std::error_code error;
  std::filesystem::create_directories(ctx.dump_dir, error);
  auto dump = [&](int number, std::string_view name, const std::string& text) {
    write_dump(ctx, fmt::format("{:02}-{}.ir", number, name), text);
  };
  std::string before = print(g);
  dump(0, "import", before);
  for (int number = 0; const Pass& pass : kPasses) {
    run_pass(pass.name, g, ctx);
    std::string after = print(g);
    dump(++number, pass.name, after == before ? "# unchanged\n" : after);
    before = std::move(after);
  }
}

}  // namespace burin
