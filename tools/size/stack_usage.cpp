#include "tools/size/stack_usage.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "tools/size/measure.h"

namespace burin {
namespace fs = std::filesystem;

StackUsage parse_stack_usage(const std::string& text) {
  StackUsage r;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const size_t tab = line.find('\t'), end = tab == line.npos ? tab : line.find('\t', tab + 1);
    if (end == line.npos) continue;
    size_t from = 0;
    for (int colons = 0; colons < 3 && from < tab; ++from) colons += line[from] == ':';
    const bool fixed = line.compare(end + 1, 6, "static") == 0 || line.find("bounded", end) != line.npos;
    r[line.substr(from, tab - from)] = fixed ? std::atoll(line.substr(tab + 1, end - tab - 1).c_str()) : -1;
  }
  return r;
}

StackUsage read_stack_usage(const std::vector<std::string>& files) {
  StackUsage r;
  auto read = [&](const fs::path& path) {
    std::ifstream f(path);
    if (!f) throw SizeError(fmt::format("cannot read '{}'", path.string()));
    r.merge(parse_stack_usage({std::istreambuf_iterator<char>(f), {}}));
  };
  for (const std::string& f : files) {
    if (!fs::is_directory(f)) {
      read(f);
      continue;
    }
    for (const auto& entry : fs::recursive_directory_iterator(f))
      if (entry.path().extension() == ".su") read(entry.path());
  }
  return r;
}

void apply_stack_usage(const StackUsage& usage, MeasuredModel& m) {
  if (m.stack_bytes || usage.empty()) return;
  int64_t run = -1, deepest = 0;
  for (const auto& [function, bytes] : usage) {
    const std::string callee = function.substr(0, function.find('('));
    if (callee.ends_with(" " + m.name + "_run") || callee == m.name + "_run") run = bytes;
    if (callee.find(m.name + "::{anonymous}::") == callee.npos) continue;
    if (bytes < 0) return;
    deepest = std::max(deepest, bytes);
  }
  if (run < 0) return;
  m.stack_bytes = run + deepest;
  m.stack_note = "from .su files, without the stack of library functions";
}

}  // namespace burin
