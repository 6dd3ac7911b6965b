#include "compiler/cli/firmware.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>

#include "compiler/cli/cli.h"

namespace burin {

int guarded_files(const std::function<int()>& body) {
  auto say = [](const char* what, int code) {
    fmt::print(stderr, "burin: error: {}\n", what);
    return code;
  };
  try {
    return body();
  } catch (const SizeUnsupported& e) {
    return say(e.what(), kToolMissing);
  } catch (const ToolError& e) {
    return say(e.what(), kToolMissing);
  } catch (const SizeError& e) {
    return say(e.what(), kUsage);
  } catch (const UsageError& e) {
    return say(e.what(), kUsage);
  } catch (const ModelError& e) {
    return say(e.what(), kModelError);
  } catch (const std::exception& e) {
    return say(fmt::format("internal error: {}", e.what()).c_str(), kInternalError);
  }
}

nlohmann::json read_json(const std::string& file) {
  std::ifstream f(file, std::ios::binary);
  if (!f) throw UsageError(fmt::format("cannot read '{}'", file));
  try {
    return nlohmann::json::parse(f);
  } catch (const nlohmann::json::exception& e) {
    throw UsageError(fmt::format("'{}' is no JSON: {}", file, e.what()));
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
