// What an exception becomes on the command line: those that no input provokes.
#include <stdio.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "compiler/onnx/tensor_proto.h"
#include "tests/catch.h"
#include "tests/onnx/builder.h"
#include "tools/burin/cli/cli.h"
#include "tools/size/measure.h"

namespace {

using namespace burin;

struct Said {
  int code = 0;
  std::string text;
};
/// explain_exception() with the standard error in a file.
template <class E>
Said explained(const E& e, DiagnosticStyle style) {
  const test::Folder folder;
  const std::string file = folder.write("stderr", "");
  fflush(stderr);
  const int real = dup(2);
  REQUIRE(freopen(file.c_str(), "w", stderr));
  Said r;
  try {
    throw e;
  } catch (...) {
    r.code = explain_exception("m.onnx", style);
  }
  fflush(stderr);
  dup2(real, 2);
  close(real);
  r.text = read_file(file);
  return r;
}

TEST_CASE("a fault of the compiler asks for a report") {
  const Said s = explained(InternalError("a step without a kernel"), DiagnosticStyle::json);
  CHECK(s.code == kInternalError);
  const auto j = nlohmann::json::parse(s.text);
  CHECK(j["code"] == "internal");
  CHECK(j["file"] == "m.onnx");
  CHECK(j["message"].get<std::string>().find("please report it with the model") != std::string::npos);
}

TEST_CASE("a tool that is missing: burin doctor") {
  const Said s = explained(ToolError("no compiler", "missing-tool"), DiagnosticStyle::text);
  CHECK(s.code == kToolMissing);
  CHECK(s.text.starts_with("burin: error: no compiler [missing-tool]\nburin: note: `burin doctor` "));
}

TEST_CASE("what a tool printed follows the message's first line") {
  const ToolError e("'cc' failed (exit 1):\nx.cpp:1: error: no", "compiler-failed");
  const Said s = explained(e, DiagnosticStyle::text);
  CHECK(s.text.starts_with("burin: error: 'cc' failed (exit 1): [compiler-failed]\nx.cpp:1: error: no\nburin: note: "));
  const auto j = nlohmann::json::parse(explained(e, DiagnosticStyle::json).text);
  CHECK(j["code"] == "compiler-failed");
  CHECK(j["message"] == e.what());
  CHECK(explained(e, DiagnosticStyle::github).text.starts_with("::error file=m.onnx::'cc' failed"));
}

TEST_CASE("errors of tools have ids, in every style") {
  for (const DiagnosticId id :
       {DiagnosticId("no-counter"), DiagnosticId("no-process"), DiagnosticId("no-disassembler")})
    for (const DiagnosticStyle style : {DiagnosticStyle::text, DiagnosticStyle::json, DiagnosticStyle::github}) {
      const Said s = explained(ToolError("it fails", id), style);
      CHECK(s.code == kToolMissing);
      CHECK(s.text.find(std::string(id.text())) != std::string::npos);
    }
  const Said s = explained(SizeUnsupported("without LLVM"), DiagnosticStyle::text);
  CHECK(s.code == kToolMissing);
  CHECK(s.text.starts_with("burin: error: without LLVM [no-disassembler]\nburin: note: "));
}

}  // namespace
