#include "src/rqa/recurrence_plot.h"

#include <algorithm>
#include <cmath>

#include "data/images/codec.h"
#include "data/images/draw.h"
#include "src/core/error.h"
#include "src/core/text.h"
#include "src/rqa/line_counts.h"

namespace athanor::rqa {
namespace {

constexpr int64_t kInk = 0x1d1d1f, kPaper = 0xffffff, kFrame = 0x8a8a8e;
constexpr double kRecurrent[3] = {16, 42, 82};  // dark blue

void set_shade(uint8_t* pixel, double share) {
  for (int c = 0; c < 3; ++c)
    pixel[c] = static_cast<uint8_t>(std::lround(255 + (kRecurrent[c] - 255) * share));
}

// Lines of at most `width_px`, broken between words.
std::vector<std::string> wrapped(const std::vector<std::string>& lines, int64_t width_px) {
  std::vector<std::string> out;
  for (const std::string& line : lines) {
    out.emplace_back();
    for (const std::string& word : split(line, ' ')) {
      const std::string longer = out.back().empty() ? word : out.back() + " " + word;
      if (text_width(longer) <= width_px || out.back().empty())
        out.back() = longer;
      else
        out.push_back(word);
    }
  }
  return out;
}

}  // namespace

RecurrencePlot draw_recurrences(const Series& series, int64_t m, int64_t tau, double eps,
                                const Definitions& definitions, int64_t most_px) {
  RecurrencePlot out{.vectors = series.length() - (m - 1) * tau};
  if (out.vectors < 2)
    throw Error({.what = text("no recurrence plot of m ", m, ", tau ", tau),
                 .expected = text("(m - 1) tau + 2 = ", (m - 1) * tau + 2, " samples or more"),
                 .got = text(series.length())});
  out.per_pixel = (out.vectors + most_px - 1) / most_px;
  const int64_t side = (out.vectors + out.per_pixel - 1) / out.per_pixel;
  const Norm norm = norm_of(series, definitions);
  const double bound = sum_bounds(series, {eps}, definitions)[0];
  std::vector<int64_t> recurrent(side * side);
  for (int64_t i = 0; i < out.vectors; ++i)
    for (int64_t j = i; j < out.vectors; ++j) {
      const bool near = distance_sum(series, norm, m, tau, i, j) <= bound;
      recurrent[j / out.per_pixel * side + i / out.per_pixel] += near;
      if (j > i) recurrent[i / out.per_pixel * side + j / out.per_pixel] += near;
    }
  out.image = make_image(side, side, 3);
  const auto covered = [&](int64_t pixel) {
    return std::min(out.per_pixel, out.vectors - pixel * out.per_pixel);
  };
  for (int64_t y = 0; y < side; ++y)
    for (int64_t x = 0; x < side; ++x)
      set_shade(out.image.at(side - 1 - y, x),
                static_cast<double>(recurrent[y * side + x]) / static_cast<double>(covered(x) * covered(y)));
  return out;
}

Image framed(const RecurrencePlot& plot, const std::vector<std::string>& caption, double per_tick,
             const std::string& unit) {
  const int64_t grow = std::max<int64_t>(1, 480 / plot.image.height), side = plot.image.height * grow;
  constexpr int64_t kLeft = 56, kTop = 14;
  const int64_t width = kLeft + side + 24, bottom = kTop + side;
  const std::vector<std::string> shown_lines = wrapped(caption, width - 24);
  const auto lines = static_cast<int64_t>(shown_lines.size());
  Image out = make_image(bottom + 40 + lines * 13, width, 3);
  fill_box(out, 0, 0, out.height, out.width, kPaper);
  fill_box(out, kTop - 1, kLeft - 1, side + 2, side + 2, kFrame);
  paste(out, kTop, kLeft, grow > 1 ? resize_nearest(plot.image, side, side) : plot.image);
  for (int tick = 0; tick <= 4; ++tick) {
    const int64_t along = side * tick / 4;
    const double value = static_cast<double>(plot.vectors) * per_tick * tick / 4;
    const std::string shown = decimals(value, 0);
    fill_box(out, bottom + 1, kLeft + along - (tick == 4), 4, 1, kFrame);
    fill_box(out, bottom - along - (tick == 0), kLeft - 5, 1, 4, kFrame);
    draw_text(out, bottom + 8, kLeft + along - text_width(shown) / 2, shown, kInk);
    draw_text(out, bottom - along - 4, kLeft - 8 - text_width(shown), shown, kInk);
  }
  draw_text(out, bottom + 20, kLeft + (side - text_width(unit)) / 2, unit, kInk);
  for (int64_t k = 0; k < lines; ++k) draw_text(out, bottom + 36 + k * 13, 12, shown_lines[k], kInk);
  return out;
}

std::string png_bytes(const Image& image) { return encode_png(image, {}, "recurrence plot"); }

}  // namespace athanor::rqa
