// Slice, Split, Pad, Concat, Expand, Tile, Gather, Where: against plain indexing.
#include "compiler/ops/concat.h"
#include "compiler/ops/copies.h"
#include "compiler/ops/expand.h"
#include "compiler/ops/gather.h"
#include "compiler/ops/pad.h"
#include "compiler/ops/slice.h"
#include "compiler/ops/where.h"
#include "tests/ops/ops_test.h"

using namespace burin;
using namespace burin::test;

TEST_CASE("slices run backwards and clamp their bounds", "[ops]") {
  const Tensor x = counted({5});
  auto slice = [&](int64_t start, int64_t end, int64_t step) {
    return reals(OnnxCall{"Slice", 13, {x, i64({start}), i64({end}), i64({0}), i64({step})}, {1, 2, 3, 4}}.run());
  };
  CHECK(slice(-1, INT64_MIN, -2) == std::vector<double>{4, 2, 0});
  CHECK(slice(3, -5, -1) == std::vector<double>{3, 2, 1});
  CHECK(slice(100, 0, -1) == std::vector<double>{4, 3, 2, 1});
  CHECK(slice(-100, 100, 3) == std::vector<double>{0, 3});
  CHECK(slice(1, INT64_MAX, INT64_MAX) == std::vector<double>{1});
  CHECK(slice(4, INT64_MIN, INT64_MIN) == std::vector<double>{4});
  CHECK(slice(3, 2, 1).empty());
  CHECK_THROWS_AS(slice(0, 1, 0), OpError);
}

TEST_CASE("before opset 10 slices have attributes", "[ops]") {
  const OnnxCall call{"Slice", 9, {counted({2, 3})}, {}, 1, [](onnx::NodeProto& n) {
                        set(n, "starts", std::vector<int64_t>{1, -2}), set(n, "ends", std::vector<int64_t>{2, 9});
                      }};
  CHECK(reals(call.run()) == std::vector<double>{4, 5});
}

TEST_CASE("a slice of a per-channel tensor keeps the scales of its channels", "[ops]") {
  const Type x{DType::i8, {3, 2}, {{1, 2, 3}, {10, 20, 30}, 0}};
  const Slice s{{2, 0}, {-2, 1}, {2, 2}};
  const Type y = s.infer({{x}})[0];
  CHECK(y.quant == Quant{{3, 1}, {30, 10}, 0});
}

TEST_CASE("split in every form", "[ops]") {
  const Tensor x = counted({5});
  auto check = [](const std::vector<Tensor>& parts, std::vector<std::vector<double>> want) {
    REQUIRE(parts.size() == want.size());
    for (size_t i = 0; i < want.size(); ++i) CHECK(reals(parts[i]) == want[i]);
  };
  check(OnnxCall{"Split", 18, {x}, {}, 2, [](auto& n) { set(n, "num_outputs", int64_t{2}); }}.run_all(),
        {{0, 1, 2}, {3, 4}});
  check(OnnxCall{"Split", 13, {x, i64({4, 1})}, {1}, 2}.run_all(), {{0, 1, 2, 3}, {4}});
  check(OnnxCall{"Split",
                 11,
                 {x},
                 {},
                 3,
                 [](auto& n) {
                   set(n, "split", std::vector<int64_t>{1, 0, 4});
                 }}
            .run_all(),
        {{0}, {}, {1, 2, 3, 4}});
  CHECK_THROWS_AS((OnnxCall{"Split", 13, {x}, {}, 2}.run_all()), OpError);
  CHECK_THROWS_AS((OnnxCall{"Split", 13, {x, i64({4, 2})}, {1}, 2}.run_all()), OpError);
  CHECK_THROWS_AS((OnnxCall{"Split", 13, {x, i64({3, 1})}, {1}, 2}.run_all()), OpError);
}

namespace {

/// numpy's rules, one element at a time.
int64_t source(const std::string& mode, int64_t i, int64_t n) {
  if (mode == "constant") return i < 0 || i >= n ? -1 : i;
  if (mode == "edge") return i < 0 ? 0 : i >= n ? n - 1 : i;
  while (i < 0 || i >= n) {
    if (mode == "wrap") i += i < 0 ? n : -n;
    else i = i < 0 ? -i : 2 * (n - 1) - i;
  }
  return i;
}

}  // namespace

TEST_CASE("pads of every mode, cropping included", "[ops]") {
  const Tensor x = counted({4, 3});
  for (const std::string mode : {"constant", "edge", "reflect", "wrap"})
    for (const std::vector<int64_t>& pads :
         std::vector<std::vector<int64_t>>{{0, 2, 0, 1}, {3, 2, 2, 2}, {-1, 0, 0, -2}, {2, -1, -3, 1}, {5, 7, 9, 4}}) {
      CAPTURE(mode, to_string(pads));
      const Tensor y =
          OnnxCall{"Pad", 19, {x, i64(pads), f32({}, {99})}, {1, 2}, 1, [&](auto& n) { set(n, "mode", mode); }}.run();
      REQUIRE(y.shape() == Shape{4 + pads[0] + pads[2], 3 + pads[1] + pads[3]});
      for (int64_t r = 0; r < y.shape()[0]; ++r)
        for (int64_t c = 0; c < y.shape()[1]; ++c) {
          const int64_t i = source(mode, r - pads[0], 4), j = source(mode, c - pads[1], 3);
          CHECK(y.real(r * y.shape()[1] + c) == (i < 0 || j < 0 ? 99 : double(3 * i + j)));
        }
    }
}

TEST_CASE("pads of any size make few copies, or are refused", "[ops]") {
  const auto pad = [](const char* mode, int64_t extent, std::vector<int64_t> pads) {
    Type x = real_type(DType::f32, {extent});
    Pad p;
    const std::string m = mode;
    p.kind = m == "edge"      ? PadKind::pad_edge
             : m == "wrap"    ? PadKind::pad_wrap
             : m == "reflect" ? PadKind::pad_reflect
                              : PadKind::pad;
    p.begins = {pads[0]}, p.ends = {pads[1]};
    p.infer(std::span(&x, 1));
    return copies(p, x).size();
  };
  CHECK(pad("constant", 2, {1 << 30, 1 << 29}) == 1);
  CHECK(pad("edge", 2, {1 << 20, 1 << 20}) <= 3);
  CHECK(pad("wrap", 3, {300, 0}) == 101);
  for (const char* mode : {"wrap", "reflect"}) CHECK_THROWS_AS(pad(mode, 3, {0, 1 << 24}), OpError);
}

TEST_CASE("pad has attributes before opset 11 and axes since 18", "[ops]") {
  const Tensor x = counted({1, 2});
  const OnnxCall old{
      "Pad", 2, {x}, {}, 1, [](auto& n) { set(n, "pads", std::vector<int64_t>{0, 1, 1, 0}), set(n, "value", 7.0f); }};
  CHECK(reals(old.run()) == std::vector<double>{7, 0, 1, 7, 7, 7});
  const OnnxCall axes{"Pad", 18, {x, i64({1, 0}), f32({}, {7}), i64({-1})}, {1, 2, 3}};
  CHECK(reals(axes.run()) == std::vector<double>{7, 0, 1});
}

TEST_CASE("a quantized pad holds the stored value of the real one", "[ops]") {
  Pad p;
  p.begins = {1}, p.ends = {0};
  const Type x = quantized(DType::u8, {2}, 0.5f, 128);
  const Tensor t = stored_values(x);
  CHECK(run(p, {t}).integer(0) == 128);
  p.value = -1.25;  // -2.5 steps: half to even
  CHECK(run(p, {t}).integer(0) == 126);
  p.value = -1000;
  CHECK(run(p, {t}).integer(0) == 0);
  p.value = std::numeric_limits<double>::infinity();
  CHECK(run(p, {t}).integer(0) == 255);
}

TEST_CASE("moves of 4-bit elements", "[ops]") {
  const Tensor x = integers(DType::i4, {3}, {-8, 7, -1});
  CHECK(run(Slice{{2}, {-1}, {3}}, {x}).integers() == std::vector<int64_t>{-1, 7, -8});
  CHECK(run(Concat{0}, {x, integers(DType::i4, {2}, {1, 2})}).integers() == std::vector<int64_t>{-8, 7, -1, 1, 2});
}

TEST_CASE("concatenation", "[ops]") {
  const Tensor a = counted({2, 1}), b = counted({2, 2}), none = counted({2, 0});
  CHECK(reals(run(Concat{-1}, {a, none, b})) == std::vector<double>{0, 0, 1, 1, 2, 3});
  CHECK_THROWS_AS(run(Concat{0}, {a, b}), OpError);
  CHECK_THROWS_AS(run(Concat{0}, {Tensor(quantized(DType::i8, {1}, 1, 0)), Tensor(quantized(DType::i8, {1}, 2, 0))}),
                  OpError);
  CHECK(reals(OnnxCall{"Concat", 1, {a, b}}.run()) == std::vector<double>{0, 0, 1, 1, 2, 3});  // axis 1 unless said
}

TEST_CASE("expansion and tiles", "[ops]") {
  CHECK(reals(run(Expand{{2, 2, 3}}, {counted({2, 1})})) == std::vector<double>{0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 1});
  CHECK(reals(run(Expand{{2}}, {f32({}, {5})})) == std::vector<double>{5, 5});
  CHECK(run(Expand{{0, 2}}, {counted({2})}).elements() == 0);
  const Tensor x = counted({2, 2});
  CHECK(reals(OnnxCall{"Tile", 13, {x, i64({2, 2})}, {1}}.run()) ==
        std::vector<double>{0, 1, 0, 1, 2, 3, 2, 3, 0, 1, 0, 1, 2, 3, 2, 3});
  CHECK(reals(OnnxCall{"Tile", 1, {x, i64({2}), i64({1})}, {1, 2}}.run()) ==
        std::vector<double>{0, 1, 0, 1, 2, 3, 2, 3});
  CHECK(OnnxCall{"Tile", 13, {x, i64({0, 2})}, {1}}.run().shape() == Shape{0, 4});
  for (int64_t often : {int64_t{1} << 31, int64_t{1} << 62, INT64_MAX})
    CHECK_THROWS_AS((OnnxCall{"Tile", 13, {x, i64({2, often})}, {1}}.import()), OpError);
  // Eight axes repeat: sixteen in the expansion, which must merge or be refused, never be wrong.
  CHECK_THROWS_AS((OnnxCall{"Tile", 13, {counted({2, 2, 2, 2, 2, 2, 2, 2}), i64({2, 2, 2, 2, 2, 2, 2, 2})}, {1}}.run()),
                  OpError);
}

TEST_CASE("gather with constant and computed indices", "[ops]") {
  const Tensor x = counted({3, 2});
  for (const std::vector<size_t>& known : {std::vector<size_t>{}, std::vector<size_t>{1}}) {
    CHECK(reals(OnnxCall{"Gather", 13, {x, i64({-1, 0, -1})}, known}.run()) == std::vector<double>{4, 5, 0, 1, 4, 5});
    CHECK(reals(OnnxCall{"Gather", 13, {x, i64({2, 1, 0})}, known}.run()) == std::vector<double>{4, 5, 2, 3, 0, 1});
    const Tensor row = OnnxCall{"Gather", 13, {x, i64({}, {1})}, known, 1, [](auto& n) { set(n, "axis", int64_t{1}); }}.run();
    CHECK(row.shape() == Shape{3});
    CHECK(reals(row) == std::vector<double>{1, 3, 5});
    CHECK(OnnxCall{"Gather", 13, {x, i64(std::vector<int64_t>{})}, known}.run().shape() == Shape{0, 2});
  }
  // A range of indices is a slice.
  CHECK(OnnxCall{"Gather", 13, {x, i64({1, 2})}, {1}}.import().nodes[0].as<Slice>() != nullptr);
  CHECK_THROWS_AS((OnnxCall{"Gather", 13, {x, i64({3})}, {1}}.run()), OpError);
  // What is not known is limited to the axis.
  CHECK(reals(OnnxCall{"Gather", 13, {x, i64({3, -4, INT64_MAX, INT64_MIN})}}.run()) ==
        std::vector<double>{4, 5, 0, 1, 4, 5, 0, 1});
}

TEST_CASE("gather_elements and gather_nd", "[ops]") {
  const Tensor x = counted({2, 3});
  CHECK(reals(run(Gather{GatherKind::gather_elements, 1}, {x, i64({2, 2}, {-1, 0, 1, 1})})) ==
        std::vector<double>{2, 0, 4, 4});
  CHECK(reals(run(Gather{GatherKind::gather_elements, 0}, {x, i64({1, 2}, {1, 0})})) == std::vector<double>{3, 1});
  CHECK(reals(run(Gather{GatherKind::gather_nd, 0}, {x, i64({2, 2}, {1, 2, 0, -1})})) == std::vector<double>{5, 2});
  CHECK(reals(run(Gather{GatherKind::gather_nd, 0}, {x, i64({2, 1}, {1, 0})})) ==
        std::vector<double>{3, 4, 5, 0, 1, 2});
  CHECK(reals(run(Gather{GatherKind::gather_nd, 1}, {x, i64({2, 1}, {2, 0})})) == std::vector<double>{2, 3});
}

TEST_CASE("selection broadcasts all three", "[ops]") {
  const Tensor c = integers(DType::boolean, {2, 1}, {1, 0});
  CHECK(reals(run(Where{}, {c, counted({3}), f32({}, {9})})) == std::vector<double>{0, 1, 2, 9, 9, 9});
  CHECK_THROWS_AS(run(Where{}, {c, counted({3}), i64({1})}), OpError);
}

TEST_CASE("constants of shapes and ranges", "[ops]") {
  auto constant = [](const OnnxCall& c) {
    Graph g;
    onnx::NodeProto proto;
    proto.set_op_type(c.op), proto.add_output("y");
    std::vector<ValueId> in;
    for (const Tensor& t : c.inputs)
      in.push_back(g.add_constant("x" + std::to_string(in.size()), t)), proto.add_input("x");
    c.attributes(proto);
    KnownValues known;
    OnnxNode node(g, known, proto, in, c.opset, "", "node");
    REQUIRE(is_constant_op(c.op));
    import_constant_op(node);
    return *g[node.results()[0].value].data;
  };
  const Tensor x = counted({2, 3, 4});
  CHECK(constant({"Shape", 15, {x}, {}, 1, [](auto& n) { set(n, "start", int64_t{-2}), set(n, "end", int64_t{-1}); }})
            .integers() == std::vector<int64_t>{3});
  CHECK(constant({"Shape", 15, {x}, {}, 1, [](auto& n) { set(n, "start", int64_t{9}); }}).elements() == 0);
  CHECK(constant({"Size", 13, {x}}).integers() == std::vector<int64_t>{24});
  CHECK(constant({"Range", 11, {i64({}, {10}), i64({}, {4}), i64({}, {-3})}}).integers() ==
        std::vector<int64_t>{10, 7});
  CHECK(constant({"Range", 11, {i64({}, {1}), i64({}, {1}), i64({}, {1})}}).elements() == 0);
  CHECK_THROWS_AS(constant({"Range", 11, {i64({}, {1}), i64({}, {2}), i64({}, {0})}}), OpError);
  for (const float nan : {NAN, INFINITY})
    CHECK_THROWS_AS(constant({"Range", 11, {f32({}, {0}), f32({}, {nan}), f32({}, {1})}}), OpError);
  CHECK_THROWS_AS(constant({"Range", 11, {i64({}, {INT64_MIN}), i64({}, {INT64_MAX}), i64({}, {1})}}), OpError);
  CHECK(constant({"Range", 11, {i64({}, {INT64_MIN}), i64({}, {INT64_MAX}), i64({}, {INT64_MAX})}}).integers() ==
        std::vector<int64_t>{INT64_MIN, -1, INT64_MAX - 1});
  CHECK_THROWS_AS(constant({"ConstantOfShape", 9, {i64({-1})}}), OpError);
  CHECK_THROWS_AS(constant({"ConstantOfShape", 9, {i64({1 << 20, 1 << 20})}}), OpError);
  CHECK(constant({"ConstantOfShape", 9, {i64(std::vector<int64_t>{})}}).shape().empty());
  CHECK(constant({"NonZero", 13, {f32({2, 2}, {0, 3, 0.5f, 0})}}).integers() == std::vector<int64_t>{0, 1, 1, 0});
  CHECK(constant({"EyeLike", 9, {counted({2, 3})}, {}, 1, [](auto& n) { set(n, "k", int64_t{1}); }}).integers() ==
        std::vector<int64_t>{0, 1, 0, 0, 0, 1});
  for (int64_t k : {INT64_MIN, INT64_MAX, int64_t{3}})
    CHECK(constant({"EyeLike", 9, {counted({2, 3})}, {}, 1, [&](auto& n) { set(n, "k", k); }}).integers() ==
          std::vector<int64_t>(6));
}

TEST_CASE("reshape to sizes that no product holds", "[ops]") {
  const Tensor x = counted({2, 3});
  for (const std::vector<int64_t>& to :
       {std::vector<int64_t>{INT64_MAX, 3}, {-1, INT64_MAX, INT64_MAX}, {int64_t{1} << 32, int64_t{1} << 32}})
    CHECK_THROWS_AS((OnnxCall{"Reshape", 14, {x, i64(to)}, {1}}.import()), OpError);
  CHECK(OnnxCall{"Reshape", 14, {x, i64({-1, 2})}, {1}}.run().shape() == Shape{3, 2});
}

TEST_CASE("floats that are no integers", "[ops]") {
  const Tensor t = f32({5}, {NAN, INFINITY, -INFINITY, 1e30f, -2.7f});
  CHECK(t.integers() == std::vector<int64_t>{0, INT64_MAX, INT64_MIN, INT64_MAX, -2});
  Tensor i(real_type(DType::i64, {5}));
  for (int64_t k = 0; k < 5; ++k) i.set_real(k, t.real(k));
  CHECK(i.integers() == t.integers());
}
