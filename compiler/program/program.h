// What the device does: steps that call functions of runtime-min, on bytes of buffers and constants, everything
// decided. codegen/lower.h makes a Program of a graph; the printer, run() (codegen/run.h), reports and pictures of the
// arena read it and know neither graph nor operators. Time is counted in steps: one function of the output, called once
// a run but where a region branches or repeats.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "compiler/program/call.h"

namespace burin {

/// Whose memory: the arena, what is kept between feeds, a buffer of the caller's (--io external, a row that is fed).
enum class Space : uint8_t { arena, state, port };

/// A run of bytes with one owner.
struct Buffer {
  std::string name;  // of the value or "" for working memory
  Space space = Space::arena;
  int64_t bytes = 0;
  int64_t offset = -1;      // in its space; of a port it is 0
  int first = 0, last = 0;  // steps in which it is live, inclusive; -1: what the caller writes before the run
  int32_t pool = 0;         // of the arena: which of Program::pools
  bool operator==(const Buffer&) const = default;
};

enum class BufferId : int32_t {};
enum class ConstantId : int32_t {};

/// An array in flash, named after the layer that reads it first.
struct StoredConstant {
  std::string name, layer;
  Constant data;
  int64_t copy = -1;  // where it is read in pool Program::constants_pool; -1: it is read in flash
  bool operator==(const StoredConstant&) const = default;
};

/// What an argument of a step's function means: the memory from byte `offset` on, or further on in each turn.
using Meaning = std::variant<BufferId, ConstantId>;
struct Parameter {
  std::string name;            // "x0", "y0", "scratch", "w"
  std::optional<DType> dtype;  // of the elements; nothing: working memory
  bool written = false;
  Meaning at;
  int64_t offset = 0;
  std::vector<int64_t> strides = {};  // bytes a turn of the repeats around the step, outermost first
  int64_t bytes = 0;                  // of the part that it means; 0: all from there on
  bool whole() const { return offset == 0 && strides.empty() && bytes == 0; }
  bool operator==(const Parameter&) const = default;
};

/// One layer of the output, for reports.
struct LayerFacts {
  std::string name, op, kernel, function, requantize;
  std::vector<std::string> onnx;
  Shape shape_in, shape_out;
  int64_t macs = 0, weight_bytes = 0, scratch_bytes = 0, accumulator_bound = 0;
  // As the model has them, for the sum over layers; a bias counts as one element of the weights' width.
  int64_t input_bytes = 0, output_bytes = 0, constant_bytes = 0, bias_bytes = 0;
  double cycles = 0;                         // estimated
  std::map<std::string, double> candidates;  // every kernel that serves the layer on this target, with its estimate
  std::map<std::string, int> needed;
};

/// One function of the output and its call.
struct Step {
  LayerFacts facts;   // facts.function: the step's name, or that of an earlier one whose function it calls
  std::string needs;  // feature of the core that its kernel asks for; "" for none
  std::vector<std::string> headers;  // of runtime-min/kernels
  std::vector<Type> in;              // what it reads, but for constants
  Type out;
  bool streamed =
      false;  // a part of a row-streamed group: its function makes the rows from `row` on, one more argument
  std::vector<Parameter> parameters;
  Body body;
};

/// Steps before `other` run where the byte in `condition` is not 0, the others where it is.
struct Branch {
  BufferId condition;
  int other = 0;
  bool operator==(const Branch&) const = default;
};
/// A turn reads `now` and writes `next`; after it the two exchange their places. Behind the repeat the value of the
/// last turn, or without turns the first value, lies where `now` lay before.
struct Carried {
  BufferId now, next;
  bool operator==(const Carried&) const = default;
};
/// The steps run `turns` times, or until the byte in `condition`, which is asked before each turn, is 0.
struct Repeat {
  int64_t turns = 0;
  std::optional<BufferId> condition = {};
  std::vector<Carried> carried = {};
  bool operator==(const Repeat&) const = default;
};
/// A row-streamed group: which of the region's steps makes its next rows, until all have made theirs. Each has one loop
/// over rows, of one image. What one makes for another lies in a ring of rows, or whole.
struct Stream {
  std::vector<uint8_t> order;  // steps, counted from the region's first
  bool operator==(const Stream&) const = default;
};
/// Control over steps [first, last), and over the regions among them (compiler/program/regions.h).
struct Region {
  int first = 0, last = 0;
  std::variant<Branch, Repeat, Stream> control;
  bool operator==(const Region&) const = default;
};

/// One side of the interface.
struct Port {
  std::string label;  // "input_0": its parameter
  std::string name;   // as users know it
  Type type;
  bool output = false;
  BufferId at;
};

/// A memory of the arena (--memory).
struct ProgramPool {
  std::string name;
  int64_t size = 0;   // what there is of it
  int64_t bytes = 0;  // what the program needs: copies of constants from the first byte on, then values
  bool operator==(const ProgramPool&) const = default;
};

/// --stream-input: the first step takes the rows of the only input, each where the caller has it. A run is a number of
/// feeds, one for each row: each goes on until the next row is needed, the last one to the end. What a feed leaves for
/// the next one lies in the state; so does whose turn is next, and how many rows each has made.
struct Feed {
  int axis = 1;       // of the input: a row is an index of it
  int64_t rows = 0;   // feeds of a run
  int64_t bytes = 0;  // of a row
  BufferId position;  // whose turn it is in the first region, then how many rows each of its steps has made
  bool operator==(const Feed&) const = default;
};

struct Program {
  std::string name;  // of the model, an identifier
  std::vector<Port> inputs, outputs;
  bool external_io = false;  // ports are the caller's buffers
  std::optional<Feed> feed = {};
  int64_t arena_bytes = 0, arena_lower_bound = 0;  // of all pools
  int64_t state_bytes = 0;
  std::vector<ProgramPool> pools;  // the fastest one first; empty: the arena is one piece. No rows are fed to several
  int32_t constants_pool = -1;     // has copies of constants (--weights-in)
  std::vector<Buffer> buffers;
  std::vector<StoredConstant> constants;
  std::vector<Step> steps;
  std::vector<Region> regions;  // in the order of their first steps, outer ones before inner ones

  const Buffer& operator[](BufferId id) const { return buffers[size_t(id)]; }
  const Constant& operator[](ConstantId id) const { return constants[size_t(id)].data; }
  int64_t weight_bytes() const;
  /// Pools, or 1 where the arena is one piece; and the bytes of each.
  int32_t pieces() const { return pools.empty() ? 1 : int32_t(pools.size()); }
  int64_t piece_bytes(int32_t pool) const { return pools.empty() ? arena_bytes : pools[size_t(pool)].bytes; }
  /// What load_constants() copies to the first bytes of `constants_pool`.
  std::vector<std::byte> copied_constants() const;
  /// Inputs, then outputs.
  std::vector<const Port*> ports() const;
};

/// Throws std::invalid_argument naming the step where a name means nothing, a place lies outside its space, or a region
/// is none.
void verify(const Program& p);

/// Bytes that lie in one of the runs [begin, end), each counted once.
int64_t covered_bytes(std::vector<std::pair<int64_t, int64_t>> runs);
/// Of the numbers that say whose turn it is (Feed::position).
DType position_type(const Program& p);
/// Of arena and state.
int64_t ram_bytes(const Program& p);
/// Where the buffer begins in its pool; in arena and state, the one behind the other, where the arena is one piece.
int64_t address(const Program& p, const Buffer& b);
/// Bytes of arena and state in use at each step from -1 on (index 0 is step -1); of one of the pools.
std::vector<int64_t> live_bytes(const Program& p);
std::vector<int64_t> live_bytes(const Program& p, int32_t pool);
/// The arena as text, at most 100 columns wide, each pool by itself: one row per buffer from the lowest offset up, one
/// column per step (or per several), and a last row that marks the steps at which most bytes are in use.
std::string arena_picture(const Program& p);
/// "conv_1", or "(scratch of conv_1)".
std::string label(const Program& p, const Buffer& b);

}  // namespace burin
