#include "compiler/diagnostics.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "compiler/text.h"

namespace burin {
namespace {

std::string_view word(Diagnostic::Severity s) {
  return s == Diagnostic::Severity::note ? "note" : s == Diagnostic::Severity::warning ? "warning" : "error";
}

std::string headline(const Diagnostic& d) {
  std::string s;
  if (!d.node.empty()) s += fmt::format("node '{}'{}: ", d.node, d.op.empty() ? "" : fmt::format(" ({})", d.op));
  s += d.message;
  if (d.code != "") s += fmt::format(" [{}]", d.code.text());
  return printable(s);
}

/// The characters that a GitHub workflow command reserves, in its message or in a property of it.
std::string escape_github(std::string_view text, bool property = false) {
  std::string r;
  for (char c : text)
    r += c == '%'               ? "%25"
         : c == '\n'            ? "%0A"
         : c == '\r'            ? "%0D"
         : property && c == ':' ? "%3A"
         : property && c == ',' ? "%2C"
                                : std::string(1, c);
  return r;
}

}  // namespace

const std::vector<DiagnosticInfo>& all_diagnostics() {
  static const std::vector<DiagnosticInfo> all = {
#define BURIN_DIAGNOSTIC(id, meaning, fix) {id, meaning, fix},
#include "compiler/diagnostics.inc"
#undef BURIN_DIAGNOSTIC
  };
  return all;
}

const DiagnosticInfo* find_diagnostic(std::string_view id) {
  const auto it = std::ranges::find(all_diagnostics(), id, &DiagnosticInfo::id);
  return it == all_diagnostics().end() ? nullptr : &*it;
}

std::string format(const Diagnostic& d, std::string_view file, DiagnosticStyle style) {
  switch (style) {
    case DiagnosticStyle::json: {
      const nlohmann::json j = {{"file", file},         {"severity", word(d.severity)}, {"node", d.node}, {"op", d.op},
                                {"message", d.message}, {"code", d.code.text()},        {"hint", d.hint}};
      return j.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace) + "\n";
    }
    case DiagnosticStyle::github: {
      const std::string_view level = d.severity == Diagnostic::Severity::note ? "notice" : word(d.severity);
      return fmt::format("::{} file={}::{}{}\n", level, escape_github(printable(file), true),
                         escape_github(headline(d)), d.hint.empty() ? "" : "%0A" + escape_github(printable(d.hint)));
    }
    default:
      break;
  }
  std::string s = fmt::format("{}: {}: {}\n", printable(file), word(d.severity), headline(d));
  if (!d.hint.empty()) s += fmt::format("{}: note: {}\n", printable(file), printable(d.hint));
  return s;
}

}  // namespace burin
