// Errors and notes: what went wrong, in which file and node, and what to do about it.
#pragma once
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace burin {

inline constexpr std::string_view kDiagnosticIds[] = {
#define BURIN_DIAGNOSTIC(id, meaning, fix) id,
#include "compiler/diagnostics.inc"
#undef BURIN_DIAGNOSTIC
};

/// What scripts match and `burin diagnostics` explains. Only words that stand in diagnostics.inc compile, and "": none.
class DiagnosticId {
 public:
  constexpr DiagnosticId() = default;
  consteval DiagnosticId(const char* id) : text_(id) {
    bool known = text_.empty();
    for (std::string_view other : kDiagnosticIds) known = known || other == text_;
    if (!known) throw "this id is not in compiler/diagnostics.inc";
  }
  constexpr std::string_view text() const { return text_; }
  operator std::string() const { return std::string(text_); }
  friend constexpr bool operator==(DiagnosticId a, std::string_view b) { return a.text_ == b; }

 private:
  std::string_view text_;
};

/// A line of compiler/diagnostics.inc.
struct DiagnosticInfo {
  std::string_view id, meaning, fix;
};
/// All of them, by id.
const std::vector<DiagnosticInfo>& all_diagnostics();
/// Null for an unknown id.
const DiagnosticInfo* find_diagnostic(std::string_view id);

/// Where a model cannot be compiled. Printed as
///   kws.onnx: error: node 'conv1' (Conv): attribute ... is not supported [unsupported-attribute]
///   kws.onnx: note: ...
struct Diagnostic {
  enum class Severity { note, warning, error };
  Severity severity = Severity::error;
  std::string message;
  DiagnosticId code;
  std::string hint;      // what to do; may be empty
  std::string node, op;  // may be empty
};

/// Thrown by an operator's own code, which does not know the node it stands in; import and infer-types add that.
class OpError : public std::runtime_error {
 public:
  explicit OpError(const std::string& message, DiagnosticId code = "invalid-model", std::string hint = "")
      : std::runtime_error(message), code_(code), hint_(std::move(hint)) {}
  DiagnosticId code() const { return code_; }
  const std::string& hint() const { return hint_; }
  Diagnostic at(std::string node, std::string op) const {
    return {Diagnostic::Severity::error, what(), code_, hint_, std::move(node), std::move(op)};
  }

 private:
  DiagnosticId code_;
  std::string hint_;
};

/// The model cannot be compiled (exit 1): one or more diagnostics.
class ModelError : public std::runtime_error {
 public:
  explicit ModelError(std::vector<Diagnostic> all)
      : std::runtime_error(all.empty() ? "model error" : all[0].message), diagnostics_(std::move(all)) {}
  explicit ModelError(Diagnostic d) : ModelError(std::vector<Diagnostic>{std::move(d)}) {}
  explicit ModelError(std::string message, DiagnosticId code, std::string hint = "")
      : ModelError(Diagnostic{Diagnostic::Severity::error, std::move(message), code, std::move(hint), "", ""}) {}
  const std::vector<Diagnostic>& diagnostics() const { return diagnostics_; }

 private:
  std::vector<Diagnostic> diagnostics_;
};

/// A broken promise inside the compiler (exit 70), never the user's fault.
class InternalError : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

enum class DiagnosticStyle { text, json, github };
/// One diagnostic as clang would print it, as a line of JSON, or as a GitHub workflow command.
std::string format(const Diagnostic& d, std::string_view file, DiagnosticStyle style);

}  // namespace burin
