// What the times of convolution kernels depend on, for the lines of kernels.inc. All are counts of one image; divisions
// round down. runtime-min/kernels has the loops that are counted here.
#pragma once
#include <vector>

#include "codegen/layers/conv.h"
#include "runtime-min/kernels/conv_dsp.h"
#include "runtime-min/kernels/conv_mve.h"
#include "runtime-min/kernels/depthwise_any_dsp.h"
#include "runtime-min/kernels/depthwise_mve.h"
#include "runtime-min/kernels/depthwise_taps_dsp.h"

namespace burin {

/// Numbers that a time depends on (Work::counts).
template <class... T>
std::vector<double> counts(T... n) {
  return {double(n)...};
}

inline double rounded_down(int32_t n, int32_t block) { return double(n / block * block); }
inline double rounded_up(int32_t n, int32_t block) { return rounded_down(n + block - 1, block); }
/// The image's first n rows of output.
inline ConvShape first_rows(ConvShape s, int32_t n) {
  s.oh = n;
  return s;
}
inline double pixels(const ConvShape& s) { return double(s.oh) * s.ow; }
inline double taps(const ConvShape& s) { return double(s.kh) * s.kw * (s.ic / s.groups); }

/// Outputs in whole blocks of so many pixels and filters of one group, and the others.
inline double in_blocks(const ConvShape& s, int32_t pixels_together, int32_t filters) {
  return rounded_down(s.oh * s.ow, pixels_together) * s.groups * rounded_down(s.oc / s.groups, filters);
}
inline double alone(const ConvShape& s, int32_t pixels_together, int32_t filters) {
  return pixels(s) * s.oc - in_blocks(s, pixels_together, filters);
}

/// The rows of a layer in calls, and what its kernel says of them.
class RowForm {
 public:
  /// `kernel` is a name, "_work" behind it: rows of a node that has another kernel ask nothing of it. `usual` rows a
  /// call where nobody asks, else a multiple of `multiple` of them.
  template <class L>
  RowForm(const L& l, const LayerView& v, std::string_view kernel, int32_t usual, int32_t multiple = 1)
      : RowForm(l.s, l.image, l.batch, asked(v, kernel), usual, multiple) {}
  /// Rows that the node asks for; 0: none.
  static int32_t asked(const LayerView& v, std::string_view kernel);
  /// For kernels that make one row a call, whose rows can be joined: as many as divide those of the image.
  RowForm& joined();

  RowCalls calls;
  int32_t rows;   // Work::rows
  bool is_asked;  // the node has rows, and the kernel is its own
  /// A number of each call, by the rows that it makes, all together. Those of the usual form are not taken apart.
  template <class F>
  double sum(F of) const {
    if (is_usual()) return double(of(calls.s.oh));
    const int32_t rest = calls.s.oh % calls.n;
    return double(calls.s.oh / calls.n) * of(calls.n) + (rest > 0 ? double(of(rest)) : 0);
  }
  bool is_usual() const { return rows == usual_; }
  /// Work::calls.
  int32_t more_calls() const;
  Work work(std::vector<double> counts, int64_t scratch, int32_t block = 0, SharedForm form = {},
            int32_t channels = 0) const {
    return {std::move(counts), scratch, rows, block, form, more_calls(), channels};
  }

 private:
  RowForm(const ConvShape& s, const ConvShape& image, int64_t batch, int32_t asked, int32_t usual, int32_t multiple);
  ConvShape s_, image_;
  int64_t batch_;
  int32_t usual_;
};

/// Output rows a call makes: all of a small image; of a large one as many as fill groups of four pixels.
int32_t rows_per_call(int32_t oh, int32_t ow);

/// Pixels of the output whose window leaves the image.
double edge_pixels(const ConvShape& s);

/// conv_q8_dsp: bytes that go into columns, and the runs of them; those moved one by one count 3.5 fold.
double hs_gathered(const ConvShape& s);
/// dense_q8_dsp: 16 for each quad of four filters, and the loop over them; lone filters count three fold.
double hs_dense_products(const ConvShape& s);
/// conv_q8_plain: taps that are copied one by one, or in one piece where a row of the window lies inside the image.
double plain_gathered(const ConvShape& s);

/// Rows of input that the strips of `n` output rows hold, all together.
double strip_rows(const ConvShape& s, int32_t n);
/// depthwise_any_q8_dsp: words of weights that four neighbouring outputs use together, or one output alone.
struct DepthwiseWords {
  double together = 0, alone = 0;
};
DepthwiseWords depthwise_words(const ConvShape& s);

/// depthwise_taps_q8_dsp: blocks of four channels' outputs.
inline double depthwise_taps_blocks(const ConvShape& s) { return pixels(s) * ((s.ic + 3) / 4) * (s.oc / s.ic); }

/// A pixel that is left over costs less than four (conv_mve.h). Layers of one pixel are for dense_q8_mve.
constexpr double kMveLonePixel = 0.3;
/// Helium convolutions: blocks of four pixels and two filters; chunks of lone filters, each with what its result costs.
inline double mve_pairs(const ConvShape& s) {
  const int32_t all = s.oh * s.ow;
  const bool lone = all > 1 && all % 4 == 1 && s.ow % 2 != 0 && mve_one_pixel_serves(mve_chunks(int32_t(taps(s))));
  return (lone ? all / 4 + kMveLonePixel : (all + 3) / 4) * double(s.oc / 2);
}
inline double mve_lone(const ConvShape& s) { return pixels(s) * (s.oc % 2) * (mve_chunks(int32_t(taps(s))) + 4); }
/// depthwise_q8_mve: cycles (instructions, about) of blocks of eight outputs, and of filling strips.
double mve_depthwise_outputs(const ConvShape& s, int32_t n);
double mve_depthwise_gathered(const ConvShape& s, int32_t n);
/// Rows that a call of it must make so that there are blocks.
int32_t mve_depthwise_least(const ConvShape& s);

}  // namespace burin
