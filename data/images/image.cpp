// Loading by the first bytes, saving whole or not at all.
#include "data/images/image.h"

#include <cassert>

#include "data/images/codec.h"
#include "src/core/error.h"
#include "src/core/files.h"
#include "src/core/text.h"

namespace athanor {
namespace {

std::string read_image_file(const std::string& path) {
  std::string bytes = read_file(path);
  if (bytes.empty()) throw Error({path, "is empty", "a JPEG or PNG", "", ""});
  return bytes;
}

Decoded decode(const std::string& path, int64_t height, int64_t width) {
  const std::string bytes = read_image_file(path);
  if (is_jpeg(bytes)) return decode_jpeg(bytes, path, height, width);
  if (is_png(bytes)) return decode_png(bytes, path);
  throw Error({path, "is no image that is known", "a JPEG or PNG", "", ""});
}

}  // namespace

Image make_image(int64_t height, int64_t width, int64_t channels) {
  return {height, width, channels, std::vector<uint8_t>(static_cast<size_t>(height * width * channels))};
}

void check_pixels(const std::string& where, int64_t height, int64_t width) {
  if (height > 0 && width > 0 && height <= kMostPixels / width) return;
  throw Error({where, "an image of unusable size", text("at most ", kMostPixels, " pixels"),
               text(height, " x ", width), ""});
}

Image load_image(const std::string& path) {
  Decoded decoded = decode(path, 0, 0);
  return upright(std::move(decoded.image), decoded.orientation);
}

// Resized first and turned then, which moves fewer pixels.
Image load_image_resized(const std::string& path, int64_t height, int64_t width, ImageSize* file_size) {
  const Decoded decoded = decode(path, height, width);
  const auto [rows, columns] = decoded.file_size;
  const bool turned = decoded.orientation >= 5;
  if (file_size != nullptr) *file_size = turned ? ImageSize{columns, rows} : ImageSize{rows, columns};
  if (turned) std::swap(height, width);
  const double scale = 1.0 / decoded.shrunk_by;
  const ImagePart part{static_cast<double>(rows) * scale, static_cast<double>(columns) * scale};
  return upright(resize_bilinear(decoded.image, height, width, part), decoded.orientation);
}

Image load_mask(const std::string& path, std::vector<int64_t>* palette) {
  const std::string bytes = read_image_file(path);
  if (is_jpeg(bytes)) throw Error({path, "is a JPEG, which changes the ids of a mask", "a PNG", "", ""});
  if (!is_png(bytes)) throw Error({path, "is no mask that is known", "a PNG", "", ""});
  return decode_png_ids(bytes, path, palette);
}

void save_png(const std::string& path, const Image& image, const std::vector<int64_t>& palette) {
  assert(image.channels == 1 || (image.channels == 3 && palette.empty()));
  write_file_atomically(path, encode_png(image, palette, path));
}

void save_jpeg(const std::string& path, const Image& image, int quality) {
  assert(image.channels == 1 || image.channels == 3);
  write_file_atomically(path, encode_jpeg(image, quality, path));
}

}  // namespace athanor
