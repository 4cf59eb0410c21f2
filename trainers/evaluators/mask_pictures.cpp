#include "trainers/evaluators/mask_pictures.h"

#include <algorithm>
#include <cmath>

#include "data/images/draw.h"
#include "src/core/text.h"

namespace athanor {
namespace {

constexpr int64_t kPaper = 0xffffff, kInk = 0x202020, kFaint = 0x909090, kGrid = 0xe4e4e4;
constexpr int64_t kGap = 6, kMargin = 12, kCell = 27, kLine = kLetterHeight + 4;

Image paper(int64_t height, int64_t width) {
  Image image = make_image(height, width, 3);
  fill_box(image, 0, 0, height, width, kPaper);
  return image;
}

int64_t longest(const std::vector<std::string>& names) {
  size_t letters = 0;
  for (const std::string& name : names) letters = std::max(letters, name.size());
  return static_cast<int64_t>(letters) * kLetterWidth;
}

// White for 0 to dark blue for 1; the root makes small parts visible.
int64_t shade(double part) {
  const double depth = std::sqrt(part);
  const auto mixed = [depth](int64_t dark) {
    return std::lround(255 - depth * static_cast<double>(255 - dark));
  };
  return mixed(0x08) << 16 | mixed(0x30) << 8 | mixed(0x80);
}

// Two digits at least say something of what is rare.
std::string percent_text(double part) {
  const double percent = 100 * part;
  return percent >= 9.95 ? decimals(percent, 0) : decimals(percent, 1);
}

void draw_cell(Image& image, int64_t top, int64_t left, double part) {
  fill_box(image, top, left, kCell - 1, kCell - 1, shade(part));
  if (part < 0.0005) return;
  const std::string label = percent_text(part);
  draw_text(image, top + (kCell - kLetterHeight) / 2, left + (kCell - text_width(label)) / 2, label,
            readable_on(shade(part)));
}

// Side by side in one row, each `height` high.
struct Tiles {
  int64_t height, width;
};

// What a sample's images are shown at: 192 pixels wide at most.
Tiles tiles_of(const Image& image) {
  constexpr int64_t kWidest = 192;
  const int64_t width = std::min(kWidest, image.width);
  return {std::max<int64_t>(1, image.height * width / image.width), width};
}

// Right pixels faded to grey, wrong ones red.
Image errors_picture(const Image& image, const Image& truth, const Image& guess, int64_t ignore) {
  Image wrong = make_image(truth.height, truth.width, 1);
  for (size_t i = 0; i < truth.pixels.size(); ++i)
    wrong.pixels[i] = truth.pixels[i] != guess.pixels[i] && truth.pixels[i] != ignore;
  Image grey = image;
  for (int64_t i = 0; i < grey.height * grey.width; ++i) {
    uint8_t* pixel = grey.pixels.data() + 3 * i;
    std::fill_n(pixel, 3, static_cast<uint8_t>(80 + (pixel[0] + 2 * pixel[1] + pixel[2]) / 8));
  }
  return overlay(grey, wrong, {0, 0xe02020}, 0.85, /*clear=*/0);
}

void draw_sample(Image& page, int64_t top, const MaskSample& sample, const std::vector<int64_t>& colours,
                 int64_t ignore) {
  constexpr double kOpacity = 0.6;
  const auto [height, width] = tiles_of(sample.image);
  const Image image = resize_bilinear(sample.image, height, width);
  const Image truth = resize_nearest(sample.truth, height, width);
  const Image guess = resize_nearest(sample.guess, height, width);
  const Image shown[] = {image, overlay(image, truth, colours, kOpacity, 0),
                         overlay(image, guess, colours, kOpacity, 0),
                         errors_picture(image, truth, guess, ignore)};
  int64_t left = kMargin;
  for (const Image& tile : shown) {
    paste(page, top, left, tile);
    left += width + kGap;
  }
  draw_text(page, top + height + 2, kMargin,
            text("sample ", sample.number, ", F-score ", decimals(sample.f_score, 3)), kFaint);
}

// Boxes of colour with names, in columns; returns the height that it takes.
int64_t draw_legend(Image* page, int64_t top, int64_t page_width, const std::vector<std::string>& names,
                    const std::vector<int64_t>& colours) {
  const int64_t column = longest(names) + 3 * kLetterWidth + kGap;
  const int64_t columns = std::max<int64_t>(1, (page_width - 2 * kMargin) / column);
  const auto count = static_cast<int64_t>(names.size());
  for (int64_t k = 0; page != nullptr && k < count; ++k) {
    const int64_t y = top + k / columns * kLine, x = kMargin + k % columns * column;
    fill_box(*page, y, x, kLetterHeight, 2 * kLetterWidth, colours[k]);
    draw_text(*page, y, x + 3 * kLetterWidth - 2, names[k], kInk);
  }
  return (count + columns - 1) / columns * kLine;
}

}  // namespace

Image confusion_picture(std::span<const double> counts, const std::vector<std::string>& class_names) {
  const auto classes = static_cast<int64_t>(class_names.size());
  const int64_t left = kMargin + longest(class_names) + 4 * kLetterWidth, top = kMargin + 2 * kLine;
  const std::string title = "rows: true class; columns: predicted; % of the row's pixels";
  Image page = paper(top + classes * kCell + kMargin,
                     std::max(left + classes * kCell, kMargin + text_width(title)) + kMargin);
  draw_text(page, kMargin, kMargin, title, kInk);
  fill_box(page, top - 1, left - 1, classes * kCell + 1, classes * kCell + 1, kGrid);
  for (int64_t k = 0; k < classes; ++k) {
    const std::string number = std::to_string(k);
    const int64_t y = top + k * kCell + (kCell - kLetterHeight) / 2;
    draw_text(page, y, kMargin, class_names[k], kInk);
    draw_text(page, y, left - kGap - text_width(number), number, kFaint);
    draw_text(page, top - kLine, left + k * kCell + (kCell - text_width(number)) / 2, number, kFaint);
    double support = 0;
    for (int64_t guess = 0; guess < classes; ++guess) support += counts[k * classes + guess];
    for (int64_t guess = 0; guess < classes; ++guess)
      draw_cell(page, top + k * kCell, left + guess * kCell,
                support > 0 ? counts[k * classes + guess] / support : 0);
  }
  return page;
}

Image samples_picture(const std::vector<MaskSample>& samples, const std::vector<std::string>& class_names,
                      const std::vector<int64_t>& class_colours, int64_t ignore) {
  std::vector<int64_t> colours = class_colours;
  if (colours.size() != class_names.size())
    colours = distinct_colours(static_cast<int64_t>(class_names.size()));
  const auto [height, width] = tiles_of(samples.at(0).image);
  const int64_t page_width = 2 * kMargin + 4 * width + 3 * kGap, row = height + kLine + kGap;
  const int64_t rows_top = kMargin + kLine,
                legend_top = rows_top + row * static_cast<int64_t>(samples.size()) + kGap;
  const int64_t legend = draw_legend(nullptr, 0, page_width, class_names, colours);
  Image page = paper(legend_top + legend + kMargin, page_width);
  const char* titles[] = {"image", "true mask", "predicted", "wrong pixels"};
  for (int64_t i = 0; i < 4; ++i) draw_text(page, kMargin, kMargin + i * (width + kGap), titles[i], kInk);
  for (size_t i = 0; i < samples.size(); ++i)
    draw_sample(page, rows_top + row * static_cast<int64_t>(i), samples[i], colours, ignore);
  draw_legend(&page, legend_top, page_width, class_names, colours);
  return page;
}

}  // namespace athanor
