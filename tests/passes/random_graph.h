// Small random graphs as exporters write them: float32, or with Quantize and Dequantize around each operator and
// operators on the stored integers between the two.
#pragma once
#include <algorithm>
#include <cmath>
#include <vector>

#include "compiler/ir/graph.h"
#include "compiler/ops/all.h"
#include "tests/passes/law.h"

namespace burin {

class RandomGraph {
 public:
  RandomGraph(uint64_t seed, bool quantized) : random_(seed), quantized_(quantized) { g_.name = "g"; }

  Graph make(int operators) {
    const int kind = int(random_.between(0, 3));
    const int64_t n = random_.chance(15) ? 2 : 1, c = random_.between(1, 4), w = random_.between(1, 7);
    input(kind == 0   ? Shape{n, random_.between(1, 8)}
          : kind == 1 ? Shape{n, c, w}
                      : Shape{n, c, random_.between(1, 6), w});
    if (random_.chance(25)) input(reals_[0].shape);
    for (int i = 0; i < operators; ++i) one_operator();
    outputs();
    g_.erase_dead();
    return std::move(g_);
  }

  /// Of images that are cut into runs of rows and put together again.
  Graph make_of_rows(int operators) {
    input({1, random_.between(1, 4), random_.between(2, 8), random_.between(1, 6)});
    for (int i = 0; i < operators; ++i) {
      const Real x = random_.chance(65) ? reals_.back() : random_.one_of(reals_);
      const int64_t what = random_.between(0, 99);
      if (what < 30) concat_rows(x);
      else if (what < 55) cut_rows(x);
      else if (what < 75) conv(x);
      else if (what < 85) elementwise(x);
      else one_operand(x);
    }
    outputs();
    g_.erase_dead();
    return std::move(g_);
  }

 private:
  /// A value in float32 that later operators may read, with what it is for one input.
  struct Real {
    ValueId id;
    Shape shape;
    Tensor sample;
  };

  std::string name(std::string_view base) { return g_.fresh(base); }
  ValueId constant(std::string_view base, Tensor t) { return g_.add_constant(name(base), std::move(t)); }

  Tensor noise(Shape shape, double lo, double hi) {
    Tensor t(real_type(DType::f32, std::move(shape)));
    for (int64_t i = 0; i < t.elements(); ++i) t.set_real(i, random_.real(lo, hi));
    return t;
  }

  /// Adds a node; its value for the samples.
  ValueId emit(std::string_view base, Op op, std::vector<ValueId> in, std::optional<Type> type, Tensor* sample) {
    std::vector<Type> types;
    for (ValueId id : in) types.push_back(g_[id].type);
    if (!type) type = infer(op, types)[0];
    const std::string id_name = name(base);
    const ValueId y = g_.add_value(id_name, *type);
    std::vector<const Tensor*> operands;
    for (ValueId id : in) operands.push_back(g_[id].constant() ? g_[id].data.get() : &samples_.at(index(id)));
    std::vector<Tensor> out{Tensor(*type)};
    eval(op, operands, out);
    samples_.resize(g_.values().size());
    samples_[index(y)] = out[0];
    if (sample) *sample = out[0];
    g_.nodes.push_back({id_name, std::move(op), std::move(in), {y}, {id_name}});
    return y;
  }

  void input(const Shape& shape) {
    const bool stored = quantized_ && random_.chance(60);
    Type t = stored ? byte_type(shape, -3, 3) : real_type(DType::f32, shape);
    const ValueId x = g_.add_value(name("x"), t);
    g_.inputs.push_back(x);
    samples_.resize(g_.values().size());
    samples_[index(x)] = law::random_tensor(t, random_);
    Tensor sample = samples_[index(x)];
    if (stored) {
      const ValueId d = emit("d", Dequantize{}, {x}, real_type(DType::f32, shape), &sample);
      reals_.push_back({d, shape, sample});
    } else if (quantized_) {
      settle("x", x);
    } else {
      reals_.push_back({x, shape, sample});
    }
  }

  /// int8 or uint8 with a scale that covers most of [lo, hi].
  Type byte_type(Shape shape, double lo, double hi) {
    const DType d = random_.chance(70) ? DType::i8 : DType::u8;
    lo = std::min(lo, 0.0), hi = std::max(hi, 0.0);
    const double scale = std::max(hi - lo, 0.01) / 255 * random_.real(0.8, 1.3);
    const int64_t zero = info(d).lo + std::clamp<int64_t>(std::lround(-lo / scale), 0, 255);
    return {d, std::move(shape), {{float(scale)}, {int32_t(zero)}, -1}};
  }

  /// Quantize and Dequantize behind a real value, when the graph is a quantized one.
  void settle(std::string_view base, ValueId y) {
    Tensor sample = samples_[index(y)];
    const Shape shape = sample.shape();
    if (quantized_ && !random_.chance(10)) {
      double lo = 0, hi = 0;
      for (int64_t i = 0; i < sample.elements(); ++i)
        lo = std::min(lo, sample.real(i)), hi = std::max(hi, sample.real(i));
      const Type t = byte_type(shape, lo, hi);
      const ValueId q = emit(fmt::format("{}_q", base), Quantize{}, {y}, t, nullptr);
      stored_.push_back(q);
      y = emit(fmt::format("{}_d", base), Dequantize{}, {q}, real_type(DType::f32, shape), &sample);
    }
    reals_.push_back({y, shape, sample});
  }

  /// What pruning leaves: an input channel, a place of the window, one tap in two, or a filter without weights (real
  /// ones may be tiny instead); or two equal filters.
  void prune(Tensor& w) {
    if (!random_.chance(35)) return;
    const Shape& s = w.shape();
    const int64_t filter = w.elements() / s[0], channel = filter / s[1], how = random_.between(0, 4);
    const int64_t gone = random_.between(0, how == 0 ? s[1] - 1 : how == 3 ? s[0] - 1 : channel - 1);
    const bool tiny = !w.type().quantized() && random_.chance(50);
    for (int64_t i = 0; i < w.elements(); ++i) {
      const bool rows = s.size() == 4 && gone % 2 == 1;
      const bool hit = how == 0   ? i % filter / channel == gone
                       : how == 1 ? (rows ? i % channel / s.back() == gone / s.back() : i % s.back() == gone % s.back())
                       : how == 2 ? random_.chance(50)
                       : how == 3 ? i / filter == gone
                                  : false;
      if (hit)
        w.set_real(i, tiny ? w.real(i) * 1e-30 : w.type().quantized() ? w.type().quant.zero_at(size_t(i / filter)) : 0);
      if (how == 4 && s[0] > 1 && i / filter == s[0] - 1) w.set_real(i, w.real(i % filter));
    }
  }

  /// Weights [n, ...] or a bias [n]: constants, in quantized graphs mostly stored as integers.
  ValueId weights(const Shape& shape, double magnitude) {
    if (!quantized_ || random_.chance(8)) {
      Tensor w = noise(shape, -magnitude, magnitude);
      prune(w);
      return constant("w", w);
    }
    const bool per_channel = random_.chance(60), asymmetric = random_.chance(15);
    Type t{random_.chance(85) ? DType::i8 : DType::u8, shape, {}};
    const int64_t scales = per_channel ? shape[0] : 1;
    for (int64_t i = 0; i < scales; ++i) {
      t.quant.scale.push_back(float(magnitude / 127 * random_.real(0.5, 1.5)));
      t.quant.zero_point.push_back(int32_t(asymmetric             ? random_.between(info(t.dtype).lo, info(t.dtype).hi)
                                           : t.dtype == DType::u8 ? 128
                                                                  : 0));
    }
    t.quant.axis = per_channel ? 0 : -1;
    Tensor stored = law::random_tensor(t, random_);
    prune(stored);
    return emit("w_d", Dequantize{}, {constant("w", stored)}, real_type(DType::f32, shape), nullptr);
  }
  ValueId bias(int64_t n) {
    if (!quantized_ || random_.chance(30)) {
      Tensor b = noise({n}, -1, 1);
      for (int64_t i = 0; i < n; ++i)
        if (random_.chance(15)) b.set_real(i, -40);  // behind a Relu this channel is dead
      return constant("b", b);
    }
    const Type t{DType::i32, {n}, {{float(random_.real(0.0005, 0.01))}, {0}, -1}};
    Tensor stored(t);
    for (int64_t i = 0; i < n; ++i) stored.set_integer(i, random_.chance(15) ? -50000 : random_.between(-200, 200));
    return emit("b_d", Dequantize{}, {constant("b", stored)}, real_type(DType::f32, {n}), nullptr);
  }

  /// A constant operand of an elementwise operator.
  ValueId operand(const Shape& shape) {
    if (!quantized_ || random_.chance(30)) return constant("k", noise(shape, -2, 2));
    const Type t = byte_type(shape, -2, 2);
    return emit("k_d", Dequantize{}, {constant("k", law::random_tensor(t, random_))}, real_type(DType::f32, shape),
                nullptr);
  }

  /// What often follows at once: Relu or Clip, one number per channel.
  ValueId activation(ValueId y) {
    const int64_t what = random_.between(0, 9);
    if (what <= 3) return emit("relu", unary(UnaryKind::relu, 0, 0), {y}, {}, nullptr);
    if (what == 4)
      return emit("clip", unary(UnaryKind::clip, float(random_.real(-1, 0)), float(random_.real(0.1, 2))), {y}, {},
                  nullptr);
    return y;
  }
  static Op unary(UnaryKind kind, float alpha, float beta) {
    Unary u;
    u.kind = kind, u.alpha = alpha, u.beta = beta;
    return u;
  }
  static Op binary(BinaryKind kind) {
    Binary b;
    b.kind = kind;
    return b;
  }

  Window window(const Shape& x) {
    Window w;
    for (size_t a = x.size() == 3 ? 1 : 0; a < 2; ++a) {
      const int64_t extent = x[x.size() - 2 + a];
      w.kernel[a] = random_.between(1, std::min<int64_t>(3, extent));
      w.strides[a] = random_.between(1, 2);
      if (w.kernel[a] > 1) {
        w.pads[a] = random_.between(0, w.kernel[a] - 1);
        w.pads[a + 2] = random_.between(0, w.kernel[a] - 1);
        if (random_.chance(15) && (w.kernel[a] - 1) * 2 + 1 <= extent) w.dilations[a] = 2;
      }
    }
    return w;
  }

  void conv(const Real& x) {
    Conv c;
    c.window = window(x.shape);
    const int64_t channels = x.shape[1];
    int64_t filters = random_.between(1, 4);
    if (random_.chance(35)) c.group = channels, filters = channels * random_.between(1, 2);
    Shape w{filters, channels / c.group};
    if (x.shape.size() == 4) w.push_back(c.window.kernel[0]);
    w.push_back(c.window.kernel[1]);
    std::vector<ValueId> in{x.id, weights(w, 1.0 / std::sqrt(double(elements(w) / filters)))};
    const int64_t how = random_.between(0, 2);
    if (how == 1) in.push_back(bias(filters));
    ValueId y = emit("conv", c, in, {}, nullptr);
    Shape channel(x.shape.size() - 1, 1);
    channel[0] = filters;
    if (how == 2) y = emit("sum", binary(BinaryKind::add), {y, constant("b", noise(channel, -1, 1))}, {}, nullptr);
    if (random_.chance(15))
      y = emit("scaled", binary(BinaryKind::mul), {constant("m", noise(channel, -2, 2)), y}, {}, nullptr);
    settle("conv", activation(y));
  }

  void dense(const Real& x) {
    const int64_t n = random_.between(1, 6), k = x.shape.back();
    std::vector<ValueId> in{x.id, weights({n, k}, 1.0 / std::sqrt(double(k)))};
    const int64_t how = random_.between(0, 2);
    if (how == 1) in.push_back(bias(n));
    ValueId y = emit("dense", Dense{}, in, {}, nullptr);
    if (how == 2) y = emit("sum", binary(BinaryKind::add), {constant("b", noise({n}, -1, 1)), y}, {}, nullptr);
    settle("dense", activation(y));
  }

  void pool(const Real& x) {
    Pool p;
    p.kind = random_.chance(50) ? PoolKind::max_pool : PoolKind::average_pool;
    p.window = window(x.shape);
    if (p.kind == PoolKind::average_pool && p.window.pads != std::array<int64_t, 4>{})
      p.count_include_pad = random_.chance(50);
    settle("pool", emit("pool", p, {x.id}, {}, nullptr));
  }

  void elementwise(const Real& x) {
    constexpr BinaryKind kinds[] = {BinaryKind::add, BinaryKind::sub, BinaryKind::mul, BinaryKind::min,
                                    BinaryKind::max};
    std::vector<size_t> partners;
    for (size_t i = 0; i < reals_.size(); ++i)
      if (reals_[i].shape == x.shape) partners.push_back(i);
    ValueId other;
    if (random_.chance(60)) {
      other = reals_[random_.one_of(partners)].id;
    } else {
      Shape s = x.shape;
      for (size_t a = 0; a < s.size(); ++a)
        if (a != 1 && random_.chance(70)) s[a] = 1;
      while (s.size() > 1 && s[0] == 1 && random_.chance(50)) s.erase(s.begin());
      other = operand(s);
    }
    std::vector<ValueId> in{x.id, other};
    if (random_.chance(30)) std::swap(in[0], in[1]);
    settle("ew", activation(emit("ew", binary(kinds[random_.between(0, 4)]), in, {}, nullptr)));
  }

  void one_operand(const Real& x) {
    struct Row {
      UnaryKind kind;
      float alpha, beta;
    };
    const std::vector<Row> rows{{UnaryKind::relu, 0, 0},         {UnaryKind::leaky_relu, 0.125f, 0},
                                {UnaryKind::clip, -0.5f, 1.25f}, {UnaryKind::sigmoid, 0, 0},
                                {UnaryKind::tanh, 0, 0},         {UnaryKind::hard_swish, 0, 0},
                                {UnaryKind::neg, 0, 0},          {UnaryKind::hard_sigmoid, 0.2f, 0.5f},
                                {UnaryKind::abs, 0, 0}};
    const Row r = random_.one_of(rows);
    settle("u", emit("u", unary(r.kind, r.alpha, r.beta), {x.id}, {}, nullptr));
  }

  void concat(const Real& x) {
    Concat c;
    c.axis = random_.between(1, int64_t(x.shape.size()) - 1);
    std::vector<ValueId> in{x.id};
    for (const Real& r : reals_)
      if (r.shape == x.shape && in.size() < 3 && random_.chance(50)) in.push_back(r.id);
    if (random_.chance(30)) in.push_back(operand(x.shape));
    settle("concat", emit("concat", c, in, {}, nullptr));
  }

  void concat_rows(const Real& x) {
    Concat c;
    c.axis = 2;
    std::vector<ValueId> in{x.id};
    for (const Real& r : reals_)
      if (r.shape[1] == x.shape[1] && r.shape[3] == x.shape[3] && in.size() < 4 && random_.chance(60))
        in.push_back(r.id);
    if (random_.chance(10)) in.push_back(operand(x.shape));
    settle("rows", emit("rows", c, in, {}, nullptr));
  }
  void cut_rows(const Real& x) {
    const int64_t h = x.shape[2], at = random_.between(0, h);
    for (const auto& [first, rows] : {std::pair(int64_t{0}, at), std::pair(at, h - at)}) {
      if (rows == 0 || rows == h) continue;
      Shape sizes = x.shape;
      sizes[2] = rows;
      settle("cut", emit("cut", Slice{{0, 0, first, 0}, {1, 1, 1, 1}, sizes}, {x.id}, {}, nullptr));
    }
  }

  void move(const Real& x) {
    const size_t rank = x.shape.size();
    Op op = Reshape{};
    switch (random_.between(0, 4)) {
      case 0: {
        Slice s;
        for (size_t a = 0; a < rank; ++a) {
          const int64_t step = random_.chance(20) ? -1 : random_.between(1, 2),
                        most = (x.shape[a] + std::abs(step) - 1) / std::abs(step);
          s.sizes.push_back(a == 0 ? x.shape[0] : random_.between(std::min<int64_t>(1, most), most));
          s.steps.push_back(a == 0 ? 1 : step);
          s.starts.push_back(a != 0 && step < 0 ? x.shape[a] - 1 : 0);
        }
        op = s;
        break;
      }
      case 1: {
        Pad p;
        p.kind = random_.chance(75) ? PadKind::pad : PadKind(random_.between(1, 3));
        p.begins.assign(rank, 0), p.ends.assign(rank, 0);
        const size_t first = rank > 2 && random_.chance(80) ? 2 : 1;
        for (size_t a = first; a < rank; ++a) p.begins[a] = random_.between(0, 1), p.ends[a] = random_.between(0, 2);
        if (p.kind == PadKind::pad && random_.chance(40)) p.value = random_.real(-2, 2);
        op = p;
        break;
      }
      case 2: {
        Transpose t;
        for (size_t a = 0; a < rank; ++a) t.perm.push_back(int64_t(a));
        for (size_t a = rank - 1; a > 1; --a) std::swap(t.perm[a], t.perm[size_t(random_.between(1, int64_t(a)))]);
        op = t;
        break;
      }
      case 3:
        op = Reshape{{x.shape[0], elements(x.shape) / x.shape[0]}};
        break;
      default: {
        const int64_t rest = elements(x.shape) / x.shape[0];
        op = rest % 2 ? Reshape{{x.shape[0], rest, 1}} : Reshape{{x.shape[0], 2, 1, rest / 2}};
      }
    }
    settle("move", emit("move", op, {x.id}, {}, nullptr));
  }

  void reduce(const Real& x) {
    Reduce r;
    r.kind = random_.chance(60) ? ReduceKind::mean : random_.chance(50) ? ReduceKind::max : ReduceKind::sum;
    for (size_t a = 1; a < x.shape.size(); ++a)
      if (random_.chance(60)) r.axes.push_back(int64_t(a));
    r.keepdims = r.axes.size() + 1 >= x.shape.size() || random_.chance(70);
    settle("reduce", emit("reduce", r, {x.id}, {}, nullptr));
  }

  void softmax(const Real& x) {
    Softmax s;
    s.axis = random_.between(1, int64_t(x.shape.size()) - 1);
    settle("softmax", emit("softmax", s, {x.id}, {}, nullptr));
  }

  /// One or two operators on the integers that a quantized value stores. They are integers without a scale; what reads
  /// them next takes them for reals of any scale, and they may be outputs.
  void integers() {
    ValueId q = random_.one_of(stored_);
    if (g_[q].type.quantized()) q = emit("i", Reshape{g_[q].type.shape}, {q}, plain(g_[q].type), nullptr);
    for (int64_t n = random_.between(1, 2); n > 0; --n) q = on_integers(q);
    if (random_.chance(50)) stored_.push_back(q);
    Type t = g_[q].type;
    t.quant = {{float(random_.real(0.005, 0.03))}, {int32_t(random_.between(info(t.dtype).lo, info(t.dtype).hi))}, -1};
    q = emit("q", Reshape{t.shape}, {q}, t, nullptr);
    Tensor sample;
    const ValueId d = emit("d", Dequantize{}, {q}, real_type(DType::f32, t.shape), &sample);
    reals_.push_back({d, t.shape, sample});
  }

  static Type plain(Type t) {
    t.quant = {};
    return t;
  }

  ValueId on_integers(ValueId x) {
    const Type t = g_[x].type;
    const size_t rank = t.shape.size();
    auto number = [&] {
      const DTypeInfo& d = info(t.dtype);
      Tensor k(real_type(t.dtype, random_.chance(50) ? t.shape : Shape{1}));
      for (int64_t i = 0; i < k.elements(); ++i) k.set_integer(i, random_.between(d.lo, d.hi));
      return constant("k", k);
    };
    const int64_t what = random_.between(0, 7);
    if (what <= 1 || rank < 2) {
      const bool negative = t.dtype == DType::i8;
      const std::vector<UnaryKind> kinds{negative ? UnaryKind::relu : UnaryKind::sign,
                                         negative ? UnaryKind::neg : UnaryKind::bitwise_not, UnaryKind::abs};
      return emit("i", unary(random_.one_of(kinds), 0, 0), {x}, {}, nullptr);
    }
    if (what <= 3) {
      constexpr BinaryKind kinds[] = {BinaryKind::add, BinaryKind::sub,         BinaryKind::mul,        BinaryKind::min,
                                      BinaryKind::max, BinaryKind::bitwise_xor, BinaryKind::bitwise_and};
      std::vector<ValueId> in{x, random_.chance(30) ? x : number()};
      if (random_.chance(30)) std::swap(in[0], in[1]);
      return emit("i", binary(kinds[random_.between(0, 6)]), in, {}, nullptr);
    }
    if (what == 4) {
      const ValueId mask = emit("mask", binary(BinaryKind::greater), {x, number()}, {}, nullptr);
      if (random_.chance(50)) return emit("i", Cast{t.dtype}, {mask}, {}, nullptr);
      return emit("i", Where{}, {mask, x, number()}, {}, nullptr);
    }
    if (what == 5) {
      Pad p;
      p.kind = random_.chance(75) ? PadKind::pad : PadKind::pad_edge;
      p.begins.assign(rank, 0), p.ends.assign(rank, 0);
      for (size_t a = 1; a < rank; ++a) p.begins[a] = random_.between(0, 1), p.ends[a] = random_.between(0, 1);
      if (p.kind == PadKind::pad && random_.chance(60)) p.value = double(random_.between(0, 100));
      return emit("i", p, {x}, {}, nullptr);
    }
    if (what == 6) {
      Reduce r;
      r.kind = random_.chance(40) ? ReduceKind::max : random_.chance(50) ? ReduceKind::min : ReduceKind::arg_max;
      r.axes = {random_.between(1, int64_t(rank) - 1)};
      const ValueId y = emit("i", r, {x}, {}, nullptr);
      return r.kind == ReduceKind::arg_max ? emit("i", Cast{t.dtype}, {y}, {}, nullptr) : y;
    }
    if (rank == 2 || random_.chance(50)) {
      Concat c;
      c.axis = 1;
      return emit("i", c, {x, x}, {}, nullptr);
    }
    Transpose turn;
    for (size_t a = 0; a < rank; ++a) turn.perm.push_back(int64_t(a));
    std::swap(turn.perm[1], turn.perm[rank - 1]);
    return emit("i", turn, {x}, {}, nullptr);
  }

  void one_operator() {
    if (!stored_.empty() && random_.chance(20)) return integers();
    // Mostly what came last, so that chains form.
    const Real x = random_.chance(65) ? reals_.back() : random_.one_of(reals_);
    const bool image = x.shape.size() == 3 || x.shape.size() == 4;
    const int64_t what = random_.between(0, 99);
    if (what < 30) return image ? conv(x) : dense(x);
    if (what < 36) return dense(x);
    if (what < 46) return image ? pool(x) : one_operand(x);
    if (what < 62) return elementwise(x);
    if (what < 72) return one_operand(x);
    if (what < 80) return x.shape.size() > 1 ? concat(x) : one_operand(x);
    if (what < 92) return x.shape.size() > 1 ? move(x) : one_operand(x);
    if (what < 96) return x.shape.size() > 1 ? reduce(x) : one_operand(x);
    return x.shape.size() > 1 ? softmax(x) : one_operand(x);
  }

  void outputs() {
    g_.outputs.push_back(reals_.back().id);
    for (int i = 0; i < 2; ++i)
      if (random_.chance(25)) g_.outputs.push_back(random_.one_of(reals_).id);
    if (!stored_.empty() && random_.chance(40)) g_.outputs.push_back(random_.one_of(stored_));
    std::ranges::sort(g_.outputs);
    g_.outputs.erase(std::unique(g_.outputs.begin(), g_.outputs.end()), g_.outputs.end());
  }

  law::Random random_;
  bool quantized_;
  Graph g_;
  std::vector<Real> reals_;
  std::vector<ValueId> stored_;
  std::vector<Tensor> samples_;  // by value
};

/// The same graph for the same arguments, on every host; fewer operators make the same graph's beginning.
inline Graph random_graph(uint64_t seed, int operators, bool quantized) {
  return RandomGraph(seed, quantized).make(operators);
}

}  // namespace burin
