// Sliding windows over one or two spatial axes: what Conv and the pools share.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "compiler/ir/type.h"

namespace burin {

class OnnxNode;
class Op;

/// A shape NCHW or NHWC with one or two spatial axes; with one, h is 1.
struct Image {
  int64_t n, h, w, c;
};
Image image(const Shape& s, bool channels_last);

/// Geometry of a window over two axes (height, width). One-dimensional operators have height 1.
/// auto_pad and ceil_mode are resolved at import: the extents of the output are part of the window.
struct Window {
  std::array<int64_t, 2> kernel{1, 1}, strides{1, 1}, dilations{1, 1};
  std::array<int64_t, 4> pads{};  // top, left, bottom, right
  bool operator==(const Window&) const = default;

  static void fields(auto& self, auto&& f) {
    f("kernel", self.kernel), f("strides", self.strides), f("dilations", self.dilations), f("pads", self.pads);
  }
  /// Extent of the output along spatial axis `a` (0: height) of an input of `extent`; windows that start
  /// beyond the padded input are none (ceil_mode pads at the end instead). Throws OpError when nothing fits.
  int64_t out_extent(int a, int64_t extent) const;
  /// Shape of the output of `channels` for an input of shape x.
  Shape out_shape(const Shape& x, bool channels_last, int64_t channels) const;
};

/// Reads kernel_shape (or takes `kernel` from the weights), strides, dilations, pads, auto_pad and ceil_mode of a node
/// whose spatial input extents are `spatial` (one or two). Errors say which attribute.
Window import_window(OnnxNode& node, const Shape& spatial, const Shape& kernel, bool ceil_mode);

/// The attribute of an operator that has one; else null.
Window* window_of(Op& op);
inline const Window* window_of(const Op& op) { return window_of(const_cast<Op&>(op)); }

}  // namespace burin
