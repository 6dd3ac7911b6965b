// What the verbs share that read firmware files and reports rather than models: size, diff.
#pragma once
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "tools/burin/cli/report.h"
#include "tools/size/measure.h"

namespace burin {

/// Runs `body` and turns exceptions into messages and exit codes, as guarded() does for models.
int guarded_files(const std::function<int()>& body);
/// Throws UsageError naming the file.
nlohmann::json read_json(const std::string& file);
/// A layer in a message about a budget.
struct Contributor {
  std::string layer, kernel;
  int64_t code, weights;
};
/// Notes that name the largest layers.
std::string contributors(std::vector<Contributor> layers, const std::string& file);

}  // namespace burin
