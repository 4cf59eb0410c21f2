#include "data/images/tile_processor.h"

#include <algorithm>
#include <utility>

#include "src/core/error.h"
#include "src/core/thread_pool.h"

namespace athanor {
namespace {

constexpr int64_t kLongestOfAll = 4096;  // transformers' MAX_IMAGE_SIZE

int64_t rounded_down(double value) { return static_cast<int64_t>(value); }

// The longer side becomes `longest`, the other keeps the proportions and is even.
ImageSize with_longest(ImageSize size, int64_t longest) {
  const double ratio = static_cast<double>(size.width) / static_cast<double>(size.height);
  if (size.width >= size.height) {
    const int64_t height = rounded_down(static_cast<double>(longest) / ratio);
    return {std::max<int64_t>(1, height + height % 2), longest};
  }
  const int64_t width = rounded_down(static_cast<double>(longest) * ratio);
  return {longest, std::max<int64_t>(1, width + width % 2)};
}

ImageSize no_longer_than(ImageSize size, int64_t most) {
  const double ratio = static_cast<double>(size.width) / static_cast<double>(size.height);
  if (size.width >= size.height && size.width > most)
    size = {rounded_down(static_cast<double>(most) / ratio), most};
  else if (size.height > size.width && size.height > most)
    size = {most, rounded_down(static_cast<double>(most) * ratio)};
  return {std::max<int64_t>(1, size.height), std::max<int64_t>(1, size.width)};
}

int64_t whole_tiles(int64_t side, int64_t tile) { return (side + tile - 1) / tile * tile; }

ImageSize of_whole_tiles(ImageSize size, int64_t tile) {
  const double ratio = static_cast<double>(size.width) / static_cast<double>(size.height);
  if (size.width >= size.height) {
    const int64_t width = whole_tiles(size.width, tile);
    return {whole_tiles(rounded_down(static_cast<double>(width) / ratio), tile), width};
  }
  const int64_t height = whole_tiles(size.height, tile);
  return {height, whole_tiles(rounded_down(static_cast<double>(height) * ratio), tile)};
}

}  // namespace

TileProcessor::TileProcessor(const ImageProcessorConfig& config)
    : config_(config), values_(pixel_values(config, Arithmetic::kTorch)) {
  if (config.tile == 0)
    throw usage_error({"image processor", "cuts no tiles", "Idefics3ImageProcessor", config.kind});
}

int64_t TileProcessor::most_tiles() const {
  if (!config_.splits) return 1;
  const int64_t longest = config_.resizes ? std::min(config_.longest_edge, kLongestOfAll) : kLongestOfAll;
  const int64_t tiles = whole_tiles(longest, config_.tile) / config_.tile;
  return tiles * tiles + 1;
}

// A tile of the image -> [3,S,S]
void TileProcessor::put(const Image& image, int64_t top, int64_t left, float* out) const {
  const int64_t side = config_.tile, plane = side * side;
  for (int64_t y = 0; y < side; ++y) {
    const uint8_t* from = image.at(top + y, left);
    float* to = out + y * side;
    for (int64_t x = 0; x < side; ++x, from += 3)
      for (int64_t c = 0; c < 3; ++c) to[x + c * plane] = values_[static_cast<size_t>(c)][from[c]];
  }
}

TiledImage TileProcessor::process(const Image& image) const {
  const int64_t side = config_.tile, values = 3 * side * side;
  const auto resized = [&](const Image& from, ImageSize size) {
    return resize(
        from,
        {.height = size.height, .width = size.width, .filter = config_.filter, .like = Arithmetic::kTorch});
  };
  const ImageSize longest =
      no_longer_than(with_longest({image.height, image.width}, config_.longest_edge), kLongestOfAll);
  Image whole = config_.resizes ? resized(image, longest) : image;
  TiledImage out;
  if (config_.splits) whole = resized(whole, of_whole_tiles({whole.height, whole.width}, side));
  const bool cut = config_.splits && (whole.height > side || whole.width > side);
  if (cut) out.rows = whole.height / side, out.columns = whole.width / side;
  out.pixels.resize(static_cast<size_t>((out.rows * out.columns + 1) * values));
  float* to = out.pixels.data();
  for (int64_t row = 0; row < out.rows; ++row)
    for (int64_t column = 0; column < out.columns; ++column, to += values)
      put(whole, row * side, column * side, to);
  put(resized(whole, {side, side}), 0, 0, to);
  return out;
}

TiledImage TileProcessor::process_file(const std::string& file) const {
  return process(load_image(file, {Colours::kPillow, kPillowMostPixels}));
}

std::vector<TiledImage> process_tiles(const TileProcessor& processor, std::span<const std::string> files,
                                      ThreadPool& pool) {
  std::vector<TiledImage> images(files.size());
  pool.parallel_for(static_cast<int64_t>(files.size()), [&](int64_t i) {
    const auto at = static_cast<size_t>(i);
    try {
      images[at] = processor.process_file(files[at]);
    } catch (const Error& error) {
      images[at].fault = error.what();
    }
  });
  return images;
}

}  // namespace athanor
