#include "tools/burin/cli/firmware.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <fstream>

#include "tools/burin/cli/cli.h"

namespace burin {

int guarded_files(const std::function<int()>& body) {
  try {
    return body();
  } catch (...) {
    return explain_exception("burin", DiagnosticStyle::text);
  }
}

nlohmann::json read_json(const std::string& file) {
  std::ifstream f(file, std::ios::binary);
  if (!f) throw UsageError(fmt::format("cannot read '{}'", file), "unreadable-file");
  try {
    return nlohmann::json::parse(f);
  } catch (const nlohmann::json::exception& e) {
    throw UsageError(fmt::format("'{}' is no JSON: {}", file, e.what()), "invalid-report");
  }
}

std::string contributors(std::vector<Contributor> layers, const std::string& file) {
  std::ranges::stable_sort(
      layers, [](const Contributor& a, const Contributor& b) { return a.code + a.weights > b.code + b.weights; });
  std::string s;
  for (size_t i = 0; i < std::min<size_t>(layers.size(), 5); ++i) {
    const Contributor& l = layers[i];
    s += fmt::format("{}: note: {:>9} bytes  layer '{}'{} (code {}, weights {})\n", file, thousands(l.code + l.weights),
                     l.layer, l.kernel.empty() ? "" : " by " + l.kernel, thousands(l.code), thousands(l.weights));
  }
  return s;
}

}  // namespace burin
