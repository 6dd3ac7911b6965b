// Bytes as runtime-min/kernels/coded.h reads them: lossless, in fewer bits where some values are more frequent than
// others.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace burin {

/// A prefix code of its own for these bytes, with the table that takes the fewest bytes together with the stream.
std::vector<uint16_t> encode(std::span<const uint8_t> bytes);

}  // namespace burin
