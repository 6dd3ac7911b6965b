// targets/kernels.costs against kernels.inc and the targets.
#include "tests/catch.h"

#include <algorithm>

#include "codegen/costs.h"

namespace burin {
namespace {

TEST_CASE("every kernel has been measured on every class of cores that runs it", "[costs]") {
  for (const Target& t : targets()) {
    INFO(t.name << ": `costs` of its target file");
    const Target* measured = find_target(t.key("costs"));
    REQUIRE(measured);
    CHECK(!measured->qemu.empty());
    for (const Kernel& k : kernels()) {
      if (!t.has(k.needs)) continue;
      INFO(k.name << " on " << measured->name << ": measure it with tools/fit-costs --kernel " << k.name);
      const FittedCosts* c = fitted_costs(measured->name, k.name);
      REQUIRE(c);
      CHECK(c->code > 0);
      CHECK(std::ranges::all_of(c->cycles, [](double n) { return n >= 0; }));
      CHECK(std::ranges::any_of(c->cycles, [](double n) { return n > 0; }));
    }
  }
  CHECK(!fitted_costs("cortex-m4f", "no_such_kernel"));
  CHECK(!fitted_costs("no-such-core", "conv_q8_ref"));
}

}  // namespace
}  // namespace burin
