// --optimize size: which integer convolutions and fully connected layers share functions, and how.
#pragma once
#include "codegen/layers/conv.h"

namespace burin {

/// How a layer calls its kernel under --optimize size (docs/kernels.md, "One function for all shapes").
enum class Sharing {
  none,   // a function of its own for its shape alone: what it saves in time is worth its bytes
  parts,  // a function of its own that calls parts which other layers use too
  whole,  // one function with the other layers of its kernel and window
};
/// none with every other --optimize.
Sharing sharing(const LayerView& v, const ConvQ8& c, int32_t n);

/// The call with shape and zero points read from a table, which becomes one of the layer's constants.
std::string shared_call(const ConvQ8& c, int32_t n, std::string_view kernel, std::string_view params,
                        std::string_view scratch, LayerCode& code);

/// The same for fully connected layers (runtime-min/kernels/dense_dsp.h): all is in one array.
std::string shared_dense_call(const ConvQ8& c, LayerCode& code);

}  // namespace burin
