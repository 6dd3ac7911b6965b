#include "compiler/ops/window.h"

#include <fmt/format.h>

#include <algorithm>

#include "compiler/onnx/node.h"
#include "compiler/ops/elements.h"

namespace burin {

Image image(const Shape& s, bool channels_last) {
  if (s.size() != 3 && s.size() != 4)
    throw OpError(fmt::format("an input of rank {} has not one or two spatial axes", s.size()));
  const int64_t h = s.size() == 3 ? 1 : s[channels_last ? 1 : 2], w = s[s.size() - (channels_last ? 2 : 1)];
  return {s[0], h, w, channels_last ? s.back() : s[1]};
}

Shape Window::out_shape(const Shape& s, bool channels_last, int64_t channels) const {
  const Image x = image(s, channels_last);
  to_int32(kernel[0] * kernel[1]);  // throws where that many places are no number of 32 bits
  const int64_t h = out_extent(0, x.h), w = out_extent(1, x.w);
  Shape y{x.n};
  if (!channels_last) y.push_back(channels);
  if (s.size() == 4) y.push_back(h);
  y.push_back(w);
  if (channels_last) y.push_back(channels);
  return y;
}

int64_t Window::out_extent(int a, int64_t extent) const {
  const size_t i = size_t(a);
  // Kernels find a place of the padded image in 32 bits.
  const int64_t effective_kernel = (kernel[i] - 1) * dilations[i] + 1,
                padded = to_int32(extent + pads[i] + pads[i + 2]);
  if (padded < effective_kernel)
    throw OpError(fmt::format("a window of {} does not fit an input of {} with padding {}+{}", effective_kernel, extent,
                              pads[i], pads[i + 2]));
  return (padded - effective_kernel) / strides[i] + 1;
}

namespace {

/// One value per spatial axis; missing axes (1-D operators) get `fallback` in front.
std::array<int64_t, 2> two(const std::vector<int64_t>& v, size_t axes, std::string_view attribute, int64_t fallback) {
  if (v.size() != axes)
    throw OpError(fmt::format("attribute {} has {} values for {} spatial axes", attribute, v.size(), axes));
  return axes == 1 ? std::array{fallback, v[0]} : std::array{v[0], v[1]};
}

}  // namespace

Window import_window(OnnxNode& node, const Shape& spatial, const Shape& kernel, bool ceil_mode) {
  const size_t axes = spatial.size();
  if (axes < 1 || axes > 2)
    throw OpError(fmt::format("{} spatial axes are not supported", axes), "unsupported-shape",
                  "1-D and 2-D operators are");
  const std::vector<int64_t> ones(axes, 1);
  const std::vector<int64_t> kernel_shape =
      node.integers("kernel_shape", kernel.empty() ? std::optional<std::vector<int64_t>>{} : kernel);
  if (!kernel.empty() && kernel_shape != kernel)
    throw OpError(fmt::format("attribute kernel_shape [{}] differs from the weights' [{}]", to_string(kernel_shape),
                              to_string(kernel)));
  Window w;
  w.kernel = two(kernel_shape, axes, "kernel_shape", 1);
  w.strides = two(node.integers("strides", ones), axes, "strides", 1);
  w.dilations = two(node.integers("dilations", ones), axes, "dilations", 1);
  for (size_t i = 0; i < 2; ++i) {
    constexpr int64_t most = 1 << 20;
    auto check = [](int64_t v, std::string_view attribute) {
      if (v < 1 || v > most)
        throw OpError(fmt::format("attribute {} has the value {}", attribute, v), "unsupported-attribute");
    };
    check(w.kernel[i], "kernel_shape"), check(w.strides[i], "strides"), check(w.dilations[i], "dilations");
  }
  const std::string auto_pad = node.text("auto_pad", "NOTSET");
  const std::vector<int64_t> pads = node.integers("pads", std::vector<int64_t>(2 * axes, 0));
  const size_t first = 2 - axes;  // index of the first real axis in the two-axis form
  if (auto_pad == "NOTSET") {
    if (pads.size() != 2 * axes)
      throw OpError(fmt::format("attribute pads has {} values for {} spatial axes", pads.size(), axes));
    for (size_t i = 0; i < axes; ++i) {
      w.pads[first + i] = pads[i];
      w.pads[first + i + 2] = pads[axes + i];
      if (pads[i] < 0 || pads[axes + i] < 0 || pads[i] > (1 << 20) || pads[axes + i] > (1 << 20))
        throw OpError(fmt::format("attribute pads [{}] is negative or too large", to_string(pads)),
                      "unsupported-attribute", "crop with Slice before the operator");
    }
  } else if (auto_pad == "SAME_UPPER" || auto_pad == "SAME_LOWER") {
    for (size_t i = 0; i < axes; ++i) {
      const size_t a = first + i;
      const int64_t out = (spatial[i] + w.strides[a] - 1) / w.strides[a];
      const int64_t total =
          std::max<int64_t>(0, (out - 1) * w.strides[a] + (w.kernel[a] - 1) * w.dilations[a] + 1 - spatial[i]);
      const int64_t small = total / 2, large = total - small;
      w.pads[a] = auto_pad == "SAME_UPPER" ? small : large;
      w.pads[a + 2] = auto_pad == "SAME_UPPER" ? large : small;
    }
  } else if (auto_pad != "VALID") {
    throw OpError(fmt::format("attribute auto_pad has the unknown value '{}'", auto_pad), "unsupported-attribute");
  }
  if (ceil_mode) {
    for (size_t i = 0; i < axes; ++i) {
      const size_t a = first + i;
      const int64_t effective_kernel = (w.kernel[a] - 1) * w.dilations[a] + 1,
                    padded = spatial[i] + w.pads[a] + w.pads[a + 2];
      int64_t out = (padded - effective_kernel + w.strides[a] - 1) / w.strides[a] + 1;
      if ((out - 1) * w.strides[a] >= spatial[i] + w.pads[a]) --out;  // no window starts in the padding at the end
      w.pads[a + 2] += std::max<int64_t>(0, (out - 1) * w.strides[a] + effective_kernel - padded);
    }
  }
  return w;
}

}  // namespace burin
