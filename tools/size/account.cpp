#include "tools/size/account.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <set>
#include <tuple>

namespace burin {
namespace {

/// "12_GLOBAL__N_1": a length and that many characters; an L before it marks internal linkage.
std::optional<std::string_view> take_name(std::string_view& s) {
  if (s.starts_with('L')) s.remove_prefix(1);
  size_t digits = 0, length = 0;
  while (digits < s.size() && digits < 6 && std::isdigit(static_cast<unsigned char>(s[digits])))
    length = length * 10 + size_t(s[digits++] - '0');
  if (digits == 0 || s.size() - digits < length) return std::nullopt;
  const std::string_view name = s.substr(digits, length);
  s.remove_prefix(digits + length);
  return name;
}

/// NAME of NAME_run, NAME_reset, NAME_feed, NAME_load_constants, NAME_constants, NAME_input_0, NAME_output_0, of C.
std::string interface_of(std::string_view symbol) {
  for (const std::string_view end : {"_run", "_reset", "_feed", "_load_constants", "_constants"})
    if (symbol.ends_with(end)) return std::string(symbol.substr(0, symbol.size() - end.size()));
  const size_t last = symbol.find_last_not_of("0123456789");
  if (last == symbol.npos || last + 1 == symbol.size()) return "";
  for (const std::string_view end : {"_input_", "_output_"})
    if (symbol.substr(0, last + 1).ends_with(end)) return std::string(symbol.substr(0, last + 1 - end.size()));
  return "";
}

struct Owner {
  std::string model, layer;
  Kind kind = Kind::data;
};

struct Models {
  std::vector<std::string> names;
  std::map<std::string, std::string> by_file;    // a source file whose local symbols are a model's
  std::map<std::string, std::string> by_object;  // a relocatable object that is a model's
};

Models find_models(std::span<const ElfImage> images) {
  // NAME_run alone may be anybody's: it is a model's with layers or weights of that name, or with an accessor.
  std::set<std::string> generated, accessors;
  std::vector<std::string> runs;
  for (const ElfImage& image : images)
    for (const Symbol& s : image.symbols) {
      if (const GeneratedName g = generated_name(s.name); !g.space.empty()) generated.insert(g.model);
      if (!s.global) continue;
      const std::string m = interface_of(s.name);
      if (m.empty()) continue;
      if (s.name == m + "_run" || s.name == m + "_feed") runs.push_back(m);
      else if (std::isdigit(static_cast<unsigned char>(s.name.back()))) accessors.insert(m);
    }
  Models r;
  for (const std::string& m : runs)
    if ((generated.count(m) || accessors.count(m)) && std::ranges::find(r.names, m) == r.names.end())
      r.names.push_back(m);
  auto known = [&](const std::string& m) { return !m.empty() && std::ranges::find(r.names, m) != r.names.end(); };
  for (const ElfImage& image : images)
    for (const Symbol& s : image.symbols) {
      const GeneratedName g = generated_name(s.name);
      if (known(g.model) && !s.file.empty()) r.by_file[image.object + "\n" + s.file] = g.model;
      if (image.relocatable && s.global && known(interface_of(s.name)))
        r.by_object[image.object] = interface_of(s.name);
    }
  return r;
}

class Account {
 public:
  Account(std::span<const ElfImage> images, const std::map<std::string, KnownModel>& known)
      : images_(images), known_(known), models_(find_models(images)) {}

  std::vector<Piece> all() {
    for (size_t i = 0; i < images_.size(); ++i) {
      std::vector<std::vector<const Symbol*>> by_section(images_[i].sections.size());
      for (const Symbol& s : images_[i].symbols) by_section[s.section].push_back(&s);
      for (size_t k = 0; k < images_[i].sections.size(); ++k)
        if (images_[i].sections[k].loaded && images_[i].sections[k].bytes > 0) section(i, k, by_section[k]);
    }
    return std::move(pieces_);
  }

 private:
  /// The layer that a function or an array `LAYER_w` belongs to.
  std::string layer_of(const GeneratedName& g) const {
    const auto known = known_.find(g.model);
    std::string best;
    if (known != known_.end())
      for (const std::string& l : known->second.layers)
        if (l.size() > best.size() && (g.name == l || g.name.starts_with(l + "_"))) best = l;
    if (!best.empty() || g.space == "layers") return best.empty() ? g.name : best;
    const size_t cut = g.name.rfind('_');  // LAYER_parameter
    return cut == g.name.npos ? g.name : g.name.substr(0, cut);
  }

  Owner owner(const ElfImage& image, const Section& section, const Symbol& s) const {
    const Kind kind = section.executable && s.kind != Symbol::Kind::object ? Kind::code : Kind::data;
    const GeneratedName g = generated_name(s.name);
    if (is_model(g.model))
      return {g.model, g.space.empty() ? "" : layer_of(g), g.space == "weights" ? Kind::weights : kind};
    if (const std::string m = interface_of(s.name); s.global && is_model(m))
      return {m, "", s.name == m + "_constants" ? Kind::weights : kind};
    // Switch tables and the like: local symbols of the model's source file.
    if (const auto f = models_.by_file.find(image.object + "\n" + s.file);
        !s.file.empty() && f != models_.by_file.end())
      return {f->second, "", kind};
    if (const auto o = models_.by_object.find(image.object); image.relocatable && o != models_.by_object.end())
      return {o->second, "", kind};
    return {memory_of(section, s), "", kind};
  }

  /// The model whose report says an arena or a pool of exactly that size; empty when there is not one alone.
  std::string memory_of(const Section& section, const Symbol& s) const {
    std::string found;
    if (!section.writable || s.kind != Symbol::Kind::object || s.bytes == 0) return "";
    std::string lower = s.name;
    std::ranges::transform(lower, lower.begin(),
                           [](char c) { return char(std::tolower(static_cast<unsigned char>(c))); });
    for (const auto& [model, k] : known_)
      for (const auto& [name, bytes] : k.memory)
        if (bytes > 0 && lower.find(name) != lower.npos && s.bytes >= uint64_t(bytes) &&
            s.bytes <= uint64_t((bytes + 31) & ~int64_t{15})) {
          if (!found.empty() && found != model) return "";
          found = model;
        }
    return is_model(found) ? found : "";
  }

  bool is_model(const std::string& m) const {
    return !m.empty() && std::ranges::find(models_.names, m) != models_.names.end();
  }

  void section(size_t i, size_t k, const std::vector<const Symbol*>& symbols) {
    const ElfImage& image = images_[i];
    const Section& section = image.sections[k];
    const uint64_t end = section.address + section.bytes;
    uint64_t at = section.address;
    std::string owner_before;
    for (size_t n = 0; n < symbols.size(); ++n) {
      // Of several names of one place the one that reaches farthest, of equals a model's, then a function's.
      const Symbol* s = symbols[n];
      size_t last = n;
      for (; last + 1 < symbols.size() && symbols[last + 1]->address == symbols[n]->address; ++last)
        if (rank(image, section, *symbols[last + 1]) > rank(image, section, *s)) s = symbols[last + 1];
      n = last;
      const uint64_t next = n + 1 < symbols.size() ? symbols[n + 1]->address : end;
      uint64_t to = std::min(s->bytes > 0 ? s->address + s->bytes : next, end);
      const uint64_t from = std::max(at, std::min(s->address, end));
      if (to <= from) continue;  // inside another one, or a mere label at the end
      const Owner o = owner(image, section, *s);
      gap(i, k, at, from, owner_before, o.model);
      pieces_.push_back({i, k, from, to - from, o.kind, o.model, o.layer, s->name});
      at = to;
      owner_before = o.model;
    }
    gap(i, k, at, end, owner_before, "");
  }

  std::tuple<uint64_t, bool, bool> rank(const ElfImage& image, const Section& section, const Symbol& s) const {
    return {s.bytes, !owner(image, section, s).model.empty(), s.kind == Symbol::Kind::function};
  }

  /// Bytes between symbols: alignment, literals without a name. They are a model's between two symbols of it, or in its
  /// own object.
  void gap(size_t i, size_t k, uint64_t from, uint64_t to, const std::string& before, const std::string& after) {
    if (from >= to) return;
    const Section& s = images_[i].sections[k];
    std::string model = before == after ? before : "";
    if (const auto o = models_.by_object.find(images_[i].object);
        images_[i].relocatable && o != models_.by_object.end())
      model = o->second;
    const bool filler = to - from < 16;
    pieces_.push_back({i, k, from, to - from,
                       filler         ? Kind::padding
                       : s.executable ? Kind::code
                                      : Kind::data,
                       model, "", ""});
  }

  std::span<const ElfImage> images_;
  const std::map<std::string, KnownModel>& known_;
  Models models_;
  std::vector<Piece> pieces_;
};

}  // namespace

std::string_view to_string(Kind k) {
  constexpr std::string_view names[] = {"code", "weights", "data", "padding"};
  return names[size_t(k)];
}

GeneratedName generated_name(std::string_view s) {
  if (!s.starts_with("_ZN") && !s.starts_with("_ZZN")) return {};  // _ZZ: a static variable of a function
  s.remove_prefix(s.find('N') + 1);
  const auto model = take_name(s);
  const auto unnamed = model ? take_name(s) : std::nullopt;
  if (unnamed == "burin") return {std::string(*model), "", std::string(s)};  // a part of kernels that layers share
  if (unnamed != "_GLOBAL__N_1") return {};
  const auto space = take_name(s);
  if (!space) return {};
  if (*space != "layers" && *space != "weights") return {std::string(*model), "", std::string(*space)};
  const auto name = take_name(s);
  if (!name) return {};
  return {std::string(*model), std::string(*space), std::string(*name)};
}

std::vector<Piece> account(std::span<const ElfImage> images, const std::map<std::string, KnownModel>& known) {
  return Account(images, known).all();
}

std::vector<std::string> models_in(std::span<const ElfImage> images) { return find_models(images).names; }

}  // namespace burin
