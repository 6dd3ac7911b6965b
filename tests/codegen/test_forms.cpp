// Every convolution kernel with every number of rows a call: the program that asks for them gives what the graph means,
// bit for bit, within the working memory that the kernel says it needs.
#include "tests/catch.h"

#include <cmath>
#include <map>

#include "codegen/costs.h"
#include "codegen/forms.h"
#include "codegen/layers/conv.h"
#include "codegen/lower.h"
#include "codegen/run.h"
#include "compiler/ops/conv.h"
#include "passes/pass.h"
#include "tests/passes/law.h"

namespace burin {
namespace {

struct Shape {
  int64_t h, w, ic, oc, kh, kw, stride = 1;
  std::array<int64_t, 4> pads{};  // top, left, bottom, right
  int64_t group = 1;
  int zeros = 0;  // percent of the weights
  int64_t batch = 1;
  int64_t dilation = 1;
};

const std::vector<Shape> kShapes = {
    {13, 7, 8, 6, 3, 3, 1, {1, 1, 1, 1}},
    {13, 9, 8, 8, 3, 3, 1, {1, 1, 1, 1}},
    {12, 6, 4, 4, 3, 3, 1, {0, 1, 2, 1}},
    {11, 10, 3, 5, 3, 3, 2, {0, 0, 1, 1}},
    {40, 5, 3, 8, 3, 3, 1, {1, 1, 1, 1}},
    {14, 6, 16, 4, 3, 3, 1, {1, 1, 1, 1}},
    {13, 10, 1, 8, 10, 4, 2, {4, 1, 5, 1}},
    {9, 6, 2, 3, 4, 5, 1, {2, 2, 1, 2}},
    {15, 6, 6, 4, 3, 3, 1, {2, 2, 2, 2}, 1, 0, 1, 2},
    {9, 5, 12, 8, 3, 2, 1, {1, 1, 1, 0}, 2},
    {15, 7, 8, 8, 3, 3, 1, {1, 1, 1, 1}, 8},
    {13, 5, 20, 20, 3, 3, 1, {1, 1, 1, 1}, 20},
    {14, 3, 32, 32, 3, 3, 1, {1, 1, 1, 1}, 32},
    {15, 9, 16, 16, 3, 3, 2, {0, 0, 1, 1}, 16},
    {11, 9, 5, 5, 5, 4, 2, {2, 1, 2, 2}, 5},
    {9, 6, 6, 12, 3, 3, 1, {1, 1, 1, 1}, 6},
    {6, 5, 8, 8, 1, 1},
    {7, 3, 12, 9, 1, 1},
    {9, 2, 64, 16, 1, 1},
    {5, 3, 40, 10, 1, 1, 1, {}, 1, 75},
    {4, 7, 32, 12, 1, 1, 1, {}, 1, 75},
    {3, 4, 7, 5, 1, 1, 1, {}, 1, 0, 2},
    {8, 6, 9, 4, 1, 1, 2},
    {1, 5, 16, 8, 1, 1},
};

Graph net(const Shape& c, DType dtype, uint64_t seed) {
  law::Random random(seed);
  const bool real = dtype == DType::f32;
  Graph g;
  Tensor w(Type{real ? dtype : DType::i8, {c.oc, c.kh, c.kw, c.ic / c.group}, {}});
  const float taps = float(c.kh * c.kw * c.ic / c.group);
  if (!real) w.type().quant = {{0.01f}, {0}, -1};
  for (int64_t i = 0; i < w.elements(); ++i) {
    if (random.chance(c.zeros)) continue;
    // Small enough for sums that Winograd and packing are exact.
    if (real) w.set_real(i, double(random.between(-8, 8)));
    else w.set_integer(i, random.between(-90, 90));
  }
  Tensor b(Type{real ? dtype : DType::i32, {c.oc}, {}});
  if (!real) b.type().quant = {{0.005f}, {0}, -1};
  for (int64_t i = 0; i < c.oc; ++i)
    if (real) b.set_real(i, double(random.between(-9, 9)));
    else b.set_integer(i, random.between(-2000, 2000));
  Type x{dtype, {c.batch, c.h, c.w, c.ic}, {}};
  if (!real) x.quant = {{0.5f}, {3}, -1};
  Conv conv;
  conv.window = {{c.kh, c.kw}, {c.stride, c.stride}, {c.dilation, c.dilation}, c.pads};
  conv.group = c.group, conv.channels_last = true;
  const ValueId xv = g.add_value("x", x), wv = g.add_constant("w", w), bv = g.add_constant("b", b);
  Type y = conv.infer(std::vector<Type>{x, w.type(), b.type()})[0];
  y.dtype = dtype;
  if (!real) y.quant = {{0.005f * 40 * std::sqrt(taps)}, {-5}, -1};
  const ValueId yv = g.add_value("y", y);
  g.inputs = {xv}, g.outputs = {yv};
  g.nodes.push_back({"conv", conv, {xv, wv, bv}, {yv}, {}});
  return g;
}

/// Numbers small enough that sums in float32 are exact in any order.
std::vector<Tensor> inputs(const Graph& g, uint64_t seed) {
  law::Random random(seed);
  std::vector<Tensor> r = law::random_inputs(g, random);
  for (Tensor& t : r)
    for (int64_t i = 0; is_float(t.dtype()) && i < t.elements(); ++i) t.set_real(i, double(random.between(-8, 8)));
  return r;
}

Node* convolution(Graph& g) {
  const Options options;
  for (Node& n : g.nodes)
    if (n.as<Conv>() && geometry(LayerView(g, n, *find_target("host"), options))) return &n;
  return nullptr;
}

std::optional<Work> asked(const LayerView& v, const Kernel& k, int32_t rows, int32_t block = 4) {
  Node n = v.node;
  n.kernel = &k, n.rows = rows, n.block = k.name == "winograd_q8_w8_dsp" ? block : 0;
  return k.work(LayerView(v, n));
}

/// Layers by shape, type, target and kernel, with what a copy of the graph is for.
template <class F>
void each_layer(F f) {
  uint64_t seed = 1;
  for (const DType dtype : {DType::i8, DType::u8, DType::f32})
    for (const Shape& c : kShapes)
      for (const char* name : {"cortex-m4f", "cortex-m55"}) {
        Context context;
        context.target = find_target(name);
        Graph g = net(c, dtype, ++seed);
        run_passes(g, context);
        Node* const n = convolution(g);
        REQUIRE(n);
        for (const Kernel& k : kernels()) {
          if (!context.target->has(k.needs)) continue;
          INFO(k.name << " on " << name << ", " << to_string(g[n->inputs[0]].type) << ", window " << c.kh << "x" << c.kw
                      << ", stride " << c.stride);
          const Options options = context.options;
          const LayerView v(g, *n, *context.target, options);
          if (asked(v, k, 1)) f(g, *n, v, k, context, seed);
        }
      }
}

TEST_CASE("kernels run by any number of rows", "[forms]") {
  std::map<std::string_view, int> fewer;
  for (const Kernel& k : kernels())
    if (k.name.find("conv") != k.name.npos || k.name.find("wise") != k.name.npos ||
        k.name.find("winograd") != k.name.npos || k.name.find("dense") != k.name.npos)
      fewer[k.name] = 0;
  each_layer([&](const Graph& g, const Node& n, const LayerView& v, const Kernel& k, const Context& context,
                 uint64_t seed) {
    const std::vector<Tensor> in = inputs(g, seed);
    const std::vector<Tensor> want = interpret(g, in);
    const int32_t height = geometry(v)->image.oh;
    std::vector<int32_t> seen;
    for (const int32_t rows : {0, 1, 2, 3, 5, height - 1, height, height + 7}) {
      const std::optional<Work> given = asked(v, k, rows);
      if (rows == 0 && !given) continue;  // Winograd: nobody knows of room
      const Work w = given.value();
      INFO(rows << " rows asked, " << w.rows << " given");
      CHECK(w.rows >= std::min(rows, height));
      CHECK(w.rows <= height);
      const Work again = *asked(v, k, w.rows, w.block);
      CHECK((again.rows == w.rows && again.scratch == w.scratch && again.block == w.block && again.counts == w.counts));
      CHECK((again.calls == w.calls && w.calls >= 1));
      if (std::ranges::count(seen, w.rows)) continue;
      seen.push_back(w.rows);
      Graph copy = g;
      Node& node = copy.nodes[g.nodes.index(n)];
      node = planned(node, k, w);
      plan_memory(copy, context);
      const std::vector<Tensor> got = run(lower(copy, *context.target, context.options), in);
      for (size_t i = 0; i < want.size(); ++i) CHECK(law::difference(want[i], got[i], {}) == "");
      fewer[k.name] += rows > 0 && w.rows < height;
    }
  });
  for (const auto& [name, times] : fewer) {
    INFO(name);
    if (name == "dense_coded_q8" || name == "depthwise_in_place_q8_mve") CHECK(times == 0);  // one pixel; in place
    else CHECK(times >= 4);
  }
}

TEST_CASE("layers that share functions run by any number of rows", "[forms]") {
  int shared = 0;
  for (uint64_t seed = 1; seed <= kShapes.size(); ++seed)
    for (const int32_t rows : {0, 1, 2, 3, 5}) {
      Context context;
      context.target = find_target("cortex-m4f");
      context.options.optimize = Options::Optimize::size;
      Graph g = net(kShapes[seed - 1], DType::i8, seed);
      run_passes(g, context);
      Node& n = *convolution(g);
      const Options& options = context.options;
      if (rows > 0) {
        Node copy = n;
        copy.rows = rows;
        n = planned(n, *n.kernel, *n.kernel->work(LayerView(LayerView(g, n, *context.target, options), copy)));
      }
      for (const Sharing s : {Sharing::none, Sharing::parts, Sharing::whole}) {
        const SharedForm form = n.kernel->work(LayerView(g, n, *context.target, options))->form;
        if (s != Sharing::none && (form.function == SharedFunction::none || !form.parts)) continue;
        if (s == Sharing::parts && form.function == SharedFunction::dense) continue;
        n.sharing = s;
        plan_memory(g, context);
        INFO(n.kernel->name << ", " << n.rows << " rows, shape " << seed << ", sharing " << int(s));
        const std::vector<Tensor> in = inputs(g, seed), want = interpret(g, in);
        const std::vector<Tensor> got = run(lower(g, *context.target, context.options), in);
        CHECK(law::difference(want[0], got[0], {}) == "");
        shared += s != Sharing::none;
      }
    }
  CHECK(shared > 40);
}

TEST_CASE("fewer rows a call never cost less", "[forms]") {
  each_layer([&](const Graph&, const Node&, const LayerView& v, const Kernel& k, const Context& context, uint64_t) {
    // Each divides the one before it: blocks of the larger calls are whole where those of the smaller ones are.
    const int32_t height = geometry(v)->image.oh;
    double before = 0;
    int64_t scratch = asked(v, k, height)->scratch;
    for (int32_t rows = height; rows > 0; rows = rows % 2 == 0 ? rows / 2 : rows > 1 ? 1 : 0) {
      const Work w = *asked(v, k, rows);
      if (height > 32 && w.calls == 1) continue;  // what is usual for large images is several calls
      const double cycles = estimated_cycles(k, w, *context.target);
      INFO(w.rows << " rows");
      CHECK(cycles >= before * (1 - 1e-12));
      CHECK(w.scratch <= scratch);
      before = cycles, scratch = w.scratch;
    }
  });
}

TEST_CASE("forms begin with the usual one and are worth something", "[forms]") {
  int several = 0;
  each_layer([&](const Graph& g, const Node& n, const LayerView& v, const Kernel& k, const Context& context, uint64_t) {
    Graph copy = g;
    Node& node = copy.nodes[g.nodes.index(n)];
    node = planned(node, k, *asked(v, k, geometry(v)->image.oh));
    const LayerView view(copy, node, *context.target, context.options);
    const std::vector<Form> forms = row_forms(view, k);
    REQUIRE(!forms.empty());
    CHECK(forms.size() <= (forms[0].block > 0 ? 16 : 8));
    several += forms.size() > 1;
    for (size_t i = 0; i < forms.size(); ++i) {
      const Form& f = forms[i];
      INFO(f.rows << " rows, block " << f.block);
      const Work w = *asked(v, k, f.rows, f.block);
      CHECK((w.rows == f.rows && w.block == f.block && w.scratch == f.scratch));
      for (size_t j = 0; j < i; ++j)
        CHECK((f.block < forms[j].block || f.rows < forms[j].rows || f.scratch < forms[j].scratch));
    }
    // The same whatever form the node has.
    node = planned(node, k, *asked(v, k, forms.back().rows, forms[0].block));
    if (!k.name.starts_with("winograd_f32")) CHECK(row_forms(view, k) == forms);
  });
  CHECK(several > 100);
}

/// The forms of one layer, as text.
std::string listed(const std::string& text, const char* target, std::string_view kernel) {
  Context context;
  context.target = find_target(target);
  Graph g = parse(text);
  run_passes(g, context);
  const Node& n = *convolution(g);
  std::string r;
  for (const Kernel& k : kernels())
    if (k.name == kernel)
      for (const Form& f : row_forms(LayerView(g, n, *context.target, context.options), k))
        r += fmt::format("{}{}:{}", r.empty() ? "" : " ", f.rows, f.scratch);
  return r;
}

TEST_CASE("the forms of known layers", "[forms]") {
  CHECK(listed(R"(graph net(%x: i8[1x25x5x64]{0.5,3}) -> %y
  %w: i8[64x3x3x1]{0.01,0} = constant fill:1
  %y: i8[1x25x5x64]{0.5,-3} = conv kernel=[3,3] pads=[1,1,1,1] group=64 channels_last=true %x, %w
)",
               "cortex-m4f", "depthwise_q8_dsp") == "25:1752 13:984 7:600 5:472 4:408 2:280 1:216");
  // Rows are joined where they divide the image.
  CHECK(listed(R"(graph net(%x: f32[1x25x5x64]) -> %y
  %w: f32[64x1x1x64] = constant fill:1
  %y: f32[1x25x5x64] = conv kernel=[1,1] channels_last=true %x, %w
)",
               "cortex-m4f", "pointwise_f32_fpu") == "25:0 5:0 1:0");
}

}  // namespace
}  // namespace burin
