// Graphs that went through all passes, as programs that run: what tests of plans start from.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "codegen/lower.h"
#include "codegen/run.h"
#include "compiler/interpreter.h"
#include "passes/pass.h"
#include "tests/passes/law.h"

namespace burin {

struct Lowered {
  Graph g;
  Program p;
  std::vector<Tensor> inputs;
};
inline Lowered lowered(Graph g, const char* target, const Options& options = {}, uint64_t seed = 1) {
  Context context;
  context.target = find_target(target);
  context.options = options;
  run_passes(g, context);
  Lowered m{std::move(g), {}, {}};
  m.p = lower(m.g, *context.target, context.options);
  law::Random random(seed);
  m.inputs = law::random_inputs(m.g, random);
  return m;
}

/// "" where the program gives what the graph means, integers to within `steps`; else what is wrong.
inline std::string wrong(const Lowered& m, int64_t steps = 0) {
  try {
    const std::vector<Tensor> want = interpret(m.g, m.inputs), got = run(m.p, m.inputs);
    for (size_t i = 0; i < want.size(); ++i)
      if (const std::string s = law::difference(want[i], got[i], {steps, 0}); !s.empty()) return s;
  } catch (const std::exception& e) {
    return e.what();
  }
  return "";
}

/// Convolutions by rows and a sum: values of 960 bytes that live over several steps.
inline Graph branched_net() {
  Graph g = parse(R"(graph net(%x: i8[1x40x6x4]{0.5,3}) -> %y
  %w: i8[4x3x3x4]{0.01,0} = constant fill:1
  %v: i8[4x1x1x4]{0.01,0} = constant fill:1
  %u: i8[4x1x1x4]{0.01,0} = constant fill:1
  %a: i8[1x40x6x4]{0.6,-3} = conv kernel=[3,3] pads=[1,1,1,1] channels_last=true %x, %w
  %b: i8[1x40x6x4]{0.3,-3} = conv kernel=[1,1] channels_last=true %a, %v
  %c: i8[1x40x6x4]{0.2,-3} = conv kernel=[1,1] channels_last=true %b, %u
  %y: i8[1x40x6x4]{0.5,-3} = add %a, %c
)");
  law::Random random(4);
  for (const Value& v : g.values())
    if (v.constant())
      for (int64_t i = 0; i < v.data->elements(); ++i)
        const_cast<Tensor&>(*v.data).set_integer(i, random.between(-127, 127));
  return g;
}

}  // namespace burin
