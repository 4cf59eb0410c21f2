#include "tools/augment_preview.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <set>

#include "data/images/draw.h"
#include "src/core/text.h"

namespace athanor {
namespace {

constexpr int64_t kGap = 10, kBackground = 0x202124, kText = 0xE8EAED, kQuiet = 0x9AA0A6;
constexpr int64_t kTitleScale = 2, kTitleLine = kTitleScale * kLetterHeight + 6;
constexpr int64_t kCaptionLine = kLetterHeight + 3, kCaptionLines = 2;
constexpr int64_t kWidth = kPreviewColumns * (kPreviewCellPx + kGap) + kGap;
constexpr double kOpacity = 0.5;

std::vector<std::string> wrapped(const std::string& line, int64_t width_px, int64_t scale) {
  std::vector<std::string> lines = {""};
  for (const std::string& word : split(line, ' ')) {
    const std::string longer = lines.back().empty() ? word : lines.back() + " " + word;
    if (text_width(longer, scale) <= width_px || lines.back().empty())
      lines.back() = longer;
    else
      lines.push_back(word);
  }
  return lines;
}

struct Cell {
  Image image, overlaid;
  std::string title, caption;
};

Batch batch_of(const DataSpec& spec, const std::vector<DecodedSample>& pictures, int64_t variants) {
  const std::vector<int64_t>& shape = spec.find_input("image")->shape;
  const auto count = static_cast<int64_t>(pictures.size());
  Batch batch;
  batch.size = count * variants;
  const at::Tensor image = at::empty({batch.size, 3, shape[1], shape[2]}, at::kByte);
  const at::Tensor mask = at::empty({batch.size, shape[1], shape[2]}, at::kByte);
  for (int64_t i = 0; i < batch.size; ++i) {
    const DecodedSample& picture = pictures[static_cast<size_t>(i % count)];
    std::memcpy(image.select(0, i).mutable_data_ptr<uint8_t>(), picture.image.data(), picture.image.size());
    std::memcpy(mask.select(0, i).mutable_data_ptr<uint8_t>(), picture.mask.data(), picture.mask.size());
    batch.samples.push_back(i);
  }
  batch.inputs.set("image", image);
  batch.labels.set("mask", mask);
  return batch;
}

// [3,H,W] uint8, or floating point as the model gets it.
Image shown_image(const at::Tensor& given, const DataSpec& spec) {
  at::Tensor pixels = given;
  if (given.scalar_type() != at::kByte) {
    const at::Tensor* mean = spec.constants.find("mean/image");
    const at::Tensor* std = spec.constants.find("std/image");
    pixels = given.to(at::kFloat);
    if (std != nullptr) pixels = pixels.mul(std->view({3, 1, 1}));
    if (mean != nullptr) pixels = pixels.add(mean->view({3, 1, 1}));
    pixels = pixels.mul(255).round().clamp(0, 255).to(at::kByte);
  }
  pixels = pixels.permute({1, 2, 0}).contiguous();
  Image image = make_image(pixels.size(0), pixels.size(1), 3);
  std::memcpy(image.pixels.data(), pixels.const_data_ptr<uint8_t>(), image.pixels.size());
  return image;
}

Image shown_mask(const at::Tensor& given) {
  const at::Tensor ids = given.contiguous();
  Image mask = make_image(ids.size(0), ids.size(1), 1);
  std::memcpy(mask.pixels.data(), ids.const_data_ptr<uint8_t>(), mask.pixels.size());
  return mask;
}

class Sheet {
 public:
  Sheet(const DataSpec& spec, const std::vector<int64_t>& colours) : spec_(spec), colours_(colours) {}

  Cell cell(const at::Tensor& image, const at::Tensor& mask, const std::string& title,
            const std::string& caption) {
    const double scale =
        static_cast<double>(kPreviewCellPx) / static_cast<double>(std::max(image.size(1), image.size(2)));
    const auto side = [&](int64_t pixels) {
      return std::max<int64_t>(1, std::llround(static_cast<double>(pixels) * scale));
    };
    const int64_t height = side(image.size(1)), width = side(image.size(2));
    const Image ids = resize_nearest(shown_mask(mask), height, width);
    seen_.insert(ids.pixels.begin(), ids.pixels.end());
    Cell out;
    out.image = resize_bilinear(shown_image(image, spec_), height, width);
    out.overlaid = overlay(out.image, ids, colours_, kOpacity);
    out.title = title;
    out.caption = caption;
    return out;
  }

  void add(Cell cell) { cells_.push_back(std::move(cell)); }
  // The next cell begins a row.
  void end_row() { cells_.resize((cells_.size() + kPreviewColumns - 1) / kPreviewColumns * kPreviewColumns); }

  Image drawn(const std::string& title) const {
    const std::vector<std::string> lines = wrapped(title, kWidth - 2 * kGap, kTitleScale);
    const auto rows = static_cast<int64_t>(cells_.size()) / kPreviewColumns;
    const int64_t top = kGap + static_cast<int64_t>(lines.size()) * kTitleLine + kGap;
    const auto legend = legend_places(top + rows * row_height());
    Image sheet = make_image(legend.bottom + kGap, kWidth, 3);
    fill_box(sheet, 0, 0, sheet.height, sheet.width, kBackground);
    for (size_t i = 0; i < lines.size(); ++i)
      draw_text(sheet, kGap + static_cast<int64_t>(i) * kTitleLine, kGap, lines[i], kText, kTitleScale);
    for (size_t i = 0; i < cells_.size(); ++i) {
      const auto row = static_cast<int64_t>(i) / kPreviewColumns;
      const auto column = static_cast<int64_t>(i) % kPreviewColumns;
      draw_cell(sheet, cells_[i], top + row * row_height(), kGap + column * (kPreviewCellPx + kGap));
    }
    for (const Place& place : legend.places) {
      fill_box(sheet, place.top, place.left, kLetterHeight, 2 * kLetterHeight, place.colour);
      draw_text(sheet, place.top, place.left + 2 * kLetterHeight + kLetterWidth, place.name, kText);
    }
    return sheet;
  }

 private:
  struct Place {
    int64_t top, left, colour;
    std::string name;
  };
  struct Legend {
    std::vector<Place> places;
    int64_t bottom = 0;
  };

  // Of the classes that are to be seen, in lines from `top`.
  Legend legend_places(int64_t top) const {
    Legend legend;
    int64_t left = kGap;
    for (const uint8_t id : seen_) {
      if (id >= colours_.size()) continue;
      const std::string name = id < spec_.class_names.size() ? spec_.class_names[id] : text("class ", id + 0);
      const int64_t width = 2 * kLetterHeight + 3 * kLetterWidth + text_width(name);
      if (left + width > kWidth) {
        left = kGap;
        top += 2 * kLetterHeight;
      }
      legend.places.push_back({top, left, colours_[id], name});
      left += width;
    }
    legend.bottom = top + kLetterHeight;
    return legend;
  }

  int64_t picture_height() const {
    int64_t height = 0;
    for (const Cell& cell : cells_) height = std::max(height, cell.image.height);
    return height;
  }
  int64_t row_height() const {
    return 2 * picture_height() + 2 + (1 + kCaptionLines) * kCaptionLine + 2 * kGap;
  }

  void draw_cell(Image& sheet, const Cell& cell, int64_t top, int64_t left) const {
    paste(sheet, top, left, cell.image);
    paste(sheet, top + picture_height() + 2, left, cell.overlaid);
    int64_t line = top + 2 * picture_height() + 2 + 5;
    draw_text(sheet, line, left, cell.title, kText);
    std::vector<std::string> captions = wrapped(cell.caption, kPreviewCellPx, 1);
    if (captions.size() > kCaptionLines) {
      captions.resize(kCaptionLines);
      captions.back() += " ...";
    }
    for (const std::string& caption : captions) draw_text(sheet, line += kCaptionLine, left, caption, kQuiet);
  }

  const DataSpec& spec_;
  std::vector<int64_t> colours_;
  std::vector<Cell> cells_;
  std::set<uint8_t> seen_;
};

// Ids up to the largest that a picture has.
std::vector<int64_t> colours_of(const DataSpec& spec, const at::Tensor& mask) {
  if (!spec.class_colours.empty()) return spec.class_colours;
  return distinct_colours(
      std::max<int64_t>(static_cast<int64_t>(spec.class_names.size()), mask.max().item<int64_t>() + 1));
}

}  // namespace

Image augment_preview(const Augmentation& augmentation, const DataSpec& spec,
                      const std::vector<DecodedSample>& pictures, const PreviewOptions& options) {
  const auto count = static_cast<int64_t>(pictures.size());
  const Batch given = batch_of(spec, pictures, options.variants);
  const Batch augmented = augmentation.apply(given, options.seed, options.epoch);
  Sheet sheet(spec, colours_of(spec, given.labels.at("mask")));
  for (int64_t p = 0; p < count; ++p) {
    sheet.add(sheet.cell(given.inputs.at("image")[p], given.labels.at("mask")[p], "original", ""));
    for (int64_t i = p; i < given.size; i += count) {
      const std::string drawn = augmentation.describe_sample(options.seed, options.epoch, i);
      sheet.add(sheet.cell(augmented.inputs.at("image")[i], augmented.labels.at("mask")[i],
                           text("sample ", i), drawn.empty() ? "unchanged" : drawn));
    }
    sheet.end_row();
  }
  return sheet.drawn(
      text("epoch ", options.epoch, ", seed ", options.seed, ": ", augmentation.describe(options.epoch)));
}

}  // namespace athanor
