// Every kernel that sums an image's rows as they come against the average pool's reference: in pieces of 1, 2, 3 and
// all rows and of an odd remainder, from rows that lie apart, with guards around what is written.
#include <fmt/format.h>

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <set>
#include <vector>

#include "codegen/layers/pool.h"
#include "codegen/lower.h"
#include "codegen/run.h"
#include "compiler/ops/pool.h"
#include "compiler/ops/requantization.h"
#include "compiler/program/text.h"
#include "passes/pass.h"
#include "runtime-min/kernels/pool_f32_mve.h"
#include "tests/catch.h"
#include "tests/passes/law.h"

namespace burin {
namespace {

/// Rows apart from each other, each ending where its memory ends.
template <class X>
struct Image {
  std::vector<std::vector<X>> lines;
  std::vector<const X*> rows;
  template <class F>
  Image(const PoolShape& s, F&& any) : lines(size_t(s.ih), std::vector<X>(size_t(s.iw * s.c))) {
    for (std::vector<X>& line : lines) {
      for (X& v : line) v = any();
      rows.push_back(line.data());
    }
  }
};

/// What kernel(rows, n, first, y, scratch) makes of the image, n rows a call. What lies there before is poison.
template <class X, class Y, class S, class F>
std::vector<Y> in_pieces(const Image<X>& image, int32_t n, size_t outputs, size_t sums, F&& kernel) {
  constexpr size_t guard = 16;
  std::vector<Y> y(outputs + 2 * guard, Y(0x5A));
  std::vector<S> scratch(sums + 2 * guard, S(0x5A5A5A5));
  const std::vector<Y> poison = y;
  const int32_t ih = int32_t(image.rows.size());
  for (int32_t first = 0; first < ih; first += n) {
    REQUIRE(y == poison);
    // Rows that are over are no longer there.
    const std::vector<const X*> rows(image.rows.begin() + first, image.rows.begin() + std::min(ih, first + n));
    kernel(rows.data(), int32_t(rows.size()), first, y.data() + guard, static_cast<void*>(scratch.data() + guard));
  }
  for (size_t i = 0; i < guard; ++i) {
    REQUIRE((y[i] == Y(0x5A) && y[guard + outputs + i] == Y(0x5A)));
    REQUIRE((scratch[i] == S(0x5A5A5A5) && scratch[guard + sums + i] == S(0x5A5A5A5)));
  }
  return {y.begin() + guard, y.end() - guard};
}

struct Problem {
  Pool op;
  Type x, y;
  PoolShape s;
};

Problem problem(int32_t c, int32_t ow, std::mt19937& rng, DType x, DType y) {
  auto pick = [&](int lo, int hi) { return std::uniform_int_distribution<int>(lo, hi)(rng); };
  Problem p;
  const int64_t ih = pick(1, 9), stride = pick(1, 3), dilation = pick(1, 2);
  const int64_t kw = pick(1, 6), across = (kw - 1) * dilation + 1, left = pick(0, int(across) - 1);
  const int64_t iw = std::max<int64_t>(1, (ow - 1) * stride + across - left - pick(0, 1));
  const int64_t right = (ow - 1) * stride + across - left - iw;
  p.op.kind = PoolKind::average_pool, p.op.channels_last = true;
  p.op.window = {{ih, kw}, {pick(1, 2), stride}, {1, dilation}, {0, left, 0, right}};
  p.op.count_include_pad = pick(0, 1) == 1;
  p.x = {x, {1, ih, iw, c}, {}}, p.y = {y, {1, 1, ow, c}, {}};
  if (x != DType::f32) {
    const auto zero = [&](DType t) { return std::vector<int32_t>{int32_t(pick(0, 1) ? info(t).lo : info(t).hi)}; };
    const float scale = std::vector<float>{0.05f, 0.5f, 0.013f, 0.25f}[size_t(pick(0, 3))];
    p.x.quant = {{0.05f}, zero(x), -1}, p.y.quant = {{scale}, zero(y), -1};
  }
  p.s = p.op.shape(p.x, p.y);
  REQUIRE(p.s.ow == ow);
  REQUIRE(pool_covers_height(p.s));
  return p;
}

std::set<int32_t> pieces(const PoolShape& s) {
  std::set<int32_t> r;
  for (int32_t n : {1, 2, 3, s.ih - 1, s.ih})
    if (n > 0) r.insert(n);
  return r;
}

/// With sequences of the problem's own, and with one of each kind that is nobody's.
std::vector<PoolRequantization> sequences(const Problem& p, std::mt19937& rng) {
  std::vector<PoolRequantization> r{pool_requantization(p.op, p.x, p.y)};
  for (RequantKind k :
       {RequantKind::shift8, RequantKind::plain, RequantKind::wide, RequantKind::table, RequantKind::vector}) {
    PoolRequantization q = r[0];
    const int32_t lo = int32_t(info(p.y.dtype).lo), hi = int32_t(info(p.y.dtype).hi);
    q.requantization.device = {k, k == RequantKind::vector ? 9 : 16, k == RequantKind::wide ? 0 : 64, lo, hi, 0};
    const size_t words = size_t(words_per_channel(k));
    std::vector<int32_t>& params = q.requantization.params;
    params.assign(words * q.counts.size(), 0);
    for (size_t set = 0; set < q.counts.size(); ++set) {
      int32_t* const w = params.data() + words * set;
      const auto number = [&](int32_t bound) { return int32_t(rng() % uint32_t(2 * bound)) - bound; };
      if (k == RequantKind::table) {
        w[0] = lo, w[1] = 0;
        for (int32_t i = 0; i < kTableSteps; ++i) w[2 + i] = (i - 128) * 9 + int32_t(set);
      } else if (k == RequantKind::wide) {
        w[0] = 1 << 20 | number(1 << 16), w[1] = number(1 << 20), w[3] = 24;
      } else {
        w[0] = number(1 << 12), w[1] = 1 << 28 | number(1 << 20);
      }
    }
    r.push_back(std::move(q));
  }
  return r;
}

template <class X, class Y>
void check_q8(DType x, DType y) {
  std::mt19937 rng(11);
  std::uniform_int_distribution<int> byte(std::numeric_limits<X>::min(), std::numeric_limits<X>::max());
  std::set<std::vector<Y>> different;
  for (int32_t c : {1, 3, 4, 5, 8, 17, 64})
    for (int32_t ow : {1, 2})
      for (int times = 0; times < 6; ++times) {
        const Problem p = problem(c, ow, rng, x, y);
        const PoolShape& s = p.s;
        const int end = times == 0 ? std::numeric_limits<X>::min() : std::numeric_limits<X>::max();
        const Image<X> image(s, [&] { return X(times < 2 ? end : byte(rng)); });
        const int32_t zero = p.x.quant.zero_point[0];
        for (const PoolRequantization& q : sequences(p, rng)) {
          const Requant& device = q.requantization.device;
          const int32_t* const params = q.requantization.params.data();
          const int32_t sets = int32_t(q.counts.size());
          const int32_t* const counts = sets > 1 ? q.counts.data() : nullptr;
          const size_t outputs = size_t(s.ow * s.c);
          std::vector<Y> want(outputs);
          average_pool_q8_ref(s, device, zero, sets, counts, image.rows.data(), 1, params, want.data());
          different.insert(want);
          for (int32_t n : pieces(s)) {
            INFO(fmt::format("{} rows a call of {}, window {} wide, {} channels, {} outputs, kind {}", n, s.ih, s.kw, c,
                             ow, int(device.kind)));
            const auto made = [&](size_t sums, auto kernel) {
              return in_pieces<X, Y, int32_t>(
                  image, n, outputs, sums,
                  [&](const X* const* rows, int32_t count, int32_t first, Y* to, void* scratch) {
                    kernel(s, device, zero, sets, counts, rows, count, first, params, to, scratch);
                  });
            };
            CHECK(made(outputs, &average_pool_rows_q8_ref<X, Y>) == want);
            if (c % 4 == 0) CHECK(made(outputs, &average_pool_rows_q8_dsp<X, Y>) == want);
            if (c >= 16) CHECK(made(size_t(pool_rows_q8_mve_sums(s)), &average_pool_rows_q8_mve<X, Y>) == want);
          }
        }
      }
  CHECK(different.size() > 50);
}

TEST_CASE("integer pools over an image's rows as they come", "[kernels]") {
  check_q8<int8_t, int8_t>(DType::i8, DType::i8);
  check_q8<uint8_t, uint8_t>(DType::u8, DType::u8);
  check_q8<int8_t, uint8_t>(DType::i8, DType::u8);
  check_q8<uint8_t, int8_t>(DType::u8, DType::i8);
}

TEST_CASE("sums of more cells than halves hold", "[kernels]") {
  for (int32_t kw : {16, 100, 255}) {
    PoolShape s{};
    s.ih = s.kh = 40, s.iw = s.kw = kw, s.oh = s.ow = 1, s.c = 4, s.sh = s.sw = s.dh = s.dw = 1;
    REQUIRE(pool_row_fits_halves(s));
    const Requant q{RequantKind::plain, 18, 0, -128, 127, 0};
    const int32_t params[] = {0, (1 << 30) / (kw * 40) * 4};
    for (int8_t v : {int8_t(-128), int8_t(127)}) {
      const Image<int8_t> image(s, [&] { return v; });
      std::vector<int8_t> want(4);
      average_pool_q8_ref(s, q, -7, 1, nullptr, image.rows.data(), 1, params, want.data());
      for (int32_t n : {1, 7, 40})
        CHECK(in_pieces<int8_t, int8_t, int32_t>(
                  image, n, 4, 4, [&](const int8_t* const* rows, int32_t count, int32_t first, int8_t* y, void* sums) {
                    average_pool_rows_q8_dsp(s, q, -7, 1, nullptr, rows, count, first, params, y, sums);
                  }) == want);
    }
  }
}

TEST_CASE("float32 pools over an image's rows as they come have the bits of those of whole windows", "[kernels]") {
  std::mt19937 rng(12);
  std::uniform_real_distribution<float> any(-3, 3);
  for (int32_t c : {1, 3, 4, 5, 8, 16, 23, 64})
    for (int32_t ow : {1, 2})
      for (int times = 0; times < 20; ++times) {
        const PoolShape s = problem(c, ow, rng, DType::f32, DType::f32).s;
        const Image<float> image(s, [&] { return any(rng); });
        const size_t outputs = size_t(s.ow * s.c);
        std::vector<float> want(outputs), vectors(outputs);
        average_pool_f32_ref(s, image.rows.data(), 1, want.data());
        if (c >= 4) average_pool_f32_mve(s, image.rows.data(), 1, vectors.data());
        for (int32_t n : pieces(s)) {
          INFO(fmt::format("{} rows a call of {}, window {} wide, {} channels, {} outputs", n, s.ih, s.kw, c, ow));
          const auto same = [&](const std::vector<float>& a, size_t sums, auto kernel) {
            const auto b =
                in_pieces<float, float, float>(image, n, outputs, sums,
                                               [&](const float* const* rows, int32_t count, int32_t first, float* y,
                                                   void* to) { kernel(s, rows, count, first, y, to); });
            return std::memcmp(a.data(), b.data(), 4 * outputs) == 0;
          };
          CHECK(same(want, outputs, &average_pool_rows_f32_ref));
          if (c >= 4) CHECK(same(vectors, size_t(pool_rows_f32_mve_sums(s)), &average_pool_rows_f32_mve));
        }
      }
}

constexpr const char* kNet = R"(graph net(%x: i8[2x7x6x20]{0.05,3}) -> %y, %z
  %y: i8[2x1x2x20]{0.04,-5} = average_pool kernel=[7,5] strides=[1,3] pads=[0,1,0,1] channels_last=true %x
  %r: f32[2x7x6x20] = dequantize %x
  %z: f32[2x1x1x20] = average_pool kernel=[7,6] channels_last=true %r
)";

/// The program by the kernels named, `rows` input rows a call; 0: as many as they ask for.
Program program(Graph& g, const char* target, const std::string& q8, const std::string& f32, int32_t rows) {
  Context context;
  context.target = find_target(target);
  context.options.name = "test";
  if (!q8.empty()) context.options.kernels = {{"y", q8}, {"z", f32}};
  run_passes(g, context);
  for (Node& n : g.nodes)
    if (rows > 0 && n.kernel && n.kernel->name.starts_with("pool_rows")) n.rows = rows;
  return lower(g, *context.target, context.options);
}

TEST_CASE("programs pool rows as they come", "[kernels][run]") {
  struct Way {
    const char *target, *q8, *f32;
  };
  for (const Way& way : {Way{"cortex-m0plus", "pool_rows_q8_ref", "pool_rows_f32_ref"},
                         Way{"cortex-m4f", "pool_rows_q8_dsp", "pool_rows_f32_ref"},
                         Way{"cortex-m55", "pool_rows_q8_mve", "pool_rows_f32_mve"}})
    for (int32_t rows : {0, 1, 2, 3, 7}) {
      INFO(way.q8 << ", " << rows << " rows a call");
      Graph g = parse(kNet);
      const Program p = program(g, way.target, way.q8, way.f32, rows);
      int loops = 0;
      for (const Step& s : p.steps)
        for (const Call& c : s.body.calls)
          if (c.rows && c.rows->accumulates) {
            ++loops;
            CHECK(c.rows->n == (rows > 0 ? rows : 7));
          }
      CHECK(loops == 2);
      CHECK_NOTHROW(verify(p));
      law::Random random(1);
      const std::vector<Tensor> inputs = law::random_inputs(g, random), want = interpret(g, inputs);
      const Program again = parse_program(print(p));
      CHECK(print(again) == print(p));
      for (const Program* each : {&p, &again}) {
        const std::vector<Tensor> got = run(*each, inputs);
        for (size_t i = 0; i < want.size(); ++i) CHECK(law::difference(want[i], got[i], {}) == "");
      }
    }
}

TEST_CASE("kernels that pool rows as they come are taken where they are named", "[kernels]") {
  for (const char* target : {"cortex-m0plus", "cortex-m4f", "cortex-m55"}) {
    Graph g = parse(kNet);
    for (const Step& s : program(g, target, "", "", 0).steps) {
      INFO(s.facts.kernel);
      CHECK(!s.facts.kernel.starts_with("pool_rows"));
      if (s.facts.op == "average_pool") {
        CHECK(s.facts.candidates.count(s.facts.name == "y" ? "pool_rows_q8_ref" : "pool_rows_f32_ref"));
      }
    }
  }
  // Padding above, a lower window, several rows of output.
  for (const char* pool :
       {"y: i8[1x1x1x4]{0.05,3} = average_pool kernel=[8,6] pads=[1,0,0,0]",
        "y: i8[1x1x1x4]{0.05,3} = average_pool kernel=[6,6]", "y: i8[1x2x1x4]{0.05,3} = average_pool kernel=[6,6]"}) {
    Graph g = parse(fmt::format("graph g(%x: i8[1x7x6x4]{{0.05,3}}) -> %y\n  %{} channels_last=true %x\n", pool));
    const Options plain;
    const LayerView v(g, g.nodes[0], *find_target("cortex-m4f"), plain);
    for (const Kernel& k : kernels())
      if (k.name.starts_with("pool_rows")) CHECK(!k.work(v));
  }
}

TEST_CASE("the first row of a loop that does not accumulate is nothing", "[kernels]") {
  Graph g = parse(kNet);
  Program p = program(g, "cortex-m4f", "pool_rows_q8_dsp", "pool_rows_f32_ref", 2);
  p.steps.at(0).body.calls.at(0).rows->accumulates = false;
  CHECK_THROWS_AS(verify(p), std::invalid_argument);
}

}  // namespace
}  // namespace burin
