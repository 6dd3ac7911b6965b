// What an exception becomes on the command line: those that no input provokes.
#include <stdio.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "compiler/onnx/tensor_proto.h"
#include "tests/catch.h"
#include "tests/onnx/builder.h"
#include "tools/burin/cli/cli.h"

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
  const Said s = explained(ToolError("no compiler"), DiagnosticStyle::text);
  CHECK(s.code == kToolMissing);
  CHECK(s.text.starts_with("burin: error: no compiler\nburin: note: `burin doctor` "));
}

}  // namespace
