#include "codegen/writer.h"

#include <algorithm>

#include "compiler/diagnostics.h"

namespace burin {
namespace {

const std::string& lookup(std::string_view name, const std::vector<Var>& vars) {
  const auto it = std::ranges::find(vars, name, &Var::name);
  if (it == vars.end()) throw InternalError(fmt::format("template variable ${}$ is not set", name));
  return it->text;
}

}  // namespace

void Writer::emit(Template what, const std::vector<Var>& vars) {
  std::string_view text = what.text();
  if (text.starts_with('\n')) text.remove_prefix(1);
  const size_t first = std::min(text.find_first_not_of(" \n"), text.size());
  const size_t margin = first - (first == 0 ? 0 : text.rfind('\n', first - 1) + 1);
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(text.size(), end + 1));
    if (text.empty() && line.find_first_not_of(' ') == line.npos) break;  // what stands before the closing quote
    expand(line.substr(std::min(margin, line.size())), vars);
  }
}

void Writer::expand(std::string_view line, const std::vector<Var>& vars) {
  const std::string indent(std::min(line.find_first_not_of(' '), line.size()), ' ');
  const size_t only = line.size() - indent.size();
  const bool alone = only > 2 && line[indent.size()] == '$' && line.find('$', indent.size() + 1) == line.size() - 1;
  if (alone && lookup(line.substr(indent.size() + 1, only - 2), vars).empty()) return;  // nothing: not even a line
  for (size_t a; (a = line.find('$')) != line.npos;) {
    const size_t b = line.find('$', a + 1);
    text_ += line.substr(0, a);
    std::string_view value = lookup(line.substr(a + 1, b - a - 1), vars);
    if (alone && value.ends_with('\n')) value.remove_suffix(1);
    for (size_t i = 0; i < value.size(); ++i) {
      text_ += value[i];
      if (value[i] == '\n' && i + 1 < value.size() && value[i + 1] != '\n' && value[i + 1] != '#') text_ += indent;
    }
    line.remove_prefix(b + 1);
  }
  text_ += line;
  text_ += '\n';
}

std::string expand(Template what, const std::vector<Var>& vars) {
  Writer w;
  w.emit(what, vars);
  return w.take();
}

}  // namespace burin
