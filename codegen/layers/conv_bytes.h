// How many bytes of constants a layer has with each kernel. Convolutions and fully connected layers are not packed for
// that: it would take as long as their weights are large, once for each kernel.
#pragma once
#include "codegen/layers/conv.h"

namespace burin {

/// Bytes of the constants that the node's kernel would make, where the node shares its function with no other (alone()
/// in conv_share.h).
int64_t constant_bytes(const LayerView& v);

// One for each line of kernels.inc, by its name: what pack_<name> makes, without the block in front of its parameters.
#define CONV_Q8(kernel, header, needs, order) int64_t kernel##_bytes(const ConvQ8& c);
#define CONV_F32(kernel, header, needs, order) int64_t kernel##_bytes(const ConvF32& c);
#define KERNEL(...)
#define REFERENCE(...)
#include "codegen/kernels.inc"
#undef KERNEL
#undef REFERENCE
#undef CONV_F32
#undef CONV_Q8
int64_t dense_any_q8_dsp_bytes(const ConvQ8& c);

}  // namespace burin
