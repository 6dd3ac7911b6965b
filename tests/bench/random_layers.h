// Random layers to time kernels on.
#pragma once
#include <random>
#include <string>

namespace burin {

struct RandomLayer {
  std::string text;   // a graph in the text IR (docs/ir.md)
  std::string shape;  // for people
  int taps;           // products of one output
};

/// A graph of one quantized layer: a convolution, a depthwise one or a fully connected one, each
/// a third of the time. What is drawn: channels from 1 to 200, windows from 1x1 to 7x7, strides from 1 to 3, padding
/// below the window on each side, int8 or uint8 activations with any zero point, one scale for all weights or one a
/// channel, a bias or none. At most kMostWeights weights and kMostProducts multiply-adds; images of at most 32 pixels a
/// side, but never smaller than the window. The scale of the output is such that most results lie inside the type.
/// Depends on the state of `rng` alone, on every host.
RandomLayer random_layer(std::mt19937& rng, const std::string& name);
/// The same with shapes as networks have them: windows of 1x1 (half), 3x3, now and then 5x5 and others, strides 1 and
/// 2, padding that keeps the size, channels mostly multiples of four; convolutions in float32 with `real`. At most
/// kTypicalProducts multiply-adds.
RandomLayer typical_layer(std::mt19937& rng, const std::string& name, bool real);
constexpr int kTypicalProducts = 400'000;
constexpr int kMostWeights = 256 * 1024, kMostProducts = 3'000'000;

}  // namespace burin
