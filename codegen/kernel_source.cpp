#include "codegen/kernel_source.h"

#include <fmt/format.h>

#include <sstream>

#include "compiler/embedded.h"

namespace burin {
namespace {

/// Adds `path` after what it includes. What stands before `namespace burin` is for global scope, but for comments.
void add(const std::string& path, std::set<std::string>& seen, KernelSource& out) {
  if (!seen.insert(path).second) return;
  std::istringstream lines{std::string(embedded(path))};
  std::string line, comment, preamble, body;
  bool in_body = false;
  while (std::getline(lines, line)) {
    if (line == "#pragma once" || line == "#include <stdint.h>" || line == "#include <stddef.h>") continue;
    if (line.starts_with("#include \"")) {
      std::string included = line.substr(10, line.size() - 11);
      if (included.ends_with(".inc") && in_body) {  // a table: it is read where it stands
        body += embedded(included);
        continue;
      }
      add(included, seen, out);
      continue;
    }
    in_body = in_body || line.starts_with("namespace ");
    if (in_body) body += line + "\n";
    else if (preamble.empty() && (line.empty() || line.starts_with("//"))) comment += line + "\n";
    else preamble += line + "\n";
  }
  out.preamble += preamble;
  out.body += comment + body;
}

}  // namespace

KernelSource kernel_source(const std::set<std::string>& headers) {
  std::set<std::string> printed;
  return kernel_source(headers, printed);
}

KernelSource kernel_source(const std::set<std::string>& headers, std::set<std::string>& printed) {
  KernelSource r;
  add("runtime-min/base.h", printed, r);
  for (const std::string& h : headers) add("runtime-min/kernels/" + h, printed, r);
  return r;
}

}  // namespace burin
