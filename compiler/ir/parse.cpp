// A recursive-descent reader of docs/ir.md's grammar.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <stdexcept>

#include "compiler/diagnostics.h"
#include "compiler/ir/graph.h"
#include "compiler/ir/text_form.h"
#include "compiler/ops/all.h"

namespace burin {
namespace {

// Attributes, by C++ type.
void read(Cursor& c, int64_t& v) { v = c.number<int64_t>(); }
void read(Cursor& c, float& v) { v = c.number<float>(); }
void read(Cursor& c, double& v) { v = c.number<double>(); }
[[maybe_unused]] void read(Cursor& c, std::string& v) { v = c.any_name(); }
void read(Cursor& c, bool& v) {
  const std::string s = c.identifier();
  if (s != "true" && s != "false") c.fail("true or false is missing");
  v = s == "true";
}
void read(Cursor& c, DType& v) { v = read_dtype(c); }
template <class T>
void read(Cursor& c, std::vector<T>& v) {
  v.clear();
  c.expect("[");
  c.list(']', [&] {
    T item{};
    read(c, item);
    v.push_back(item);
  });
}
template <class T, size_t n>
void read(Cursor& c, std::array<T, n>& v) {
  std::vector<T> items;
  read(c, items);
  if (items.size() != n) c.fail(fmt::format("{} numbers, not {}", items.size(), n));
  std::ranges::copy(items, v.begin());
}
void read(Cursor& c, Clamp& v) {
  std::array<float, 2> limits{};
  read(c, limits);
  v = {limits[0], limits[1]};
}

/// Pseudo-random numbers for tests: every value of types of 8 bits and less, -1000 to 1000 for wider integers, [-1, 1)
/// in steps of 2^-15 for floats. The generator is SplitMix64.
Tensor filled(const Type& type, uint64_t seed) {
  Tensor t(type);
  const DTypeInfo& d = info(type.dtype);
  const int64_t lo = d.bits > 8 ? std::max<int64_t>(d.lo, -1000) : d.lo, hi = d.bits > 8 ? 1000 : d.hi;
  for (int64_t i = 0; i < t.elements(); ++i) {
    uint64_t z = (seed += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    z ^= z >> 31;
    if (is_float(type.dtype)) t.set_real(i, double(int64_t(z >> 48) - 32768) / 32768);
    else t.set_integer(i, lo + int64_t(z % uint64_t(hi - lo + 1)));
  }
  return t;
}

/// Zero in `percent` of the places, chosen by the seed: single ones, or blocks of size x size of the first axis by all
/// others.
void prune(Tensor& t, int64_t percent, int64_t size, uint64_t seed) {
  const int64_t rows = t.type().rank() == 0 ? 1 : t.type().shape[0], columns = rows == 0 ? 0 : t.elements() / rows;
  const Tensor draws = filled({DType::u16, {(rows + size - 1) / size, (columns + size - 1) / size}, {}}, ~seed);
  for (int64_t i = 0; i < t.elements(); ++i)
    if (draws.integer(i / columns / size * draws.type().shape[1] + i % columns / size) % 100 < percent) {
      if (is_float(t.dtype())) t.set_real(i, 0);
      else t.set_integer(i, 0);
    }
}

class Parser {
 public:
  explicit Parser(std::string_view text) : c_(text) {}

  Graph run() {
    find_data();
    c_.empty_lines();
    c_.expect("graph");
    c_.blanks();
    if (c_.peek() != '(') g_.name = c_.any_name();
    c_.expect("(");
    c_.list(')', [&] {
      const Definition d = definition();
      if (!d.type) c_.fail("an input needs a type");
      g_.inputs.push_back(add(d, *d.type));
    });
    c_.expect("->");
    const size_t outputs = c_.position();
    c_.rest_of_line();
    for (c_.empty_lines(); !c_.done() && c_.peek() != '@'; c_.empty_lines()) statement();
    c_.go(outputs);
    c_.blanks();
    if (c_.peek() != '\n' && !c_.done()) {
      do g_.outputs.push_back(reference());
      while (c_.accept(","));
    }
    c_.end_of_line();
    return std::move(g_);
  }

 private:
  struct Definition {
    std::string name;
    std::optional<Type> type;
    int64_t offset = -1;
    bool in_state = false;
    int32_t ring = 0;
  };

  Definition definition() {
    Definition d;
    c_.expect("%");
    d.name = c_.any_name();
    if (values_.contains(d.name)) c_.fail(fmt::format("%{} is defined twice", d.name));
    if (c_.accept(":")) d.type = read_type(c_);
    if (c_.accept("at ")) d.in_state = c_.accept("state "), d.offset = c_.number<int64_t>();
    if (c_.accept("ring ")) d.ring = c_.number<int32_t>();
    return d;
  }

  ValueId add(const Definition& d, Type type, std::shared_ptr<const Tensor> data = nullptr) {
    const ValueId id = g_.add_value(d.name, std::move(type), std::move(data));
    g_[id].offset = d.offset, g_[id].in_state = d.in_state, g_[id].ring = d.ring;
    if (!values_.emplace(d.name, id).second) c_.fail(fmt::format("%{} is defined twice", d.name));
    return id;
  }

  ValueId reference() {
    c_.expect("%");
    const std::string name = c_.any_name();
    const auto it = values_.find(name);
    if (it == values_.end()) c_.fail(fmt::format("%{} is not defined", name));
    return it->second;
  }

  void statement() {
    if (c_.accept("arena ")) {
      g_.arena_bytes = c_.number<int64_t>();
      g_.arena_lower_bound = c_.number<int64_t>();
    } else if (c_.accept("fed ")) {
      g_.fed = true;
      g_.state_bytes = c_.number<int64_t>();
      g_.position = c_.number<int64_t>();
      g_.position_bytes = c_.number<int64_t>();
    } else if (c_.accept("note ")) {
      g_.notes.push_back(c_.any_name());
    } else {
      std::vector<Definition> results;
      do results.push_back(definition());
      while (c_.accept(","));
      c_.expect("=");
      const std::string op = c_.identifier();
      if (op == "constant") constant(results);
      else node(results, op);
    }
    c_.end_of_line();
  }

  void constant(const std::vector<Definition>& results) {
    if (results.size() != 1 || !results[0].type) c_.fail("a constant is one value with a type");
    const Type& type = *results[0].type;
    auto t = std::make_shared<Tensor>(value(type));
    add(results[0], type, std::move(t));
  }

  Tensor value(const Type& type) {
    if (c_.accept("fill:")) {
      const auto seed = c_.number<uint64_t>();
      Tensor t = filled(type, seed);
      if (c_.accept("zeros:")) prune(t, c_.number<int>(), 1, seed);
      else if (c_.accept("blocks:")) prune(t, c_.number<int>(), 4, seed);
      return t;
    }
    if (c_.accept("@")) {
      const std::string label = c_.identifier();
      const auto it = data_.find(label);
      if (it == data_.end()) c_.fail(fmt::format("the data @{} are missing", label));
      if (int64_t(it->second.size()) != type.bytes())
        c_.fail(fmt::format("@{} has {} bytes, not {}", label, it->second.size(), type.bytes()));
      return Tensor(type, it->second);
    }
    Tensor t(type);
    int64_t n = 0;
    c_.expect("[");
    c_.list(']', [&] {
      if (n >= t.elements()) c_.fail("more numbers than elements");
      if (t.dtype() == DType::f32) t.data<float>()[n] = c_.number<float>();
      else if (is_float(t.dtype())) t.set_real(n, c_.number<double>());
      else if (t.dtype() == DType::u64) t.data<uint64_t>()[n] = c_.number<uint64_t>();
      else t.set_integer(n, integer_for(t.dtype()));
      ++n;
    });
    if (n != t.elements()) c_.fail(fmt::format("{} numbers for {} elements", n, t.elements()));
    return t;
  }

  int64_t integer_for(DType dtype) {
    const int64_t v = c_.number<int64_t>();
    if (v < info(dtype).lo || v > info(dtype).hi) c_.fail(fmt::format("{} does not fit {}", v, name(dtype)));
    return v;
  }

  /// name=value pairs, as far as there are any.
  void attributes(Node& n) {
    for (;;) {
      c_.blanks();
      if (!Cursor::is_word(c_.peek())) return;
      const size_t start = c_.position();
      const std::string key = c_.identifier();
      if (key == "_") return c_.go(start);  // an absent first input
      c_.expect("=");
      if (key == "scratch" || key == "scratch_offset" || key == "scratch_state") {
        n.scratch_in_state = n.scratch_in_state || key == "scratch_state";
        (key == "scratch" ? n.scratch : n.scratch_offset) = c_.number<int64_t>();
        continue;
      }
      if (key == "rows" || key == "block" || key == "stream") {
        (key == "rows" ? n.rows : key == "block" ? n.block : n.group) = c_.number<int32_t>();
        continue;
      }
      if (key == "share") {
        const std::string what = c_.identifier();
        if (what != "parts" && what != "whole") c_.fail(fmt::format("share is parts or whole, not '{}'", what));
        n.sharing = what == "parts" ? Sharing::parts : Sharing::whole;
        continue;
      }
      bool known = false;
      visit(n.op, [&]<class T>(T& op) {
        T::fields(op, [&](std::string_view field, auto& v) {
          if (field != key) return;
          known = true;
          read(c_, v);
        });
      });
      if (!known) c_.go(start), c_.fail(fmt::format("{} has no attribute '{}'", name(n.op), key));
    }
  }

  void node(const std::vector<Definition>& results, const std::string& op) {
    Node n;
    try {
      n.op = op_of_name(op);
    } catch (const std::invalid_argument& e) {
      c_.fail(e.what());
    }
    attributes(n);
    c_.blanks();
    if (c_.peek() == '%' || c_.peek() == '_') {
      do {
        c_.blanks();
        n.inputs.push_back(c_.accept("_") ? ValueId::none : reference());
      } while (c_.accept(","));
    }
    std::vector<Type> inferred;
    if (std::ranges::any_of(results, [](const Definition& d) { return !d.type; })) {
      try {
        inferred = infer(n.op, g_.input_types(n));
      } catch (const OpError& e) {
        c_.fail(e.what());
      }
      if (inferred.size() < results.size()) c_.fail("the operator has fewer results");
    }
    for (size_t i = 0; i < results.size(); ++i)
      n.outputs.push_back(add(results[i], results[i].type ? *results[i].type : inferred[i]));
    n.name = results[0].name;
    bool origins = false;
    if (c_.accept("#")) {
      n.name = c_.any_name();
      if ((origins = c_.accept("("))) c_.list(')', [&] { n.onnx.push_back(c_.any_name()); });
    }
    if (!origins) n.onnx = {n.name};
    g_.nodes.push_back(std::move(n));
  }

  /// The data at the end: "@label", then lines of base64.
  void find_data() {
    const Cursor start = c_;
    std::vector<std::byte>* current = nullptr;
    std::string text;
    auto finish = [&] {
      if (current) *current = from_base64(text, c_);
      text.clear();
    };
    while (!c_.done()) {
      if (c_.peek() == '@') {
        finish();
        c_.take();
        current = &data_[c_.identifier()];
      }
      text += c_.rest_of_line();
      c_.take();
      if (!current) text.clear();
    }
    finish();
    c_ = start;
  }

  Cursor c_;
  Graph g_;
  std::map<std::string, ValueId> values_;
  std::map<std::string, std::vector<std::byte>> data_;
};

}  // namespace

Graph parse(std::string_view text) { return Parser(text).run(); }

}  // namespace burin
