// What every pass sees. One pass is one file in this folder, one function here, one line in pipeline.cpp and one
// folder in tests/passes (docs/add-a-pass.md).
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "compiler/ir/graph.h"
#include "compiler/options.h"
#include "targets/target.h"

namespace burin {

/// What trim-io left to the caller: for each input of the model the operators between what the file takes and what the
/// code takes, for each output those between what the code gives and what the file gives. In order, each with the type
/// of what it makes; most are empty.
struct Edges {
  struct Step {
    Op op;
    Type from, to;
  };
  using Steps = std::vector<Step>;
  std::vector<Steps> inputs, outputs;
};

struct Context {
  const Target* target = nullptr;
  Options options;
  std::string dump_dir;    // empty: no dumps
  Edges* edges = nullptr;  // where trim-io says what it left to the caller; null: nobody asks
};

void infer_types(Graph&, const Context&);
void fold_constants(Graph&, const Context&);
void simplify(Graph&, const Context&);
void fold_batch_norm(Graph&, const Context&);
void fuse_activation(Graph&, const Context&);
void lower_qdq(Graph&, const Context&);
void channels_last(Graph&, const Context&);
void trim_io(Graph&, const Context&);
void fuse_pad(Graph&, const Context&);
void shrink_windows(Graph&, const Context&);
void narrow_channels(Graph&, const Context&);
void drop_clamps(Graph&, const Context&);
void own_outputs(Graph&, const Context&);
void feed_rows(Graph&, const Context&);
void select_kernels(Graph&, const Context&);
void schedule(Graph&, const Context&);
void stream_rows(Graph& g, const Context& ctx);
void plan_memory(Graph&, const Context&);
void fit_memory(Graph&, const Context&);
void share_functions(Graph&, const Context&);

/// Writes a file into ctx.dump_dir. Throws ModelError [unwritable-output].
void write_dump(const Context& ctx, const std::string& file, const std::string& text);
/// The names of all passes, in order.
std::vector<std::string_view> pass_names();
/// Runs all passes in order, verifies the graph after each and writes NN-name.ir into dump_dir.
void run_passes(Graph&, const Context&);
/// One pass by its name, for tests; throws std::invalid_argument for an unknown one.
void run_pass(std::string_view name, Graph&, const Context&);

}  // namespace burin
