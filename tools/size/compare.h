// Two states of the same models, and whether the newer one is within limits. Pure: JSON in, tables out.
//
// Reads reports of `burin compile`, `profile` (--report) and `size`, and baselines, which are lists of what is
// compared:
//   {"schema": 1, "baseline": [{"model", "target", "options", "totals": {quantity: n}, "layers": {name: {"kernel",
//   quantity: n}}}]}
#pragma once
#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

namespace burin {

/// "-12,345".
std::string grouped(int64_t v);

/// One model on one target with one set of options.
struct Snapshot {
  using Amounts = std::map<std::string, int64_t>;  // by quantity; what was not measured is absent
  struct Layer {
    std::string kernel;
    Amounts amounts;
  };
  std::string model, target, options;
  Amounts totals;
  std::map<std::string, Layer> layers;

  /// A report of `size` knows no target and no options: they match any.
  bool same_as(const Snapshot& other) const;
  std::string title() const;  // "kws, cortex-m4f, --optimize size"
};

/// The quantities there are, in the order of tables: flash code weights ram arena state stack instructions cycles macs
/// scratch.
const std::vector<std::string>& quantities();
/// Every model of a report or baseline. Throws SizeError for other JSON.
std::vector<Snapshot> snapshots(const nlohmann::json& report, const std::string& file);
nlohmann::json baseline(const std::vector<Snapshot>& all);

/// --max flash=+1%, ram=+0, flash=+4K, flash=64K.
struct Limit {
  enum class Kind { growth, percent, ceiling };
  std::string quantity, text;  // text as the user said it: "+1%"
  Kind kind = Kind::growth;
  double value = 0;
};
/// Throws SizeError saying what is expected.
Limit parse_limit(const std::string& text);

struct Excess {
  Limit limit;
  int64_t before = 0, after = 0;
  std::vector<std::string> culprits;  // layers with another kernel, then those that grew, largest first: "conv1: +1,024
                                      // bytes, kernel a -> b"
  std::string worst_layer;            // for the place of an annotation
};
struct LayerChange {
  std::string name;
  std::optional<Snapshot::Layer> before, after;
};
struct Comparison {
  Snapshot before, after;           // totals made comparable: `ram` and `flash` of the same parts
  std::vector<LayerChange> layers;  // those that differ
  std::vector<Excess> excess;
};
struct Diff {
  std::vector<Comparison> models;
  std::vector<std::string> added, removed;  // titles of models that only one side has
  bool exceeded() const;
};
/// Index into `before` of the same model for each of `after`, -1: none. Equal target and options count first; then the
/// only pair of that name and target, then of that name (options or the target changed).
std::vector<int> pairs(const std::vector<Snapshot>& before, const std::vector<Snapshot>& after);
/// A limit on a quantity that a side did not measure is an error (SizeError) unless `lenient`.
Diff compare(const std::vector<Snapshot>& before, const std::vector<Snapshot>& after, const std::vector<Limit>& limits,
             bool lenient);

/// As --format says. Annotations of github stand in `file`, whose text is `file_text`, at the line that names the
/// layer.
std::string diff_text(const Diff& d);
std::string diff_markdown(const Diff& d);
std::string diff_html(const Diff& d);
nlohmann::json diff_json(const Diff& d);
std::string diff_github(const Diff& d, const std::string& file, const std::string& file_text);

}  // namespace burin
