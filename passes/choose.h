// Which kernel each layer gets, as a choice from a table of costs. Knows nothing of graphs.
#pragma once
#include <span>
#include <vector>

#include "codegen/costs.h"
#include "compiler/options.h"

namespace burin {

/// What could serve each layer; no layer has none.
using Choices = std::vector<std::vector<Cost>>;

/// How many cycles a byte of constants is worth: under --optimize speed and ram a percent of the run is worth 5 KB,
/// under size 0.5 KB. The run is what the fastest choices take. (Code does not count: a layer's function has some
/// hundred bytes with any kernel, and --optimize size lets layers share functions.)
double cycles_per_byte(const Choices& layers, Options::Optimize o);

/// Of each layer the choice with the smallest cycles + rate * bytes of constants, the first of equals; none with coded
/// weights where there is another.
std::vector<size_t> cheapest(const Choices& layers, double rate);

/// Exchanges choices for those with coded weights where a layer's constants get smaller, if that saves more than what
/// decodes them takes, `decoder` bytes for all layers together.
std::vector<size_t> compressed(const Choices& layers, std::vector<size_t> chosen, int64_t decoder);

/// Exchanges choices until the flash of all is at most `budget`, always the one that loses the fewest cycles for each
/// byte that it saves (the first of equals), then takes back what still fits, the most cycles first. Where nothing is
/// left to save it ends above the budget. At most a step per choice: each exchange lowers one layer's flash.
std::vector<size_t> fit_flash(const Choices& layers, std::vector<size_t> chosen, int64_t budget);

/// Exchanges choices so that each layer's scratch is at most scratch_limit[layer]: for the one that costs least, cycles
/// + rate * constants, the first of equals, among those that fit; with `flash_stays` among those with no more flash.
/// Empty where a layer has none.
std::vector<size_t> fit_scratch(const Choices& layers, std::vector<size_t> chosen,
                                const std::vector<int64_t>& scratch_limit, double rate, bool flash_stays);

}  // namespace burin
