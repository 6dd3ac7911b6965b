#include "codegen/names.h"
#include "codegen/writer.h"
#include "compiler/diagnostics.h"
#include "compiler/text.h"
#include "tests/catch.h"

using namespace burin;

TEST_CASE("names of models") {
  for (const char* plain : {"kws", "KWS", "person_detect", "model", "data", "_net", "Timer", "index_0", "m_x", "arena"})
    CHECK(model_identifier(plain) == plain);
  for (const char* taken :
       {"signal",      "index",       "y0",       "time",    "exp",     "NULL", "INT32_MAX", "errno",   "linux",
        "offsetof",    "BURIN_LAYER", "__FILE__", "_Pragma", "class",   "std",  "size_t",    "Signal",  "STRING",
        "burin_yield", "arm_acle",    "SIGINT",   "pthread", "environ", "stat", "M_PI",      "timeval", "stdin",
        "_",           "sinf",        "cosf32x",  "typeof",  "unix",    "EOF",  "daemon",    "assert"})
    CHECK(model_identifier(taken) == std::string("m_") + taken);
  CHECK(model_identifier("2net") == "m_2net");
  CHECK(model_identifier("a-b c") == "a_b_c");
  CHECK(model_identifier("") == "m_");
  CHECK(model_identifier("$") == "m__");
}

TEST_CASE("names of layers") {
  UniqueNames names;
  // Functions of C libraries are no trouble inside a namespace, and many layers are called after them.
  for (const char* plain : {"exp", "index", "signal", "Conv_0", "FC1", "NULLS", "errno", "arena", "INT32"})
    CHECK(names.make(plain) == plain);
  CHECK(names.make("exp") == "exp_1");
  for (const char* taken : {"int8_t", "size_t", "NULL", "INT32_MAX", "offsetof", "BURIN_LAYER", "BURIN_DW_MUL", "linux",
                            "class", "burin", "uintptr_t", "UINT8_C"})
    CHECK(names.make(taken) == std::string(taken) + "_");
  CHECK(names.make("__FILE__") == "FILE_");
  CHECK(names.make("a/b/Conv;a/b/Bias") == "a_b_Conv");
}

TEST_CASE("text that was expanded is not expanded again") {
  const std::string line = expand("$a$ costs $b$", {{"a", "$b$"}, {"b", "$5"}});
  CHECK(line == "$b$ costs $5\n");
  Writer w;
  w.raw("$x$\n");
  w.emit("$y$", {{"y", line}});
  CHECK(w.take() == "$x$\n$b$ costs $5\n");
}

TEST_CASE("text that a terminal would obey is escaped") {
  CHECK(printable("conv\xc3\xbc \xe6\xa8\xa1 a\\b \xf0\x9f\x98\x80") ==
        "conv\xc3\xbc \xe6\xa8\xa1 a\\b \xf0\x9f\x98\x80");
  CHECK(printable("\x1b[31m\n\t\r\x7f") == "\\u001b[31m\\n\\t\\r\\u007f");
  CHECK(printable("\xe2\x80\xaeright\xe2\x81\xa9") == "\\u202eright\\u2069");
  CHECK(printable("\xc2\x9b"
                  "31m") == "\\u009b31m");  // an escape sequence in one character
  // No UTF-8: a lone byte, an overlong form, half of a surrogate pair, beyond the last plane, an end too early.
  CHECK(printable("\xff\x80") == "\\xff\\x80");
  CHECK(printable("\xc0\x9b") == "\\xc0\\x9b");
  CHECK(printable("\xed\xa0\x80") == "\\xed\\xa0\\x80");
  CHECK(printable("\xf4\x90\x80\x80") == "\\xf4\\x90\\x80\\x80");
  CHECK(printable("a\xe2\x80") == "a\\xe2\\x80");
  CHECK(printable_lines("a\tb\n\x1b") == "a\tb\n\\u001b");
  const Diagnostic d{Diagnostic::Severity::error, "no \x1b[2J", "limit", "hint\xe2\x80\xae", "n\n1", "Op"};
  CHECK(format(d, "m\x07.onnx", DiagnosticStyle::text) ==
        "m\\u0007.onnx: error: node 'n\\n1' (Op): no \\u001b[2J [limit]\nm\\u0007.onnx: note: hint\\u202e\n");
  CHECK(format(d, "m", DiagnosticStyle::github).find_first_of("\x1b\x07\xe2") == std::string::npos);
}
