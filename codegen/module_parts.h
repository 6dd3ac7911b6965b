// What the three files that print modules have in common: module_header.cpp, module.cpp (the source) and
// module_shared.cpp (--share-arena).
#pragma once
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "codegen/module.h"

namespace burin {

std::string c_type(const Port& p);
std::string upper(std::string s);
/// Text that stands in a comment: nothing that could end it, continue the line or show it as something else.
std::string in_comment(std::string_view s);
std::string options_in_comment(const ModuleOrigin& o);

/// How users hand over the memory in which it runs: an arena, arena and state of what is fed row by row, or the places
/// of the pools (--memory).
struct MemoryText {
  std::string parameter;  // in C: "void *arena"
  std::string constant;   // of what only reads: "const void *arena"
  std::string macros;     // sizes
  std::string type;       // of C that the functions need
  std::string about;      // the comment of run() or feed()
  std::string cxx;        // constants and type of C++
};
MemoryText memory_text(const Program& m);
/// `memory`, `state`: its parameters.
std::string run_signature(const Program& m, const std::string& memory, const std::string& state = "state");
/// `head`: the banner. `build`: NAME_BUILD.
std::string print_header(const Program& m, const std::string& head, std::string_view build);

/// What models that share an arena have in common, as the source of one of them sees it.
struct CommonCode {
  std::string name;
  std::string build;                             // its NAME_BUILD
  std::map<std::string, std::string> functions;  // code_of() a step: its function in ::NAME::layers
};

/// What a layer is, and what it costs.
std::string about(const Step& s);
std::string definition(const Step& s, const std::string& specifier, const std::string& name);
std::set<std::string> kernel_headers(const Program& m);
/// Features that the chosen kernels ask the core for.
bool needs_core(const Program& m);
/// What must be so where kernels stand that ask the core for features.
std::string core_guard(const Target& t, std::string_view what);
/// Stops a source that is compiled with the header of another build.
std::string build_check(const std::string& name, std::string_view build, std::string_view what);
/// Makes the header that models share declare their kernels too.
std::string with_kernels(const CommonCode& c);
std::string build_number(const std::string& hash);
Module print_module(const Program& m, const Target& target, const ModuleOrigin& origin, const CommonCode* common);

}  // namespace burin
