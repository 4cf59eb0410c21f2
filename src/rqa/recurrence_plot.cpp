#include "src/rqa/recurrence_plot.h"

#include <algorithm>
#include <cmath>

#include "data/images/codec.h"
#include "data/images/draw.h"
#include "src/core/error.h"
#include "src/core/text.h"
#include "src/ops/clones.h"
#include "src/rqa/line_counts.h"

namespace athanor::rqa {
namespace {

constexpr int64_t kInk = 0x1d1d1f, kPaper = 0xffffff, kFrame = 0x8a8a8e;
constexpr double kRecurrent[3] = {16, 42, 82};  // dark blue

void set_shade(uint8_t* pixel, double share) {
  for (int c = 0; c < 3; ++c)
    pixel[c] = static_cast<uint8_t>(std::lround(255 + (kRecurrent[c] - 255) * share));
}

template <Norm kNorm>
double combined(double sum, double term) {
  return kNorm == Norm::kLinf ? (term > sum ? term : sum) : sum + term;
}

// To terms[k], that of one coordinate: of x and y[k].
template <Norm kNorm>
ATHANOR_CLONES void add_coordinate(double x, const double* __restrict y, int64_t count,
                                   double* __restrict terms) {
  for (int64_t k = 0; k < count; ++k) {
    const double difference = std::abs(x - y[k]);
    terms[k] = combined<kNorm>(terms[k], kNorm == Norm::kL2 ? difference * difference : difference);
  }
}

template <Norm kNorm>
ATHANOR_CLONES void add_delay(const double* __restrict terms, int64_t count, double* __restrict sums) {
  for (int64_t k = 0; k < count; ++k) sums[k] = combined<kNorm>(sums[k], terms[k]);
}

// sums [vectors] receives what distance_sum() gives of i and each j > i, many at once; terms [vectors] is
// memory for it.
template <Norm kNorm>
void sum_row(const Series& series, int64_t m, int64_t tau, int64_t i, int64_t vectors, double* terms,
             double* sums) {
  const int64_t first = i + 1, count = vectors - first;
  std::fill_n(sums + first, count, 0.0);
  for (int64_t offset = 0; offset < m * tau; offset += tau) {
    std::fill_n(terms, count, 0.0);
    for (const std::vector<double>& values : series.coordinates)
      add_coordinate<kNorm>(values[i + offset], values.data() + first + offset, count, terms);
    add_delay<kNorm>(terms, count, sums + first);
  }
}

using SumRow = void (*)(const Series&, int64_t, int64_t, int64_t, int64_t, double*, double*);
SumRow sum_row_for(Norm norm) {
  return norm == Norm::kL1   ? sum_row<Norm::kL1>
         : norm == Norm::kL2 ? sum_row<Norm::kL2>
                             : sum_row<Norm::kLinf>;
}

// Recurrent cells [side, side] of each pixel.
std::vector<int64_t> count_recurrent(const Series& series, int64_t m, int64_t tau, double bound, Norm norm,
                                     int64_t vectors, int64_t per_pixel) {
  const int64_t side = (vectors + per_pixel - 1) / per_pixel;
  std::vector<int64_t> recurrent(side * side);
  std::vector<double> sums(vectors), terms(vectors);
  const SumRow sum = sum_row_for(norm);
  for (int64_t i = 0; i < vectors; ++i) {
    sum(series, m, tau, i, vectors, terms.data(), sums.data());
    const int64_t row = i / per_pixel;
    recurrent[row * side + row] += bound >= 0;  // the main diagonal's cell
    for (int64_t j = i + 1, column = j / per_pixel; column < side; ++column) {
      const int64_t end = std::min(vectors, (column + 1) * per_pixel);
      const int64_t near =
          std::count_if(sums.data() + j, sums.data() + end, [&](double each) { return each <= bound; });
      recurrent[row * side + column] += near;
      recurrent[column * side + row] += near;
      j = end;
    }
  }
  return recurrent;
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
  const std::vector<int64_t> recurrent =
      count_recurrent(series, m, tau, sum_bounds(series, {eps}, definitions)[0], norm_of(series, definitions),
                      out.vectors, out.per_pixel);
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
