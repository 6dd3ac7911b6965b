#include "targets/target.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>
#include <stdexcept>

#include "compiler/embedded.h"

namespace burin {

std::string Target::key(std::string_view k) const {
  const auto it = keys.find(k);
  return it == keys.end() ? "" : it->second;
}
double Target::cost(std::string_view instruction) const {
  const auto it = cycles.find(instruction);
  return it == cycles.end() ? 1 : it->second;
}
double Target::flash_stall() const {
  std::istringstream words(key("flash-stall"));
  double wait = 0, line = 1;
  words >> wait >> line;
  return wait / line;
}

Target parse_target(std::string_view text) {
  Target t;
  std::istringstream lines{std::string(text)};
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    std::istringstream words(line.substr(0, line.find(" #") == std::string::npos ? line.size() : line.find(" #")));
    std::string key, value;
    if (!(words >> key) || key[0] == '#') continue;
    std::getline(words >> std::ws, value);
    value.erase(value.find_last_not_of(" \t") + 1);
    if (value == "-") value.clear();
    std::istringstream list(value);
    if (key == "isa") {
      for (std::string w; list >> w;) t.isa.insert(w);
    } else if (key == "cycles") {
      std::string what;
      for (double n; list >> what >> n;) t.cycles[what] = n;
    } else if (!t.keys.emplace(key, value).second) {
      throw std::invalid_argument(fmt::format("line {}: '{}' stands twice", number, key));
    }
  }
  for (auto [key, member] : {std::pair("name", &t.name),
                             {"compiler", &t.compiler},
                             {"flags", &t.flags},
                             {"guard", &t.guard},
                             {"qemu", &t.qemu}})
    *member = t.key(key);
  if (t.name.empty() || t.compiler.empty()) throw std::invalid_argument("a target has a name and a compiler");
  return t;
}

const std::vector<Target>& targets() {
  static const std::vector<Target> all = [] {
    std::vector<Target> r;
    for (const EmbeddedFile& f : embedded_files())
      if (f.path.ends_with(".target")) r.push_back(parse_target(f.text));
    std::ranges::sort(r, {}, &Target::name);
    return r;
  }();
  return all;
}

const Target* find_target(std::string_view name) {
  const auto it = std::ranges::find(targets(), name, &Target::name);
  return it == targets().end() ? nullptr : &*it;
}

}  // namespace burin
