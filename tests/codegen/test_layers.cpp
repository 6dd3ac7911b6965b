// Every operator but the convolutions, on every element type that it takes: the printed layer against eval().
#include "tests/catch.h"

#include <cmath>
#include <cstdlib>
#include <random>

#include "compiler/ops/all.h"
#include "tests/codegen/layer_program.h"

namespace {

using namespace burin;

constexpr DType kAll[] = {DType::f32, DType::f64, DType::f16,     DType::bf16, DType::i8,
                          DType::u8,  DType::i16, DType::u16,     DType::i32,  DType::u32,
                          DType::i64, DType::u64, DType::boolean, DType::i4,   DType::u4};

class Cases {
 public:
  LayerProgram program;

  Tensor data(const Type& t) {
    Tensor r(t);
    std::uniform_real_distribution<double> real(-4, 4);
    for (int64_t i = 0; i < r.elements(); ++i) {
      if (is_float(t.dtype)) {
        r.set_real(i, real(random_));
      } else if (t.quantized()) {
        r.set_integer(i, std::uniform_int_distribution<int64_t>(info(t.dtype).lo, info(t.dtype).hi)(random_));
      } else {
        const int64_t lo = info(t.dtype).lo < 0 ? -5 : 0;
        r.set_integer(i, t.dtype == DType::boolean ? int64_t(random_() % 2)
                                                   : std::uniform_int_distribution<int64_t>(lo, 6)(random_));
      }
    }
    // The edges of the type.
    if (r.elements() > 4 && t.dtype != DType::boolean) {
      const bool real_type = is_float(t.dtype);
      const double edges[] = {real_type ? std::nan("") : double(info(t.dtype).lo),
                              real_type ? -INFINITY : double(info(t.dtype).hi)};
      for (int64_t i = 0; i < 2 && specials; ++i) {
        if (real_type) r.set_real(i + 1, edges[i]);
        else r.set_integer(i + 1, i == 0 ? info(t.dtype).lo : info(t.dtype).hi);
      }
    }
    return r;
  }

  /// The result's type is inferred, or `y`. Operands have random elements.
  void add(const Op& op, const std::vector<Type>& in, std::optional<Type> y = {}, std::string note = "",
           const ByKernel& by = {}) {
    std::vector<Operand> operands;
    for (const Type& t : in) operands.push_back({data(t), false});
    add_of(op, std::move(operands), std::move(y), std::move(note), by);
  }
  void add_of(const Op& op, std::vector<Operand> in, std::optional<Type> y = {}, std::string note = "",
              const ByKernel& by = {}) {
    std::vector<Type> types;
    std::string label(name(op));
    for (const Operand& o : in) types.push_back(o.value.type()), label += " " + to_string(o.value.type());
    if (!y) y = infer(op, types)[0];
    else y->shape = infer(op, types)[0].shape;
    program.add(label + " -> " + to_string(*y) + " " + note, op, std::move(in), *y, by);
  }
  /// Only where the operator takes these types.
  void try_add(const Op& op, const std::vector<Type>& in) {
    try {
      infer(op, in);
    } catch (const OpError&) {
      return;
    }
    add(op, in);
  }

  void check(const char* folder) {
    const char* named = std::getenv("CXX");
    const std::string compiler =
        std::string(named ? named : "g++") +
        " -std=gnu++11 -O0 -ffp-contract=off -fsanitize=address,undefined -fno-sanitize-recover=all"
        " -Wall -Wextra -Wconversion -Wshadow -Werror";
    const std::vector<Tensor> got = program.run(std::filesystem::current_path() / "test_layers" / folder, compiler);
    REQUIRE(got.size() == program.size());
    for (size_t i = 0; i < got.size(); ++i) {
      INFO(program.name(i) << " by " << program.kernel(i));
      CHECK(equal(got[i], program.expected(i)));
    }
  }

  bool specials = true;

 private:
  std::mt19937 random_{7};
};

Type real(DType t, Shape s) { return {t, std::move(s), {}}; }
Type quantized(DType t, Shape s, float scale, int32_t zero) { return {t, std::move(s), {{scale}, {zero}, -1}}; }
Operand constant(Tensor t) { return {std::move(t), true}; }

template <class T>
Tensor tensor(DType t, Shape s, std::vector<T> v) {
  return Tensor::of<T>(t, std::move(s), v);
}

TEST_CASE("elementwise layers") {
  Cases c;
  for (size_t k = 0; k < std::size(Unary::names); ++k) {
    Unary u{UnaryKind(k), 0.3f, 0.7f};
    for (DType t : kAll) c.try_add(u, {real(t, {1, 13})});
    if (!u.integer_form()) continue;
    c.add(u, {quantized(DType::i8, {257}, 0.05f, 3)}, quantized(DType::i8, {}, 0.031f, -20));
    c.add(u, {quantized(DType::u8, {5}, 0.02f, 128)}, quantized(DType::i8, {}, 0.01f, 0));
  }
  for (DType from : kAll)
    for (DType to : kAll) c.add(Cast{to}, {real(from, {7})});
  for (DType t : kAll) {
    if (info(t).bits < 8) continue;
    c.add(Where{}, {real(DType::boolean, {2, 3, 4}), real(t, {2, 3, 4}), real(t, {2, 3, 4})});
    c.add(Where{}, {real(DType::boolean, {3, 1}), real(t, {}), real(t, {2, 1, 5})});
  }
  c.add(Where{}, {real(DType::boolean, {4}), quantized(DType::i8, {4}, 0.1f, 1), quantized(DType::i8, {1}, 0.1f, 1)},
        quantized(DType::i8, {}, 0.1f, 1));
  for (Shape empty : {Shape{0}, Shape{3, 0, 2}}) {
    c.add(Unary{}, {real(DType::f32, empty)});
    c.add(Unary{}, {quantized(DType::i8, empty, 0.1f, 0)}, quantized(DType::i8, {}, 0.1f, 0));
    c.add(Cast{DType::i8}, {real(DType::f32, empty)});
    c.add(Where{}, {real(DType::boolean, {1}), real(DType::f32, empty), real(DType::f32, {})});
  }
  c.check("elementwise");
}

TEST_CASE("layers of two operands") {
  Cases c;
  for (size_t k = 0; k < std::size(Binary::names); ++k) {
    const Binary b{BinaryKind(k), {}};
    for (DType t : kAll) {
      if (t == DType::i16 || t == DType::u32) continue;  // as i8 and u64
      c.try_add(b, {real(t, {2, 3, 5}), k % 2 ? real(t, {3, 1}) : real(t, {2, 3, 5})});
    }
  }
  const float inf = INFINITY;
  c.add(Binary{BinaryKind::add, {0, inf}}, {real(DType::f32, {4, 8}), real(DType::f32, {8})});
  c.add(Binary{BinaryKind::sub, {-1, 2.5f}}, {real(DType::f32, {}), real(DType::f32, {9})});
  c.add(Binary{}, {real(DType::f32, {0, 4}), real(DType::f32, {4})});
  c.add_of(Binary{BinaryKind::mul, {}},
           {{c.data(real(DType::f32, {2, 3})), false}, constant(c.data(real(DType::f32, {3})))});
  c.add_of(Binary{BinaryKind::sub, {}},
           {constant(c.data(real(DType::i64, {2, 3}))), {c.data(real(DType::i64, {3})), false}});

  const Type i8 = quantized(DType::i8, {6, 50}, 0.05f, 3), u8 = quantized(DType::u8, {6, 50}, 0.037f, 140);
  const Type i8_row = quantized(DType::i8, {50}, 0.05f, 3), same = quantized(DType::i8, {6, 50}, 0.05f, 3);
  for (BinaryKind k : {BinaryKind::add, BinaryKind::sub, BinaryKind::mul, BinaryKind::min, BinaryKind::max}) {
    for (Clamp clamp : {Clamp{}, Clamp{0, inf}, Clamp{-1, 1}}) {
      const Binary b{k, clamp};
      c.add(b, {i8, same}, i8, "clamped to " + std::to_string(clamp.lo));
      c.add(b, {i8, u8}, quantized(DType::i8, {}, 0.061f, -5));
    }
    c.add(Binary{k, {}}, {u8, u8}, quantized(DType::u8, {}, 0.11f, 0));
    c.add(Binary{k, {0, inf}}, {u8, i8_row}, quantized(DType::u8, {}, 0.09f, 7));
    c.add_of(Binary{k, {}}, {{c.data(i8), false}, constant(c.data(i8_row))}, i8);
    c.add(Binary{k, {}}, {quantized(DType::i8, {0}, 0.1f, 0), quantized(DType::i8, {1}, 0.1f, 0)},
          quantized(DType::i8, {}, 0.1f, 0));
    // Powers of two have ties.
    c.add(Binary{k, {}}, {quantized(DType::i8, {300}, 0.5f, 0), quantized(DType::i8, {300}, 0.25f, 1)},
          quantized(DType::i8, {}, 1.0f, 2));
  }
  // So different that only a table of all pairs is exact.
  c.add(Binary{BinaryKind::add, {}}, {quantized(DType::i8, {300}, 0.5f, 0), quantized(DType::i8, {300}, 1e-7f, 1)},
        quantized(DType::i8, {}, 1.0f, 2));
  c.check("binary");
  CHECK(c.program.forms().count("add_linear"));
  CHECK(c.program.forms().count("add_wide"));
  CHECK(c.program.forms().count("add_table"));
}

TEST_CASE("layers that move elements") {
  Cases c;
  for (DType t : kAll) {
    c.add(Transpose{{0, 2, 1}}, {real(t, {2, 3, 5})});
    c.add(Transpose{{2, 0, 1}}, {real(t, {3, 4, 5})});
    c.add(Transpose{{1, 0, 2}}, {real(t, {3, 4, 9})});
    c.add(Slice{{1, 0}, {1, 1}, {3, 6}}, {real(t, {5, 6})});
    c.add(Slice{{4, 5}, {-2, -1}, {2, 5}}, {real(t, {5, 6})});
    c.add(Concat{1}, {real(t, {3, 2, 4}), real(t, {3, 0, 4}), real(t, {3, 5, 4})});
    c.add(Concat{-1}, {real(t, {3, 7}), real(t, {3, 9})});
    c.add(Expand{{2, 3, 4}}, {real(t, {3, 1})});
    for (PadKind k : {PadKind::pad, PadKind::pad_reflect, PadKind::pad_edge, PadKind::pad_wrap})
      c.add(Pad{k, {0, 2, 1}, {0, 1, 3}, 3}, {real(t, {2, 4, 5})});
    c.add(Pad{PadKind::pad, {-1, 0}, {2, -2}, 0}, {real(t, {4, 11})});
    c.add(Reshape{{5, 3}}, {real(t, {3, 5})});
  }
  const Type q = quantized(DType::u8, {1, 4, 4, 12}, 0.1f, 77);
  c.add(Pad{PadKind::pad, {0, 1, 1, 0}, {0, 1, 1, 0}, 0}, {q}, q);
  c.add(Concat{3}, {q, q}, q);
  c.add_of(Concat{0}, {{c.data(real(DType::f32, {3})), false}, constant(c.data(real(DType::f32, {2})))});
  for (PadKind k : {PadKind::pad, PadKind::pad_edge}) c.add(Pad{k, {-2}, {-3}, 0}, {real(DType::i8, {5})});
  c.add(Pad{PadKind::pad, {2}, {1}, 1.5}, {real(DType::f32, {0})});
  c.add(Transpose{{1, 0}}, {real(DType::f32, {0, 3})});
  c.add(Slice{{0}, {1}, {0}}, {real(DType::i4, {3})});
  c.add(Expand{{0, 3}}, {real(DType::i8, {3})});
  c.add(Transpose{{}}, {real(DType::f32, {})});
  c.check("movement");
}

TEST_CASE("pools") {
  Cases c;
  c.specials = false;  // NaN in a window: the order of comparisons is free
  auto window = [](int64_t k, int64_t stride, int64_t pad, int64_t dilation = 1) {
    return Window{{k, k}, {stride, stride}, {dilation, dilation}, {pad, pad, pad, pad}};
  };
  const Shape images[] = {{1, 7, 6, 3}, {2, 5, 5, 4}, {1, 70, 3, 2}, {2, 67, 3, 2}};
  for (const Shape& image : images) {
    const bool first = image == images[0];
    for (const Window& w : {window(3, 1, 1), window(3, 2, 1), window(2, 2, 0), window(2, 1, 1, 2)}) {
      if (!first && w != window(3, 2, 1) && w != window(2, 1, 1, 2)) continue;
      for (DType t : {DType::f32, DType::f64, DType::i8, DType::u8, DType::i32, DType::i64})
        if (t == DType::f32 || first) c.add(Pool{PoolKind::max_pool, w, false, true}, {real(t, image)});
      for (bool pad : {false, true}) {
        const Pool average{PoolKind::average_pool, w, pad, true};
        c.add(average, {real(DType::f32, image)});
        c.add(average, {quantized(DType::i8, image, 0.1f, -3)}, quantized(DType::i8, {}, 0.09f, 5));
        if (first) c.add(average, {quantized(DType::u8, image, 0.1f, 100)}, quantized(DType::i8, {}, 0.1f, 0));
      }
      const Pool most{PoolKind::max_pool, w, false, true};
      c.add(most, {quantized(DType::i8, image, 0.1f, -3)}, quantized(DType::i8, {}, 0.1f, -3));
      c.add(most, {quantized(DType::u8, image, 0.1f, 100)}, quantized(DType::i8, {}, 0.13f, 4));
    }
  }
  for (PoolKind k : {PoolKind::max_pool, PoolKind::average_pool}) {
    const Pool global{k, {{8, 9}, {1, 1}, {1, 1}, {}}, false, true};
    c.add(global, {real(DType::f32, {1, 8, 9, 5})});
    c.add(global, {quantized(DType::i8, {1, 8, 9, 5}, 0.2f, 9)}, quantized(DType::i8, {}, 0.1f, 1));
    c.add(Pool{k, {{1, 3}, {1, 2}, {1, 1}, {0, 1, 0, 1}}, false, true}, {real(DType::f32, {2, 9, 4})});  // one axis
    c.add(global, {real(DType::f32, {0, 8, 9, 5})});
  }
  c.check("pools");
}

TEST_CASE("pools whose rows are summed as they come") {
  Cases c;
  c.specials = false;
  for (int64_t batch : {1, 2})
    for (int32_t rows : {0, 1, 2, 3, 4}) {
      const std::string note = std::to_string(rows) + " rows a call";
      const Pool pool{PoolKind::average_pool, {{5, 3}, {1, 2}, {1, 1}, {0, 1, 0, 1}}, batch == 1, true};
      const Shape image{batch, 5, 4, 20};
      for (const char* kernel : {"pool_rows_q8_ref", "pool_rows_q8_dsp", "pool_rows_q8_mve"}) {
        c.add(pool, {quantized(DType::i8, image, 0.1f, -3)}, quantized(DType::i8, {}, 0.09f, 5), note, {kernel, rows});
        c.add(pool, {quantized(DType::u8, image, 0.1f, 200)}, quantized(DType::i8, {}, 0.1f, 0), note, {kernel, rows});
      }
      c.add(pool, {real(DType::f32, image)}, {}, note, {"pool_rows_f32_ref", rows});
    }
  c.check("pool_rows");
  for (const char* kernel : {"pool_rows_q8_ref", "pool_rows_q8_dsp", "pool_rows_q8_mve", "pool_rows_f32_ref"})
    CHECK(c.program.kernels().count(kernel));
}

TEST_CASE("reductions and softmax") {
  Cases c;
  const std::vector<int64_t> axes[] = {{0}, {1}, {2}, {0, 2}, {1, 2}, {0, 1, 2}};
  for (size_t k = 0; k < std::size(Reduce::names); ++k) {
    const ReduceKind kind{uint8_t(k)};
    const bool arg = kind == ReduceKind::arg_max || kind == ReduceKind::arg_min;
    for (size_t a = 0; a < std::size(axes); ++a) {
      if (arg && axes[a].size() != 1) continue;
      Reduce r{kind, axes[a], a % 2 == 0, a % 2 == 1};
      const bool quantizes = r.integer_form() || arg;
      c.add(r, {real(DType::f32, {3, 4, 5})});
      for (DType t : {DType::f64, DType::i8, DType::u8, DType::i16, DType::i32, DType::i64, DType::u64})
        if (a == k % 3 || a == 3) c.try_add(r, {real(t, {3, 4, 5})});
      if (!quantizes) continue;
      const Type y = arg ? real(DType::i64, {}) : quantized(DType::i8, {}, 0.07f, -9);
      c.add(r, {quantized(DType::i8, {3, 4, 5}, 0.05f, 11)}, y);
      c.add(r, {quantized(DType::u8, {3, 4, 5}, 0.05f, 130)}, y);
      c.add(r, {quantized(DType::i8, {3, 4, 5}, 0.07f, -9)}, y);
    }
    if (arg) continue;
    c.add(Reduce{kind, {}, true, false}, {real(DType::f32, {3, 2})});
    c.add(Reduce{kind, {1}, true, false}, {real(DType::f32, {3, 0})});  // of nothing
    c.add(Reduce{kind, {0}, true, false}, {real(DType::f32, {3, 0})});
  }
  c.specials = false;
  for (SoftmaxKind k : {SoftmaxKind::softmax, SoftmaxKind::log_softmax})
    for (int64_t axis : {-1, 0, 1}) c.add(Softmax{k, axis}, {real(DType::f32, {3, 4, 5})});
  c.add(Softmax{SoftmaxKind::softmax, 0}, {real(DType::f32, {1})});
  c.add(Softmax{SoftmaxKind::softmax, 1}, {real(DType::f32, {2, 0})});
  for (DType x : {DType::i8, DType::u8})
    for (int64_t axis : {-1, 0, 1}) {
      c.add(Softmax{SoftmaxKind::softmax, axis}, {quantized(x, {3, 4, 5}, 0.05f, 7)},
            quantized(DType::i8, {}, 1.0f / 256, -128));
      c.add(Softmax{SoftmaxKind::softmax, axis}, {quantized(x, {12, 2}, 0.3f, 7)},
            quantized(DType::u8, {}, 0.0041f, 3));
    }
  c.check("reductions");
}

TEST_CASE("gathers") {
  Cases c;
  const Tensor few = tensor<int64_t>(DType::i64, {2, 2}, {0, -1, 2, 1});
  for (DType t : kAll) {
    if (info(t).bits < 8) continue;
    for (int64_t axis : {0, 1, 2})
      c.add_of(Gather{GatherKind::gather, axis}, {{c.data(real(t, {3, 4, 5})), false}, {few, t == DType::f32}});
  }
  for (bool known : {false, true}) {
    const Tensor narrow = tensor<int32_t>(DType::i32, {2, 3}, {-3, 2, 1, 0, 99, -99});
    const Tensor inside = tensor<int32_t>(DType::i32, {2, 3}, {-3, 2, 1, 0, 1, -1});
    c.add_of(Gather{GatherKind::gather_elements, 0},
             {{c.data(real(DType::f32, {3, 4})), false}, {known ? inside : narrow, known}});
    c.add_of(Gather{GatherKind::gather_elements, 1},
             {{c.data(real(DType::i8, {2, 4})), false}, {known ? inside : narrow, known}});
    c.add_of(Gather{GatherKind::gather_nd, 0}, {{c.data(real(DType::f32, {3, 3, 2})), false}, {few, known}});
    c.add_of(Gather{GatherKind::gather_nd, 1}, {{c.data(real(DType::f32, {2, 3, 3})), false}, {few, known}});
    c.add_of(Gather{GatherKind::gather, 0}, {{c.data(real(DType::i16, {300, 2})), false},
                                             {tensor<int64_t>(DType::i64, {3}, {299, -300, 128}), known}});
    c.add_of(Gather{GatherKind::gather, 0},
             {{c.data(real(DType::i8, {40000})), false}, {tensor<int32_t>(DType::i32, {}, {-1}), known}});
  }
  c.add_of(Gather{GatherKind::gather, 1}, {constant(c.data(quantized(DType::i8, {4, 3}, 0.1f, 0))), {few, false}},
           quantized(DType::i8, {}, 0.1f, 0));
  c.add(Gather{GatherKind::gather, 0}, {real(DType::f32, {3}), real(DType::i64, {0})});
  c.check("gathers");
}

TEST_CASE("matrix products") {
  Cases c;
  c.specials = false;
  for (DType t : {DType::f32, DType::f64, DType::i32, DType::i64, DType::u32, DType::u64}) {
    c.add(MatMul{}, {real(t, {2, 3, 4}), real(t, {2, 4, 5})});
    c.add(MatMul{}, {real(t, {3, 1, 2, 4}), real(t, {5, 4, 3})});
    c.add(MatMul{}, {real(t, {4}), real(t, {4, 2})});
  }
  c.add(MatMul{}, {real(DType::f32, {7, 0}), real(DType::f32, {0, 3})});
  c.add(MatMul{}, {real(DType::f32, {0, 2}), real(DType::f32, {2, 3})});
  for (DType a : {DType::i8, DType::u8})
    for (DType b : {DType::i8, DType::u8}) {
      c.add(MatMul{}, {quantized(a, {2, 3, 40}, 0.1f, 5), quantized(b, {2, 40, 3}, 0.02f, 77)},
            quantized(DType::i8, {}, 0.9f, -1));
      c.add(MatMul{}, {quantized(a, {3, 1, 2, 9}, 0.1f, 0), quantized(b, {9, 3}, 0.02f, 0)},
            quantized(DType::u8, {}, 0.31f, 99));
    }
  c.check("matmul");
}

TEST_CASE("quantize and dequantize") {
  Cases c;
  c.specials = true;
  for (DType stored : {DType::i8, DType::u8, DType::i16, DType::u16, DType::i32, DType::i4, DType::u4}) {
    const int32_t zero = stored == DType::i32 ? 0 : info(stored).lo < 0 ? 1 : 4;  // ONNX: int32 has none
    for (DType f : {DType::f32, DType::f64, DType::f16, DType::bf16})
      c.add(Quantize{}, {real(f, {3, 5})}, quantized(stored, {}, 0.05f, zero));
    c.add(Dequantize{}, {quantized(stored, {3, 5}, 0.05f, zero)});
    for (int axis : {0, 1, 2})
      for (bool zeros : {false, true}) {
        if (zeros && stored == DType::i32) continue;
        Type q{stored, {2, 2, 2}, {{0.1f, 0.03f}, {0, zeros ? 3 : 0}, axis}};
        c.add(Quantize{}, {real(DType::f32, {2, 2, 2})}, q);
        c.add(Dequantize{}, {q});
      }
  }
  c.add(Quantize{}, {real(DType::f16, {0})}, quantized(DType::i4, {}, 0.1f, 0));
  c.add(Dequantize{}, {Type{DType::i8, {2, 0}, {{0.1f, 0.2f}, {0, 0}, 0}}});
  c.check("quantize");
}

}  // namespace
