// The whole intermediate representation: a Graph is a list of Nodes in execution order; a Node reads and writes
// Values; a Value has a Type. Shapes are static. Passes change a Graph in place; verify() says what holds.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "compiler/ir/tensor.h"
#include "compiler/ops/ops.h"

namespace burin {

struct Kernel;     // codegen/layer.h; the IR only carries the choice
struct Selection;  // and what was found out for it

/// Values and nodes are named by their index: dumps and diffs stay stable, and no pass needs a map from pointers.
enum class ValueId : int32_t { none = -1 };
inline size_t index(ValueId id) { return size_t(id); }

struct Value {
  std::string name;  // from the ONNX file; unique
  Type type;
  std::shared_ptr<const Tensor> data;  // constants only
  int64_t offset = -1;                 // bytes into the arena, or the state; set by plan-memory
  int32_t ring = 0;                    // rows of it that are kept at a time, by row % ring; 0: all. Set by plan-memory
  bool in_state = false;               // lies in the state: it is kept between feeds (Graph::fed)
  std::string onnx_name = {};          // of an output whose name another value has (own-outputs); else empty

  bool constant() const { return data != nullptr; }
  const std::string& interface_name() const { return onnx_name.empty() ? name : onnx_name; }
};

/// What a layer's function shares with other layers' (--optimize size).
enum class Sharing : uint8_t {
  none,   // a function for its shape alone: what that saves in time is worth its bytes
  parts,  // a function of its own that calls parts which other layers use too
  whole,  // one function with the other layers of its kernel and window
};

struct Node {
  std::string name;             // "conv_1": becomes the generated function's name
  Op op;                        // what it does, with its attributes
  std::vector<ValueId> inputs;  // ValueId::none: an optional input that is absent
  std::vector<ValueId> outputs;
  std::vector<std::string> onnx;    // names of the ONNX nodes that it stands for
  const Kernel* kernel = nullptr;   // set by select-kernels
  int32_t rows = 0;                 // output rows a call of it makes; 0: the whole value
  int32_t block = 0;                // filters that it prepares at a time, where it asks for such a number
  Sharing sharing = Sharing::none;  // set by share-functions
  bool scratch_in_state = false;    // working memory is kept between feeds (Graph::fed); set by plan-memory
  int32_t group = 0;                // neighbours with the same number are a row-streamed group; 0: none
  int64_t scratch = 0;              // bytes of working memory that the kernel asks for
  int64_t scratch_offset = -1;      // set by plan-memory
  std::shared_ptr<Selection> selection = nullptr;

  template <class T>
  const T* as() const {
    return op.as<T>();
  }
  template <class T>
  T* as() {
    return op.as<T>();
  }
};

}  // namespace burin

#include "compiler/ir/node_list.h"

namespace burin {

/// What a series of edits changed.
struct Changes {
  std::vector<ValueId> written;  // results of nodes that came, went or changed
  std::vector<ValueId> read;     // their operands, before and after
};

/// A Graph knows who writes and who reads each value. It finds out when first asked, and keeps it up to date in its own
/// editing functions: once producer(), users() or single_use() was called, operands and results of its nodes change
/// only through these. (Nodes may be appended and `nodes` be assigned; then it finds out again.) verify() checks this.
class Graph {
 public:
  std::string name;
  NodeList nodes;  // in execution order
  std::vector<ValueId> inputs, outputs;
  std::vector<std::string> notes;                  // what the user should know: float islands, bound dimensions, ...
  std::vector<std::vector<uint8_t>> orders;        // of each group: whose turn it is, counted from its first node
  int64_t arena_bytes = 0, arena_lower_bound = 0;  // set by plan-memory
  bool external_io = false;  // --io external: inputs and outputs are the caller's, not in the arena; set by schedule
  // --stream-input: the only input arrives a row at a time, which the first node reads where the caller has it. Set by
  // feed-rows. What is kept between feeds lies in the state; so does whose turn is next, in `position_bytes` from byte
  // `position` on.
  bool fed = false;
  int64_t state_bytes = 0, position = -1, position_bytes = 0;  // set by plan-memory

  ValueId add_value(std::string name, Type type, std::shared_ptr<const Tensor> data = nullptr);
  ValueId add_constant(std::string name, Tensor data);
  /// A name that no value has yet: `base`, base_1, base_2, ...
  std::string fresh(std::string_view base);
  /// Once fresh() was called a value gets another name only so, or by exchange with another value's.
  void rename(ValueId id, std::string name);
  Value& operator[](ValueId id) { return values_[index(id)]; }
  const Value& operator[](ValueId id) const { return values_[index(id)]; }
  std::span<const Value> values() const { return values_; }

  Node* producer(ValueId id) { return of(id).producer; }
  const Node* producer(ValueId id) const { return of(id).producer; }
  /// The nodes that read it, each once, in any order.
  std::vector<Node*> users(ValueId id) const;
  /// How many operands of nodes it is.
  size_t reads(ValueId id) const { return of(id).readers.size(); }
  bool is_output(ValueId id) const;
  /// Exactly one node reads it, once, and it is no output of the model.
  bool single_use(ValueId id) const;

  // Pointers to other nodes stay valid.
  void set_inputs(Node& n, std::vector<ValueId> inputs);
  void set_input(Node& n, size_t i, ValueId input);
  void set_outputs(Node& n, std::vector<ValueId> outputs);
  void replace(Node& n, Node by);
  void replace_uses(ValueId from, ValueId to);  // in nodes and in the model's outputs
  void erase(Node& n);
  /// Puts `node` before `before`, at the end of the list when null.
  Node& insert(const Node* before, Node node);
  /// Keeps the nodes for which keep(node) holds; it is asked about the last one first.
  void keep_nodes(const std::function<bool(const Node&)>& keep);
  /// Removes nodes none of whose outputs is read, and forgets nothing else.
  void erase_dead();
  /// Whether erase_dead() would remove it, if all others stay.
  bool dead(const Node& n) const;
  /// From now on edits are told to `changes`; null: no more.
  void record(Changes* changes) { uses_.changes = changes; }

  /// Frees the data of constants that nothing reads (they are constants no more; nothing may read them from now on).
  void drop_unread_constants();

  /// Types of a node's inputs; an absent one is a default Type.
  std::vector<Type> input_types(const Node& n) const;

 private:
  struct Use {
    Node* producer = nullptr;
    std::vector<Node*> readers;  // once for each operand
  };
  /// Points to the nodes of one graph: a copy of the graph makes its own.
  struct Uses {
    std::vector<Use> of;   // by index of the value
    int64_t version = -1;  // of `nodes`
    Changes* changes = nullptr;

    Uses() = default;
    Uses(const Uses&) {}
    Uses(Uses&&) = default;
    Uses& operator=(const Uses&) { return *this = Uses(); }
    Uses& operator=(Uses&&) = default;
  };
  const Use& of(ValueId id) const;
  void list_uses() const;
  void link(Node& n);
  void unlink(Node& n);
  friend void verify(const Graph& g);

  std::vector<Value> values_;
  mutable Uses uses_;
  /// Names that are taken, and for each the number that the next one made from it tries first. Empty before fresh().
  std::unordered_map<std::string, int> names_;
};

/// The text of docs/ir.md; parse() reads it back.
std::string print(const Graph& g);
/// Throws std::invalid_argument with line and column of the first mistake.
Graph parse(std::string_view text);
/// Throws InternalError naming the node and the rule that does not hold.
void verify(const Graph& g);

}  // namespace burin
