// The geometry of image processors, and the values of pixels by tables that hold what transformers computes.
#include "data/images/image_processor.h"

#include <algorithm>
#include <cassert>
#include <mutex>

#include "src/core/error.h"
#include "src/core/files.h"
#include "src/core/text.h"
#include "src/core/thread_pool.h"

namespace athanor {
namespace {

constexpr int64_t kMostSide = 1 << 16;  // of a resized image: long ones grow with their proportions

// In the order and the precision of transformers: torch fuses both steps in f32, NumPy rescales in f64.
float value_of(int byte, size_t channel, const ImageProcessorConfig& config, Arithmetic like) {
  auto value = static_cast<float>(byte);
  auto mean = static_cast<float>(config.mean[channel]), std = static_cast<float>(config.std[channel]);
  if (config.rescales && config.normalises && like == Arithmetic::kTorch) {
    const auto whole = static_cast<float>(1.0 / config.rescale_factor);
    mean *= whole;
    std *= whole;
  } else if (config.rescales) {
    value = like == Arithmetic::kTorch ? value * static_cast<float>(config.rescale_factor)
                                       : static_cast<float>(byte * config.rescale_factor);
  }
  return config.normalises ? (value - mean) / std : value;
}

// Where a side of the resized image and of the result meet.
struct Overlap {
  int64_t from = 0, to = 0, size = 0;
};

// Both backends leave the odd pixel of a crop at the end; of the black around a small image, PIL's leaves it
// there too and torchvision's does not.
Overlap overlap(int64_t side, int64_t wanted, Arithmetic like) {
  if (side >= wanted) return {(side - wanted) / 2, 0, wanted};
  const int64_t missing = wanted - side;
  return {0, like == Arithmetic::kTorch ? missing / 2 : (missing + 1) / 2, side};
}

ImageSize resized(const Image& image, const ImageProcessorConfig& config, const std::string& where) {
  if (!config.resizes) return {image.height, image.width};
  if (config.short_edge == 0) return {config.height, config.width};
  const bool upright = image.width <= image.height;
  const int64_t shorter = upright ? image.width : image.height, longer = upright ? image.height : image.width;
  const auto other =
      static_cast<int64_t>(static_cast<double>(config.short_edge * longer) / static_cast<double>(shorter));
  if (other > kMostSide)
    throw Error({where, "is too long for its width", text("at most ", kMostSide, " pixels once resized"),
                 text(other)});
  return upright ? ImageSize{other, config.short_edge} : ImageSize{config.short_edge, other};
}

}  // namespace

PixelValues pixel_values(const ImageProcessorConfig& config, Arithmetic like) {
  PixelValues values{};
  for (size_t c = 0; c < values.size(); ++c)
    for (int byte = 0; byte < 256; ++byte)
      values[c][static_cast<size_t>(byte)] = value_of(byte, c, config, like);
  return values;
}

ImageProcessor::ImageProcessor(const ImageProcessorConfig& config, const ImageProcessorOptions& options)
    : config_(config), options_(options), values_(pixel_values(config, options.like)) {
  const bool fixed = config.tile == 0 && (config.crops || (config.resizes && config.short_edge == 0));
  if (!fixed)
    throw usage_error({"image processor", "its images have no common size",
                       "do_center_crop, or do_resize to a height and a width"});
  height_ = config.crops ? config.crop_height : config.height;
  width_ = config.crops ? config.crop_width : config.width;
}

void ImageProcessor::process(const Image& image, const std::string& where, float* out) const {
  assert(image.channels == 3);
  const ImageSize size = resized(image, config_, where);
  const Overlap rows = overlap(size.height, height_, options_.like),
                columns = overlap(size.width, width_, options_.like);
  const Image seen = resize(image, {.height = size.height,
                                    .width = size.width,
                                    .filter = config_.filter,
                                    .like = options_.like,
                                    .box = {rows.from, columns.from, rows.size, columns.size}});
  const int64_t plane = height_ * width_;
  if (rows.size < height_ || columns.size < width_)
    for (int64_t c = 0; c < 3; ++c) std::fill_n(out + c * plane, plane, values_[static_cast<size_t>(c)][0]);
  for (int64_t y = 0; y < rows.size; ++y) {
    const uint8_t* from = seen.at(y, 0);
    float* to = out + (rows.to + y) * width_ + columns.to;
    for (int64_t x = 0; x < columns.size; ++x, from += 3) {
      to[x] = values_[0][from[0]];
      to[x + plane] = values_[1][from[1]];
      to[x + 2 * plane] = values_[2][from[2]];
    }
  }
}

void ImageProcessor::process_file(const std::string& file, float* out) const {
  process(load_image(file, options_.load), file, out);
}

std::vector<ImageFault> process_images(const ImageProcessor& processor, std::span<const std::string> files,
                                       OnBadImage on_bad, float* out, ThreadPool& pool) {
  std::vector<ImageFault> faults;
  std::mutex mutex;
  const int64_t values = processor.values(), count = static_cast<int64_t>(files.size());
  pool.parallel_for(count, [&](int64_t i) {
    try {
      processor.process_file(files[static_cast<size_t>(i)], out + i * values);
    } catch (const Error& error) {
      std::fill_n(out + i * values, values, 0.0F);
      const std::lock_guard lock(mutex);
      faults.push_back({i, error.what()});
    }
  });
  std::sort(faults.begin(), faults.end(), [](const auto& a, const auto& b) { return a.index < b.index; });
  if (!faults.empty() && on_bad == OnBadImage::kRefuse) throw Error({.what = faults.front().message});
  if (on_bad != OnBadImage::kSkip) return faults;
  auto bad = faults.begin();
  float* to = out;
  for (int64_t i = 0; i < count; ++i) {
    if (bad != faults.end() && bad->index == i) {
      ++bad;
      continue;
    }
    if (to != out + i * values) std::copy_n(out + i * values, values, to);
    to += values;
  }
  return faults;
}

}  // namespace athanor
