// What operators state about themselves is so, by evaluating them: whatever states a trait is among the cases.
#include <cmath>
#include <set>

#include "compiler/ops/all.h"
#include "compiler/ops/layout.h"
#include "tests/ops/ops_test.h"

using namespace burin;
using namespace burin::test;

namespace {

struct Case {
  Op op;
  std::vector<Tensor> in;
};

/// -2.5, -1.5, ...: no two alike, of both signs.
Tensor numbers(Shape shape) {
  Tensor t = counted(std::move(shape));
  for (int64_t i = 0; i < t.elements(); ++i) t.set_real(i, t.real(i) * 5 / 7 - 2.5);
  return t;
}
Tensor bytes(Shape shape) {
  Tensor t(quantized(DType::i8, std::move(shape), 0.5f, 3));
  for (int64_t i = 0; i < t.elements(); ++i) t.set_integer(i, i * 7 % 100 - 50);
  return t;
}
Tensor truths(Shape shape) {
  Tensor t(real_type(DType::boolean, std::move(shape)));
  for (int64_t i = 0; i < t.elements(); ++i) t.set_integer(i, i % 3 == 0);
  return t;
}

const Shape kImage{2, 3, 4, 5};

std::vector<Case> cases() {
  const Tensor x = numbers(kImage);
  std::vector<Case> all;
  for (UnaryKind k :
       {UnaryKind::neg, UnaryKind::relu, UnaryKind::clip, UnaryKind::sigmoid, UnaryKind::tanh, UnaryKind::hard_sigmoid})
    all.push_back({Unary{k, -0.5f, 0.5f}, {x}});
  all.push_back({Binary{BinaryKind::sub, {}}, {x, x}});
  all.push_back({Where{}, {truths(kImage), x, numbers(kImage)}});
  all.push_back({Cast{DType::i32}, {x}});
  all.push_back({Quantize{}, {x}});
  all.push_back({Dequantize{}, {bytes(kImage)}});
  for (int64_t axis : {1, -1}) {
    all.push_back({Concat{axis}, {x, x}});
    all.push_back({Softmax{SoftmaxKind::softmax, axis}, {x}});
    all.push_back({Softmax{SoftmaxKind::log_softmax, axis}, {x}});
  }
  all.push_back({Slice{{1, 2, 0, 4}, {1, -1, 2, -2}, {1, 3, 2, 2}}, {x}});
  for (PadKind k : {PadKind::pad, PadKind::pad_reflect, PadKind::pad_edge, PadKind::pad_wrap})
    all.push_back({Pad{k, {0, 1, 2, 3}, {1, 0, 1, 2}, 100}, {x}});
  for (int k = 0; k <= int(ReduceKind::arg_min); ++k) {
    const bool index = ReduceKind(k) >= ReduceKind::arg_max;
    for (const std::vector<int64_t>& axes :
         index ? std::vector<std::vector<int64_t>>{{1}} : std::vector<std::vector<int64_t>>{{1, 2}, {3}, {}})
      all.push_back({Reduce{ReduceKind(k), axes, true, false}, {x}});
  }
  Window w;
  w.kernel = {2, 3}, w.pads = {1, 0, 0, 1};
  all.push_back({Pool{PoolKind::max_pool, w, false, true}, {x}});
  all.push_back({Pool{PoolKind::average_pool, w, true, true}, {x}});
  all.push_back({Conv{w, 1, true, {}}, {x, numbers({4, 2, 3, 5})}});
  all.push_back({Conv{w, 1, true, {}}, {x, numbers({5, 2, 3, 5})}});
  all.push_back({Conv{w, 5, true, {}}, {x, numbers({5, 2, 3, 1})}});
  all.push_back({Dense{}, {x, numbers({3, 5}), numbers({3})}});
  all.push_back({MatMul{}, {x, numbers({5, 2})}});
  all.push_back({Reshape{{2, 60}}, {x}});
  all.push_back({Transpose{{3, 0, 2, 1}}, {x}});
  all.push_back({Expand{{2, 3, 4, 5}}, {numbers({2, 1, 4, 1})}});
  all.push_back({Gather{GatherKind::gather, 1}, {x, i64({2, 0})}});
  return all;
}

Tensor result(const Op& op, const std::vector<Tensor>& in) {
  std::vector<Type> types;
  std::vector<const Tensor*> pointers;
  for (const Tensor& t : in) types.push_back(t.type()), pointers.push_back(&t);
  Type y = infer(op, types)[0];
  if (op.is<Quantize>()) y = quantized(DType::i8, y.shape, 0.25f, -3);
  std::vector<Tensor> out{Tensor(y)};
  eval(op, pointers, out);
  return out[0];
}

Tensor changed(Tensor t, int64_t at) {
  const bool truth = t.dtype() == DType::boolean;
  t.type().quantized() || truth ? t.set_integer(at, truth ? !t.integer(at) : t.integer(at) + 9)
                                : t.set_real(at, t.real(at) + 9);
  return t;
}

/// Indices of y's elements that change with element `at` of operand k.
std::set<int64_t> reached(const Case& c, size_t k, int64_t at) {
  std::vector<Tensor> in = c.in;
  in[k] = changed(in[k], at);
  const Tensor before = result(c.op, c.in), after = result(c.op, in);
  std::set<int64_t> r;
  for (int64_t i = 0; i < before.elements(); ++i)
    if (before.real(i) != after.real(i)) r.insert(i);
  return r;
}

}  // namespace

TEST_CASE("every operator is among the cases of traits", "[ops]") {
  std::set<int> seen;
  for (const Case& c : cases()) seen.insert(c.op.index());
  for_each_operator([&]<class T>() { CHECK(seen.count(operator_index<T>)); });
}

TEST_CASE("operators that say so are element by element", "[ops]") {
  for (const Case& c : cases()) {
    if (!traits(c.op).elementwise) continue;
    INFO(name(c.op));
    for (size_t k = 0; k < c.in.size(); ++k)
      for (int64_t i : {int64_t(0), int64_t(17), c.in[k].elements() - 1})
        for (int64_t to : reached(c, k, i)) CHECK(to == i);
  }
}

TEST_CASE("attributes that name axes are permuted", "[ops]") {
  const std::vector<int64_t> perm{1, 3, 0, 2};
  int stated = 0;
  for (const Case& c : cases()) {
    INFO(name(c.op));
    Op op = c.op;
    if (!permute_axes(op, perm)) {
      CHECK(op == c.op);
      continue;
    }
    ++stated;
    // f(transpose(x)) == transpose(f'(x))
    std::vector<Tensor> in;
    for (const Tensor& t : c.in) in.push_back(permute(t, inverse(perm)));
    const Tensor y = result(c.op, c.in), moved = permute(result(op, in), perm);
    CHECK(y.type() == moved.type());
    for (int64_t i = 0; i < y.elements(); ++i)
      CHECK((y.real(i) == Approx(moved.real(i)) || (std::isnan(y.real(i)) && std::isnan(moved.real(i)))));
  }
  CHECK(stated > 20);
}

TEST_CASE("an operator with an attribute that names axes says how it is permuted", "[ops]") {
  // Gather's axis counts in x alone, whose place axes of the indices take.
  const std::set<std::string_view> other{"gather", "gather_elements", "gather_nd"};
  for_each_operator([&]<class T>() {
    bool names_axes = false;
    T op{};
    T::fields(op, [&](std::string_view field, auto&) { names_axes |= field == "axis" || field == "axes"; });
    if (!names_axes || other.count(T::names[0])) return;
    Op any = op;
    INFO(T::names[0]);
    CHECK(permute_axes(any, {0, 1}));
  });
}

TEST_CASE("channels go where their role says", "[ops]") {
  for (const Case& c : cases()) {
    const ChannelRole role = channel_role(c.op, c.in[0].type());
    const int64_t channels = c.in[0].shape().back();
    INFO(name(c.op));
    if (role == ChannelRole::mixes) CHECK(traits(c.op).weighted);
    if (role != ChannelRole::hands_on || result(c.op, c.in).shape().back() != channels) continue;
    for (int64_t i : {int64_t(1), int64_t(17), c.in[0].elements() - 1})
      for (int64_t to : reached(c, 0, i)) CHECK(to % channels == i % channels);
  }
}

TEST_CASE("results lie in what holds them", "[ops]") {
  for (const Case& c : cases()) {
    INFO(name(c.op));
    const Tensor& x = c.in[0];
    double lo = x.real(0), hi = lo;
    for (const double v : reals(x)) lo = std::min(lo, v), hi = std::max(hi, v);
    const std::optional<Clamp> l = limits(c.op), r = range(c.op);
    const Tensor y = result(c.op, c.in);
    for (int64_t i = 0; i < y.elements(); ++i) {
      if (within_operands(c.op)) CHECK((y.real(i) >= lo && y.real(i) <= hi));
      if (l) CHECK(y.real(i) == std::clamp(x.real(i), double(l->lo), double(l->hi)));
      if (r) CHECK((y.real(i) >= r->lo && y.real(i) <= r->hi));
    }
  }
}

TEST_CASE("attributes are found by their name", "[ops]") {
  Op conv = Conv{}, dense = Dense{}, pool = Pool{}, reshape = Reshape{{2}}, relu = Unary{UnaryKind::relu, 0, 0};
  CHECK(clamp_of(conv) == &conv.as<Conv>()->clamp);
  CHECK(clamp_of(dense) == &dense.as<Dense>()->clamp);
  CHECK(!clamp_of(relu));
  CHECK(group_of(conv) == &conv.as<Conv>()->group);
  CHECK(!group_of(dense));
  CHECK(channels_last_of(pool) == &pool.as<Pool>()->channels_last);
  CHECK(!channels_last_of(dense));
  CHECK(window_of(pool) == &pool.as<Pool>()->window);
  CHECK(shape_of(reshape) == &reshape.as<Reshape>()->shape);
  CHECK(!shape_of(conv));  // a function of that name
  CHECK((channel_axis(conv, 4) == 1 && channel_axis(dense, 2) == 1 && channel_axis(relu, 4) == 3));
  *channels_last_of(conv) = true;
  CHECK(channel_axis(conv, 4) == 3);
}

TEST_CASE("operands that are no data follow those that are", "[ops]") {
  for (const Op& op : {Op(Conv{}), Op(Dense{})}) CHECK((traits(op).weighted && traits(op).data == 1));
  CHECK(traits(Gather{}).data == 1);
  CHECK(traits(Concat{}).data == kAnyNumber);
}
