// Thresholds, pairing of models and what each format says.
#if __has_include(<catch2/catch_test_macros.hpp>)
#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>
#else
#include <catch2/catch.hpp>
#endif

#include "tools/size/compare.h"
#include "tools/size/measure.h"

namespace burin {
namespace {

using nlohmann::json;

json report(int64_t code, const std::string& kernel, const std::string& target = "cortex-m4f") {
  return {
      {"schema", 1},
      {"model", {{"name", "kws"}}},
      {"target", target},
      {"options", ""},
      {"arena_bytes", 1000},
      {"state_bytes", 0},
      {"stack_bytes", nullptr},
      {"flash", {{"code", code}, {"weights", 500}}},
      {"macs", 10},
      {"layers",
       {{{"name", "conv"}, {"kernel", kernel}, {"code_bytes", code - 100}, {"weight_bytes", 500}, {"cycles_est", 70}},
        {{"name", "dense"}, {"kernel", "d"}, {"code_bytes", 100}, {"weight_bytes", 0}, {"cycles_est", 30}}}}};
}

Diff diff(const json& a, const json& b, std::vector<std::string> limits) {
  std::vector<Limit> l;
  for (const auto& t : limits) l.push_back(parse_limit(t));
  return compare(snapshots(a, "a"), snapshots(b, "b"), l, false);
}

}  // namespace

TEST_CASE("diff: limits") {
  CHECK(parse_limit("flash=+1.5%").value == 1.5);
  CHECK(parse_limit("ram=+0").kind == Limit::Kind::growth);
  CHECK(parse_limit("flash=+4K").value == 4096);
  CHECK(parse_limit("flash=64K").kind == Limit::Kind::ceiling);
  for (const char* bad :
       {"", "flash", "flash=", "flash=+", "flash=%", "speed=+1", "flash=-1", "flash=1%", "flash=+1q", "flash=1.2.3"}) {
    INFO(bad);
    CHECK_THROWS_AS(parse_limit(bad), SizeError);
  }
}

TEST_CASE("diff: members of a group are compared with the same layers alone") {
  const json a = report(1000, "a");
  json b = a;
  b["schema"] = 2;
  json members = a["layers"];
  members[1]["code_bytes"] = 130;
  for (json& m : members) m["function"] = m["name"];
  b["layers"] = json::array({{{"name", "conv_to_dense"},
                              {"kernel", "rows"},
                              {"code_bytes", 1080},  // 50 of its own
                              {"weight_bytes", 500},
                              {"cycles_est", 100},
                              {"calls", members}}});
  const std::vector<Snapshot> all = snapshots(b, "b");
  REQUIRE(all.size() == 1);
  REQUIRE(all[0].layers.size() == 3);
  CHECK(all[0].totals.at("cycles") == 100);
  CHECK(all[0].layers.at("conv").amounts == snapshots(a, "a")[0].layers.at("conv").amounts);
  CHECK(all[0].layers.at("dense").amounts.at("code") == 130);
  CHECK(all[0].layers.at("conv_to_dense").amounts.at("code") == 50);
  CHECK(all[0].layers.at("conv_to_dense").amounts.at("weights") == 0);
}

TEST_CASE("diff: growth is caught at the limit, not at it") {
  const json a = report(1000, "a");  // flash 1,500
  CHECK(!diff(a, report(1015, "a"), {"flash=+1%"}).exceeded());
  CHECK(diff(a, report(1016, "a"), {"flash=+1%"}).exceeded());
  CHECK(!diff(a, report(1000, "a"), {"flash=+0"}).exceeded());
  CHECK(diff(a, report(1001, "a"), {"flash=+0"}).exceeded());
  CHECK(!diff(a, report(1548, "a"), {"flash=2K"}).exceeded());
  CHECK(diff(a, report(1549, "a"), {"flash=2K"}).exceeded());
  CHECK(!diff(a, report(900, "a"), {"flash=+0", "ram=+0", "cycles=+0"}).exceeded());
  CHECK_THROWS_AS(diff(a, a, {"stack=+0"}), SizeError);  // nobody measured it: no silent pass
}

TEST_CASE("diff: the layer and its kernels are named") {
  const Diff d = diff(report(1000, "small"), report(2000, "big"), {"flash=+1%"});
  REQUIRE(d.models.size() == 1);
  REQUIRE(d.models[0].layers.size() == 1);
  REQUIRE(d.models[0].excess.size() == 1);
  CHECK(d.models[0].excess[0].worst_layer == "conv");
  for (const std::string& s : {diff_text(d), diff_markdown(d), diff_github(d, "f.json", ""), diff_json(d).dump()})
    CHECK(s.find("layer 'conv': +1,000, kernel small -> big") != s.npos);
  CHECK(diff_html(d).find("small -&gt; big") != std::string::npos);
  CHECK(diff_github(d, "f.json", "").starts_with("::error file=f.json,line=1,title=flash of kws::"));
  CHECK(diff_github(d, "f.json", "").find("+66.67 %25") != std::string::npos);  // % is escaped
}

TEST_CASE("diff: a part that one side did not measure is in neither sum") {
  json later = report(1000, "a");
  later["stack_bytes"] = 300;
  const Diff d = diff(report(1000, "a"), later, {"ram=+0"});
  CHECK(!d.exceeded());
  CHECK(d.models[0].after.totals.at("ram") == 1000);
}

TEST_CASE("diff: models are paired by name, target and options") {
  const auto before = snapshots(json{{"schema", 1}, {"models", {report(1, "a"), report(2, "a", "cortex-m55")}}}, "a");
  const auto after = snapshots(
      json{{"schema", 1}, {"models", {report(2, "a", "cortex-m55"), report(1, "a"), report(3, "a", "riscv32")}}}, "b");
  CHECK(pairs(before, after) == std::vector<int>{1, 0, -1});
  json options = report(1, "a");
  options["options"] = "--optimize size";
  CHECK(pairs({before[0]}, snapshots(options, "c")) == std::vector<int>{0});  // the only one: its options changed
}

TEST_CASE("diff: a baseline says the same as its report") {
  const auto s = snapshots(report(1000, "k"), "a");
  const json b = baseline(s);
  const auto again = snapshots(b, "b");
  CHECK(baseline(again) == b);
  CHECK(again[0].layers.at("conv").kernel == "k");
  const Diff d = compare(again, s, {parse_limit("flash=+0"), parse_limit("ram=+0"), parse_limit("cycles=+0")}, false);
  CHECK(!d.exceeded());
  CHECK(d.models[0].layers.empty());
}

TEST_CASE("diff: other JSON is refused") {
  for (const char* text : {"{}", "[]", "3", R"({"schema": 3, "model": {"name": "x"}})", R"({"schema": 1})",
                           R"({"schema": 1, "models": 3})"}) {
    INFO(text);
    CHECK_THROWS_AS(snapshots(json::parse(text), "x"), SizeError);
  }
}

}  // namespace burin
