// What a model may ask of the compiler: memory and time stay within bounds that the user can move (--limit), whatever a
// file says. They are checked before memory is asked for.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace burin {

struct ModelLimits {
  int64_t folded_bytes = int64_t{256} << 20;
  int64_t depth = 200;
  int64_t nodes = 200'000;
  int64_t memory = int64_t{2} << 30;
};

struct LimitInfo {
  std::string_view name;  // in --limit
  int64_t ModelLimits::*value;
  bool bytes;
  std::string_view about;
};
inline constexpr LimitInfo kLimits[] = {
    {"folded-bytes", &ModelLimits::folded_bytes, true,
     "constants that the compiler computes; an element read and a multiply-add count as a byte"},
    {"depth", &ModelLimits::depth, false, "functions and branches inside each other"},
    {"nodes", &ModelLimits::nodes, false, "nodes, each once more for every function or branch that it is inside"},
    {"memory", &ModelLimits::memory, true, "bytes of the file and of all constants, as the compiler holds them"},
};

/// A value of it, as --limit takes it: bytes in whole G, M or K, rounded up.
std::string limit_text(const LimitInfo& limit, int64_t value);

/// Throws OpError [limit], which says the value needed, where that is above the limit. `what` takes it: "the
/// functions".
void check_limit(const ModelLimits& limits, int64_t ModelLimits::*which, int64_t needed, std::string_view what);

/// What a model has asked for so far; each call throws OpError [limit] before it is too much.
class Spending {
 public:
  explicit Spending(const ModelLimits& limits) : limits_(limits) {}
  const ModelLimits& limits() const { return limits_; }
  /// So many bytes are asked for next.
  void expect(int64_t bytes) const;
  /// So many bytes stay.
  void hold(int64_t bytes);
  void release(int64_t bytes) { held_ -= bytes; }
  /// A constant of so many bytes is computed next, by so many steps.
  void fold(int64_t bytes, double steps = 0);
  void node(int64_t times);

 private:
  ModelLimits limits_;
  int64_t held_ = 0, folded_ = 0, nodes_ = 0;
};

}  // namespace burin
