// Other programs.
#pragma once
#include <string>
#include <vector>

namespace burin {

struct ProcessResult {
  int exit_code = -1;  // 128 + signal when killed
  bool timed_out = false;
  std::string out, err;
};
/// Runs argv (no shell) with no input, in `folder` if it is named; throws ToolError when the program is not there.
ProcessResult run_process(const std::vector<std::string>& argv, double seconds = 600, const std::string& folder = "");
/// The first of the names that is on PATH; empty when none is.
std::string find_program(const std::vector<std::string>& names);
/// Where PATH finds it; empty when it does not.
std::string program_path(const std::string& name);
std::vector<std::string> words(const std::string& text);

}  // namespace burin
