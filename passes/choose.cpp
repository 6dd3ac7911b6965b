#include "passes/choose.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace burin {

double cycles_per_byte(const Choices& layers, Options::Optimize o) {
  double run = 0;
  for (const std::vector<Cost>& l : layers) run += std::ranges::min_element(l, {}, &Cost::cycles)->cycles;
  return run / 100 / (o == Options::Optimize::size ? 512 : 5120);
}

std::vector<size_t> cheapest(const Choices& layers, double rate) {
  std::vector<size_t> chosen;
  for (const std::vector<Cost>& l : layers)
    chosen.push_back(
        size_t(std::ranges::min_element(
                   l, {}, [&](const Cost& c) { return std::pair(c.coded, c.cycles + rate * double(c.constants)); }) -
               l.begin()));
  return chosen;
}

std::vector<size_t> compressed(const Choices& layers, std::vector<size_t> chosen, int64_t decoder) {
  const std::vector<size_t> before = chosen;
  int64_t saved = 0;
  for (size_t i = 0; i < layers.size(); ++i)
    for (size_t k = 0; k < layers[i].size(); ++k)
      if (const int64_t less = layers[i][chosen[i]].constants - layers[i][k].constants;
          layers[i][k].coded && less > 0) {
        saved += less;
        chosen[i] = k;
      }
  return saved > decoder ? chosen : before;
}

std::vector<size_t> fit_flash(const Choices& layers, std::vector<size_t> chosen, int64_t budget) {
  struct Step {
    size_t layer, choice;
    double rank;  // the lowest is taken
  };
  const std::vector<size_t> wanted = chosen;
  int64_t flash = 0;
  for (size_t i = 0; i < layers.size(); ++i) flash += layers[i][chosen[i]].flash();
  const auto take = [&](auto&& rank) {
    std::optional<Step> best;
    for (size_t i = 0; i < layers.size(); ++i)
      for (size_t k = 0; k < layers[i].size(); ++k)
        if (const std::optional<double> r = rank(i, layers[i][chosen[i]], layers[i][k], k);
            r && (!best || *r < best->rank))
          best = Step{i, k, *r};
    if (!best) return false;
    flash += layers[best->layer][best->choice].flash() - layers[best->layer][chosen[best->layer]].flash();
    chosen[best->layer] = best->choice;
    return true;
  };
  const auto saving = [](size_t, const Cost& now, const Cost& other, size_t) -> std::optional<double> {
    if (other.flash() >= now.flash()) return std::nullopt;
    return (other.cycles - now.cycles) / double(now.flash() - other.flash());
  };
  while (flash > budget && take(saving)) {
  }
  const auto back = [&](size_t i, const Cost& now, const Cost& other, size_t k) -> std::optional<double> {
    if (k != wanted[i] || k == chosen[i] || flash + other.flash() - now.flash() > budget) return std::nullopt;
    return other.cycles - now.cycles;
  };
  while (flash <= budget && take(back)) {
  }
  return chosen;
}

std::vector<size_t> fit_scratch(const Choices& layers, std::vector<size_t> chosen,
                                const std::vector<int64_t>& scratch_limit, double rate, bool flash_stays) {
  for (size_t i = 0; i < layers.size(); ++i) {
    const Cost& now = layers[i][chosen[i]];
    if (now.scratch <= scratch_limit[i]) continue;
    const Cost* best = nullptr;
    for (const Cost& c : layers[i])
      if (c.scratch <= scratch_limit[i] && (!flash_stays || c.flash() <= now.flash()) &&
          (!best || c.cycles + rate * double(c.constants) < best->cycles + rate * double(best->constants)))
        best = &c;
    if (!best) return {};
    chosen[i] = size_t(best - layers[i].data());
  }
  return chosen;
}

}  // namespace burin
