#include "codegen/layers/counts.h"

#include <algorithm>

namespace burin {
namespace {

constexpr int32_t kMostRows = 96;  // a call; pointers to what they read lie on the stack

/// Places of the window along one axis at which it leaves the image.
int32_t leaving(int32_t out, int32_t in, int32_t stride, int32_t pad, int32_t window) {
  int32_t n = 0;
  for (int32_t i = 0; i < out; ++i) n += i * stride < pad || i * stride - pad + window > in;
  return n;
}

}  // namespace

int32_t rows_per_call(int32_t oh, int32_t ow) {
  if (oh <= 32) return oh;
  int32_t n = 1;
  while (n < 4 && n * ow % 4 != 0) ++n;
  return n;
}

int32_t RowForm::asked(const LayerView& v, std::string_view kernel) {
  kernel.remove_suffix(std::string_view("_work").size());
  return v.node.kernel && v.node.kernel->name != kernel ? 0 : v.node.rows;
}

RowForm::RowForm(const ConvShape& s, const ConvShape& image, int64_t batch, int32_t asked, int32_t usual,
                 int32_t multiple)
    : is_asked(asked > 0), s_(s), image_(image), batch_(batch), usual_(s.oh == image.oh ? usual : image.oh) {
  const int32_t most = s.oh == image.oh ? std::min(image.oh, std::max(usual, kMostRows)) : image.oh;
  if (asked <= 0 || asked == usual_) rows = usual_;
  else rows = asked >= most ? most : std::min((asked - 1) / multiple * multiple + multiple, most);
  calls = row_calls(s, image, batch, rows);
}

RowForm& RowForm::joined() {
  if (s_.oh == image_.oh || rows <= 0) return *this;
  while (image_.oh % rows != 0) ++rows;
  calls = row_calls(s_, image_, batch_, rows);
  return *this;
}

int32_t RowForm::more_calls() const {
  if (is_usual()) return 1;
  return int32_t(1 + std::max<int64_t>(0, calls.count() - row_calls(s_, image_, batch_, usual_).count()));
}

double edge_pixels(const ConvShape& s) {
  const int32_t across = leaving(s.ow, s.iw, s.sw, s.pl, (s.kw - 1) * s.dw + 1),
                down = leaving(s.oh, s.ih, s.sh, s.pt, s.rows(1));
  return pixels(s) - double(s.oh - down) * (s.ow - across);
}

double hs_gathered(const ConvShape& s) {
  const double bytes = 4.0 * conv_q8_dsp_quads(s);
  if (s.ic % 4 == 0) return pixels(s) * (bytes + 4 * s.kh);
  const double edge = s.dw == 1 ? edge_pixels(s) : pixels(s), tails = double(s.kw * s.ic % 4) * s.kh;
  return (pixels(s) - edge) * (bytes + 3 * tails + 4 * s.kh) + edge * 3.5 * bytes;
}

double hs_dense_products(const ConvShape& s) {
  const int32_t quads = hs_quads(s.ic);
  return pixels(s) * (s.oc / 4 * double(quads) * (quads % 4 == 0 ? 17 : 21) + 3.0 * (s.oc % 4) * quads * 4);
}

double plain_gathered(const ConvShape& s) {
  if (s.kh * s.kw == 1 && s.pt == 0 && s.pl == 0) return 0;
  const double apart = s.groups == 1 && s.dw == 1 ? edge_pixels(s) : pixels(s);
  return s.groups * (apart * (taps(s) + s.kh * s.kw) + (pixels(s) - apart) * s.kh);
}

double strip_rows(const ConvShape& s, int32_t n) {
  double rows = 0;
  for (int32_t y = 0; y < s.oh; y += n) rows += s.rows(std::min(n, s.oh - y));
  return rows;
}

DepthwiseWords depthwise_words(const ConvShape& s) {
  const int32_t phases = s.sw % 2 == 0 || s.ow == 1 ? 1 : 2;
  DepthwiseWords r;
  for (int32_t phase = 0; phase < phases; ++phase) {
    const int32_t words = depthwise_any_weight_words(s, phase * s.sw % 2),
                  outputs = (s.ow - phase + phases - 1) / phases;
    r.together += rounded_down(outputs, 4) * words;
    r.alone += double(outputs % 4) * words;
  }
  const double rows = double(s.oh) * s.oc * s.kh;
  return {r.together * rows, r.alone * rows};
}

int32_t mve_depthwise_least(const ConvShape& s) { return mve_depthwise_down(s) ? 4 : mve_depthwise_pairs(s) ? 2 : 1; }
double mve_depthwise_outputs(const ConvShape& s, int32_t n) {
  // The last rows of an image may be too few.
  if (n < mve_depthwise_least(s)) return double(n) * s.ow * s.oc * (30 + 12.0 * s.kh * s.kw);
  const int32_t units = (mve_across(s, n).out + 1) / 2, groups = (mve_along(s, n).out + 3) / 4;
  return s.oc * (units * (groups * (mve_depthwise_pairs(s) ? 27.0 : 31.0) + 15) + 45);
}
double mve_depthwise_gathered(const ConvShape& s, int32_t n) {
  if (n < mve_depthwise_least(s)) return 0;
  const int32_t units = (mve_across(s, n).out + 1) / 2, columns = mve_strip_columns(mve_along(s, n));
  return double((s.oc + 15) / 16) * units * (mve_depthwise_pairs(s) ? 1 : 2) * (columns * 13.0 + 40);
}

}  // namespace burin
