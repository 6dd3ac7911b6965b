#include "codegen/layers/rows.h"

#include <algorithm>

namespace burin {

int32_t rows_per_call(int32_t oh, int32_t ow) {
  if (oh <= 32) return oh;
  int32_t n = 1;
  while (n < 4 && n * ow % 4 != 0) ++n;
  return n;
}

std::string row_loop(const RowLoop& l, int32_t n, const RowCall& call) {
  auto rows = [&](int32_t count) { return (count - 1) * l.stride + l.reach; };
  const int32_t whole = l.oh / n * n, rest = l.oh - whole;
  auto group = [&](int32_t count, std::string_view row) {
    return expand(
        R"(
        burin::image_rows(rows, x, $first$, $count$, $ih$, $row_in$);
        $call$)",
        {{"first", row.empty() ? fmt::format("{}", -l.top) : fmt::format("{} * {} - {}", row, l.stride, l.top)},
         {"count", rows(count)},
         {"ih", l.ih},
         {"row_in", l.row_in},
         {"call", call(count)}});
  };
  std::string body = fmt::format("const {0}* rows[{1}];\n", l.x_type, rows(n));
  std::string image;
  if (whole == n) {
    image = group(n, "");
    if (rest > 0) image += fmt::format("y += {};\n", n * l.row_out);
  } else {
    image = expand(R"(
        for (int32_t oy = 0; oy < $whole$; oy += $n$, y += $step$) {
          $group$
        })",
                   {{"whole", whole}, {"n", n}, {"step", n * l.row_out}, {"group", group(n, "oy")}});
  }
  if (rest > 0) image += group(rest, fmt::format("{}", whole));
  if (l.batch == 1) {
    const std::string start = fmt::format("const {0}* x = x0;\nauto* y = y0;\n", l.x_type);
    return body + start + image;
  }
  return body + expand(R"(
      const $type$* x = x0;
      auto* image = y0;
      for (int32_t b = 0; b < $batch$; ++b, x += $x_step$, image += $y_step$) {
        auto* y = image;
        $image$
      })",
                       {{"type", l.x_type},
                        {"batch", l.batch},
                        {"x_step", l.ih * l.row_in},
                        {"y_step", l.oh * l.row_out},
                        {"image", image}});
}

}  // namespace burin
