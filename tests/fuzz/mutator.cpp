#include "tests/fuzz/mutator.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "compiler/ops/ops.h"
#include "tests/fuzz/generator.h"

namespace burin::fuzz {
namespace {

// Extents, counts and attribute values at which something changes.
constexpr int64_t kNumbers[] = {0,
                                1,
                                2,
                                3,
                                4,
                                5,
                                7,
                                8,
                                16,
                                17,
                                64,
                                127,
                                128,
                                255,
                                256,
                                1000,
                                65535,
                                65536,
                                -1,
                                -2,
                                -3,
                                -128,
                                (int64_t{1} << 31) - 1,
                                int64_t{1} << 31,
                                int64_t{1} << 32,
                                INT64_MAX,
                                INT64_MIN};
constexpr float kReals[] = {0,       1,    -1,        0.5f,       2,   1e-30f, 1e30f, 1e-45f,
                            3.4e38f, -0.f, HUGE_VALF, -HUGE_VALF, NAN, 255,    127.5f};
constexpr int kTypes[] = {1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 16, 21, 22};

class Mutator {
 public:
  Mutator(onnx::ModelProto& model, law::Random& random) : model_(model), random_(random) {}

  void one() {
    // Each as often as it stands here: those that mostly keep a model valid more often.
    static void (Mutator::*const all[])() = {
        &Mutator::grow_some,         &Mutator::grow_some,       &Mutator::grow_some,        &Mutator::insert_on_edge,
        &Mutator::insert_on_edge,    &Mutator::insert_on_edge,  &Mutator::insert_on_edge,   &Mutator::compile_otherwise,
        &Mutator::compile_otherwise, &Mutator::change_data,     &Mutator::change_data,      &Mutator::change_data,
        &Mutator::change_operator,   &Mutator::change_operator, &Mutator::change_attribute, &Mutator::change_attribute,
        &Mutator::change_shape,      &Mutator::change_type,     &Mutator::rewire,           &Mutator::rewire,
        &Mutator::duplicate,         &Mutator::drop_node,       &Mutator::drop_node,        &Mutator::change_opset,
        &Mutator::change_outputs,    &Mutator::change_inputs};
    (this->*all[random_.between(0, std::ssize(all) - 1)])();
  }

 private:
  onnx::GraphProto& graph() { return *model_.mutable_graph(); }
  onnx::NodeProto* any_node() {
    return graph().node_size() == 0 ? nullptr : graph().mutable_node(below(graph().node_size()));
  }
  int below(int n) { return int(random_.between(0, n - 1)); }
  int64_t any_number(int64_t near) {
    if (random_.chance(60)) return int64_t(uint64_t(near) + uint64_t(random_.between(-2, 2)));
    return kNumbers[below(int(std::size(kNumbers)))];
  }
  float any_real() { return random_.chance(60) ? float(random_.real(-4, 4)) : kReals[below(int(std::size(kReals)))]; }

  std::vector<std::string> values() {
    std::vector<std::string> all;
    for (const auto& v : graph().input()) all.push_back(v.name());
    for (const auto& t : graph().initializer()) all.push_back(t.name());
    for (const auto& n : graph().node()) all.insert(all.end(), n.output().begin(), n.output().end());
    return all;
  }
  std::string fresh(std::string_view base) {
    const std::vector<std::string> all = values();
    for (size_t n = all.size();; ++n)
      if (std::string name = fmt::format("{}{}", base, n); !std::ranges::count(all, name)) return name;
  }

  void grow_some() { grow(model_, random_, int(random_.between(1, 3))); }

  /// An edge gets Quantize and Dequantize, with or without an integer operator between them, or one float operator.
  void insert_on_edge() {
    onnx::NodeProto* reader = any_node();
    if (!reader || reader->input_size() == 0) return;
    const int at = random_.chance(70) ? 0 : below(reader->input_size());
    std::string value = reader->input(at);
    const std::string reader_output = reader->output_size() ? reader->output(0) : "";
    std::vector<onnx::NodeProto> made;
    auto add = [&](const std::string& op, std::vector<std::string> in) {
      onnx::NodeProto n;
      n.set_op_type(op);
      for (const std::string& i : in) n.add_input(i);
      value = fresh(fmt::format("m{}_", made.size()));
      n.add_output(value);
      made.push_back(n);
    };
    if (random_.chance(20)) {
      static const char* const ops[] = {"Relu", "Identity", "Sigmoid", "Neg", "Abs", "Clip"};
      add(ops[below(std::ssize(ops))], {value});
    } else {
      const int type = random_.chance(60) ? 3 : 2;
      const std::string scale = real(float(random_.real(0.005, 0.05)));
      const std::string zero = integer(type, random_.between(type == 3 ? -128 : 0, type == 3 ? 127 : 255));
      add("QuantizeLinear", {value, scale, zero});
      for (int64_t inner = random_.between(0, 2); inner > 0; --inner) {
        static const char* const one[] = {"Relu", "Abs", "Neg", "Sign", "Identity", "BitwiseNot"};
        static const char* const two[] = {"Add", "Sub", "Mul", "Div", "Max", "Min", "Mod", "BitwiseAnd", "BitwiseOr"};
        if (random_.chance(40)) add(one[below(std::ssize(one))], {value});
        else if (random_.chance(30)) add("Clip", {value, integer(type, 3), integer(type, 90)});
        else add(two[below(std::ssize(two))], {value, integer(type, random_.between(1, 100))});
      }
      add("DequantizeLinear", {value, random_.chance(70) ? scale : real(float(random_.real(0.005, 0.05))), zero});
    }
    // Before the reader: importers sort, but files are mostly sorted.
    int place = 0;
    while (place < graph().node_size() && &graph().node(place) != reader) ++place;
    reader->set_input(at, value);
    for (const auto& n : made) *graph().add_node() = n;
    for (int i = graph().node_size() - 1; i - int(made.size()) >= place; --i)
      graph().mutable_node()->SwapElements(i, i - int(made.size()));
  }
  std::string real(float v) {
    const std::string name = fresh("s");
    auto& t = *graph().add_initializer();
    t.set_name(name);
    t.set_data_type(1);
    t.add_float_data(v);
    return name;
  }
  std::string integer(int type, int64_t v) {
    const std::string name = fresh("z");
    auto& t = *graph().add_initializer();
    t.set_name(name);
    t.set_data_type(type);
    t.add_int32_data(int32_t(v));
    return name;
  }

  void compile_otherwise() { model_.set_model_version(random_.between(0, 1 << 20)); }

  onnx::TensorProto* any_tensor() {
    std::vector<onnx::TensorProto*> all;
    for (auto& t : *graph().mutable_initializer()) all.push_back(&t);
    for (auto& n : *graph().mutable_node())
      for (auto& a : *n.mutable_attribute())
        if (a.has_t()) all.push_back(a.mutable_t());
    return all.empty() ? nullptr : all[size_t(below(int(all.size())))];
  }
  void change_data() {
    onnx::TensorProto* t = any_tensor();
    if (!t) return;
    if (std::string* raw = t->mutable_raw_data(); !raw->empty()) {
      const int how = below(4);
      const char fill = char(how == 0 ? 0 : how == 1 ? 0x80 : random_.between(0, 255));
      if (how == 3 && random_.chance(30)) raw->pop_back();
      for (char& c : *raw)
        if (how < 2 ? random_.chance(80) : random_.chance(20)) c = how == 2 ? char(random_.between(0, 255)) : fill;
      if (t->data_type() == 1 && how == 3 && raw->size() >= 4) {
        const float v = any_real();
        std::memcpy(raw->data() + size_t(below(int(raw->size() / 4))) * 4, &v, 4);
      }
    }
    if (t->raw_data().empty()) t->clear_raw_data();
    for (float& f : *t->mutable_float_data())
      if (random_.chance(50)) f = any_real();
    for (int32_t& i : *t->mutable_int32_data())
      if (random_.chance(50)) i = int32_t(any_number(i));
    for (int64_t& i : *t->mutable_int64_data())
      if (random_.chance(50)) i = any_number(i);
  }

  void change_operator() {
    static const std::vector<SupportedOp> all = supported_operators();
    onnx::NodeProto* n = any_node();
    if (!n) return;
    static const char* const alike[] = {"Add", "Sub", "Mul",   "Div",   "Max", "Min",
                                        "Pow", "Mod", "PRelu", "Equal", "Less"};
    static const char* const single[] = {"Relu",      "Sigmoid", "Tanh", "Exp",  "Sqrt",
                                         "HardSwish", "Softmax", "Neg",  "Round"};
    if (random_.chance(40)) n->set_op_type(std::string(random_.one_of(all).onnx));
    else if (n->input_size() == 1) n->set_op_type(single[below(std::ssize(single))]);
    else n->set_op_type(alike[below(std::ssize(alike))]);
    if (random_.chance(70)) n->clear_attribute();
  }

  void change_attribute() {
    onnx::NodeProto* n = any_node();
    if (!n) return;
    if (n->attribute_size() == 0 || random_.chance(10)) {
      static const char* const names[] = {"axis",      "axes",      "keepdims",   "alpha",  "beta",   "group",
                                          "strides",   "pads",      "perm",       "to",     "mode",   "auto_pad",
                                          "ceil_mode", "dilations", "block_size", "transA", "transB", "fmod",
                                          "direction", "saturate",  "allowzero"};
      auto& a = *n->add_attribute();
      a.set_name(names[below(std::ssize(names))]);
      a.set_type(onnx::AttributeProto::AttributeType(random_.chance(50) ? 2 : random_.between(1, 8)));
      a.set_i(any_number(1));
      return;
    }
    auto& a = *n->mutable_attribute(below(n->attribute_size()));
    if (random_.chance(10)) {
      n->mutable_attribute()->DeleteSubrange(below(n->attribute_size()), 1);
      return;
    }
    if (a.has_i()) a.set_i(any_number(a.i()));
    if (a.has_f()) a.set_f(any_real());
    if (a.has_s() && random_.chance(50)) {
      static const char* const words[] = {"SAME_UPPER", "SAME_LOWER", "VALID", "NOTSET", "constant", "reflect", "edge",
                                          "wrap",       "LEFT",       "RIGHT", "tanh",   "none",     ""};
      a.set_s(words[below(std::ssize(words))]);
    }
    if (a.ints_size() > 0) {
      const int at = below(a.ints_size());
      a.set_ints(at, any_number(a.ints(at)));
      if (random_.chance(10)) a.add_ints(any_number(1));
      if (random_.chance(10)) a.mutable_ints()->RemoveLast();
    }
  }

  void change_shape() {
    if (random_.chance(50) && graph().input_size() > 0) {
      auto* t = graph().mutable_input(below(graph().input_size()))->mutable_type()->mutable_tensor_type();
      auto* s = t->mutable_shape();
      if (s->dim_size() > 0 && random_.chance(80)) {
        auto* d = s->mutable_dim(below(s->dim_size()));
        if (random_.chance(10)) d->set_dim_param("N");
        else d->set_dim_value(random_.chance(80) ? random_.between(0, 12) : any_number(d->dim_value()));
      } else {
        s->add_dim()->set_dim_value(random_.between(1, 4));
      }
    } else if (onnx::TensorProto* t = any_tensor()) {
      if (t->dims_size() == 0) {
        t->add_dims(1);
      } else if (t->dims_size() > 1 && random_.chance(50)) {  // as many elements
        const int a = below(t->dims_size()), b = below(t->dims_size());
        t->mutable_dims()->SwapElements(a, b);
      } else {
        const int at = below(t->dims_size());
        t->set_dims(at, any_number(t->dims(at)));
      }
    }
  }

  void change_type() {
    const int type = kTypes[below(int(std::size(kTypes)))];
    if (random_.chance(60) && graph().input_size() > 0) {
      auto* v = graph().mutable_input(below(graph().input_size()));
      v->mutable_type()->mutable_tensor_type()->set_elem_type(type);
    } else if (onnx::TensorProto* t = any_tensor()) {
      t->set_data_type(type);
    }
  }

  void rewire() {
    onnx::NodeProto* n = any_node();
    if (!n || n->input_size() == 0) return;
    const std::vector<std::string> all = values();
    const int how = below(10), at = below(n->input_size());
    if (how == 0) n->mutable_input()->RemoveLast();
    else if (how == 1) n->add_input(random_.one_of(all));
    else if (how == 2) n->set_input(at, "");
    else if (how == 3) n->mutable_input()->SwapElements(at, 0);
    else if (!all.empty()) n->set_input(at, random_.one_of(all));
  }

  void duplicate() {
    const onnx::NodeProto* n = any_node();
    if (!n) return;
    onnx::NodeProto copy = *n;
    copy.set_name(fresh("copy"));
    std::vector<std::pair<std::string, std::string>> renamed;
    for (auto& o : *copy.mutable_output()) {
      renamed.emplace_back(o, fresh("d"));
      o = renamed.back().second;
    }
    *graph().add_node() = copy;
    if (random_.chance(40)) {
      graph().add_output()->set_name(renamed.empty() ? "" : renamed[0].second);
      auto* t = graph().mutable_output(graph().output_size() - 1)->mutable_type()->mutable_tensor_type();
      t->set_elem_type(1);
      return;
    }
    for (auto& reader : *graph().mutable_node())
      for (auto& i : *reader.mutable_input())
        for (const auto& [from, to] : renamed)
          if (i == from && reader.name() != copy.name() && random_.chance(50)) i = to;
  }

  /// Its readers read what it read.
  void drop_node() {
    if (graph().node_size() < 2) return;
    const int at = below(graph().node_size());
    const onnx::NodeProto gone = graph().node(at);
    graph().mutable_node()->DeleteSubrange(at, 1);
    if (gone.input_size() == 0) return;
    for (auto& n : *graph().mutable_node())
      for (auto& i : *n.mutable_input())
        if (std::ranges::count(gone.output(), i)) i = gone.input(0);
    for (auto& o : *graph().mutable_output())
      if (std::ranges::count(gone.output(), o.name())) o.set_name(gone.input(0));
  }

  void change_opset() {
    if (model_.opset_import_size() == 0) model_.add_opset_import();
    model_.mutable_opset_import(0)->set_version(random_.chance(90) ? random_.between(6, 24) : any_number(17));
  }

  void change_outputs() {
    std::vector<std::string> all = values();
    if (all.empty()) return;
    if (graph().output_size() > 1 && random_.chance(50)) {
      graph().mutable_output()->DeleteSubrange(below(graph().output_size()), 1);
    } else {
      auto* o = graph().add_output();
      o->set_name(random_.one_of(all));
      o->mutable_type()->mutable_tensor_type()->set_elem_type(random_.chance(70) ? 1 : kTypes[below(3)]);
    }
  }

  /// A constant becomes an input, or an input a constant.
  void change_inputs() {
    if (graph().initializer_size() > 0 && random_.chance(70)) {
      const int at = below(graph().initializer_size());
      const onnx::TensorProto t = graph().initializer(at);
      graph().mutable_initializer()->DeleteSubrange(at, 1);
      auto* v = graph().add_input();
      v->set_name(t.name());
      v->mutable_type()->mutable_tensor_type()->set_elem_type(t.data_type());
      for (int64_t d : t.dims()) v->mutable_type()->mutable_tensor_type()->mutable_shape()->add_dim()->set_dim_value(d);
      v->mutable_type()->mutable_tensor_type()->mutable_shape();
    } else if (graph().input_size() > 0) {
      graph().mutable_input()->DeleteSubrange(below(graph().input_size()), 1);
    }
  }

  onnx::ModelProto& model_;
  law::Random& random_;
};

}  // namespace

void mutate(onnx::ModelProto& model, law::Random& random) {
  Mutator m(model, random);
  for (int64_t steps = random.chance(60) ? 1 : random.between(1, 3); steps > 0; --steps) m.one();
}

void splice(onnx::ModelProto& model, const onnx::ModelProto& other, law::Random& random) {
  onnx::GraphProto& g = *model.mutable_graph();
  std::vector<std::string> there;
  for (const auto& v : g.input()) there.push_back(v.name());
  for (const auto& n : g.node()) there.insert(there.end(), n.output().begin(), n.output().end());
  const std::string joined = !there.empty() && other.graph().input_size() > 0 && random.chance(60)
                                 ? other.graph().input(int(random.between(0, other.graph().input_size() - 1))).name()
                                 : "";
  const std::string prefix = fmt::format("s{}_", g.node_size());
  auto renamed = [&](const std::string& name) {
    return name.empty() ? name : name == joined ? random.one_of(there) : prefix + name;
  };
  for (const auto& v : other.graph().input())
    if (v.name() != joined) *g.add_input() = v, g.mutable_input()->rbegin()->set_name(prefix + v.name());
  for (const auto& t : other.graph().initializer())
    *g.add_initializer() = t, g.mutable_initializer()->rbegin()->set_name(renamed(t.name()));
  for (const auto& node : other.graph().node()) {
    onnx::NodeProto n = node;
    for (auto& i : *n.mutable_input()) i = renamed(i);
    for (auto& o : *n.mutable_output()) o = renamed(o);
    *g.add_node() = n;
  }
  for (const auto& v : other.graph().output())
    *g.add_output() = v, g.mutable_output()->rbegin()->set_name(renamed(v.name()));
}

}  // namespace burin::fuzz
