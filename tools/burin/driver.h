// From the bytes of a model to a printed module: the one way through the compiler, without a command line.
#pragma once
#include <stdexcept>
#include <string>

#include "codegen/module.h"
#include "compiler/diagnostics.h"
#include "compiler/onnx/reader.h"
#include "compiler/program/program.h"
#include "passes/pass.h"

namespace burin {

/// What is no fault of the model.
class RequestError : public std::runtime_error {
 public:
  RequestError(const std::string& message, DiagnosticId code) : std::runtime_error(message), code_(code) {}
  DiagnosticId code() const { return code_; }

 private:
  DiagnosticId code_;
};
/// A request that cannot be served as it stands (exit 2).
class UsageError : public RequestError {
 public:
  using RequestError::RequestError;
};

/// What is compiled.
struct Source {
  std::string bytes;    // of the ONNX file
  std::string path;     // its own: external data lies beside it, and the banner names it without its folder
  std::string options;  // as on a command line, for the banner
};

/// A model that went through the compiler.
struct Compiled {
  Graph graph;                     // after all passes
  ModelInfo info;                  // of the file
  Context context;                 // target and options it was compiled with
  Edges edges;                     // what --io-layout and --io-type left to the caller
  Program program;                 // what the device does
  std::vector<std::string> notes;  // for the user
  ModuleOrigin origin;             // for print_modules()
  Module module;                   // header and source
};

/// Reads, runs all passes and prints; `context` has the target, and options.name is the model's name. Reads no file
/// but those that the model (external data) or `read` (bind_text) names, and writes none but dumps into
/// context.dump_dir. Throws ModelError, UsageError where an option is not for this
/// model, and std::bad_alloc where memory is short; anything else that comes out is a
/// fault of the compiler.
Compiled compile(Source source, const ReadOptions& read, const Context& context);

}  // namespace burin
