// Facts of a compiled model for people and scripts: `--report FILE` and `analyze`.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "tools/burin/cli/cli.h"

namespace burin {

/// The object that docs/generated-code.md describes ("Report").
nlohmann::json report(const Compiled& c, const ModelOptions& o);
/// As files and standard output have it; bytes that are no UTF-8 are replaced.
std::string json_text(const nlohmann::json& report);
/// 1234567 as 1,234,567.
std::string thousands(int64_t v);
/// Every --report FILE with its text.
std::vector<std::pair<std::string, SourceText>> report_files(const Compiled& c, const ModelOptions& o);
/// The same of models that share an arena: one object with the report of each.
std::vector<std::pair<std::string, SourceText>> shared_report_files(const std::string& name,
                                                                    const std::vector<Compiled>& models,
                                                                    const std::vector<ModelOptions>& options);
/// Refuses --report FILE whose format there is not, before any work is done.
void check_reports(const ModelOptions& o);
/// Notes that name the buffers alive where the arena is fullest.
std::string largest_buffers(const Compiled& c, const std::string& file);
/// The tables of `burin analyze`.
std::string analysis(const Compiled& c, const ModelOptions& o);

}  // namespace burin
