// Errors and notes: what went wrong, in which file and node, and what to do about it.
#pragma once
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace burin {

/// Where a model cannot be compiled. Printed as
///   kws.onnx: error: node 'conv1' (Conv): attribute ... is not supported [unsupported-attribute]
///   kws.onnx: note: ...
struct Diagnostic {
  enum class Severity { note, warning, error };
  Severity severity = Severity::error;
  std::string message;
  std::string code;      // short-name-of-the-rule, stable for scripts
  std::string hint;      // what to do; may be empty
  std::string node, op;  // may be empty
};

/// Thrown by an operator's own code, which does not know the node it stands in; import and infer-types add that.
class OpError : public std::runtime_error {
 public:
  explicit OpError(const std::string& message, std::string code = "invalid-model", std::string hint = "")
      : std::runtime_error(message), code_(std::move(code)), hint_(std::move(hint)) {}
  const std::string& code() const { return code_; }
  const std::string& hint() const { return hint_; }
  Diagnostic at(std::string node, std::string op) const {
    return {Diagnostic::Severity::error, what(), code_, hint_, std::move(node), std::move(op)};
  }

 private:
  std::string code_, hint_;
};

/// The model cannot be compiled (exit 1): one or more diagnostics.
class ModelError : public std::runtime_error {
 public:
  explicit ModelError(std::vector<Diagnostic> all)
      : std::runtime_error(all.empty() ? "model error" : all[0].message), diagnostics_(std::move(all)) {}
  explicit ModelError(Diagnostic d) : ModelError(std::vector<Diagnostic>{std::move(d)}) {}
  explicit ModelError(std::string message, std::string code, std::string hint = "")
      : ModelError(
            Diagnostic{Diagnostic::Severity::error, std::move(message), std::move(code), std::move(hint), "", ""}) {}
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
