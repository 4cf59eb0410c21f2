// Loading by the first bytes, saving whole or not at all.
#include "data/images/image.h"

#include <cassert>

#include "data/images/codec.h"
#include "src/core/error.h"
#include "src/core/files.h"
#include "src/core/text.h"

namespace athanor {
namespace {

constexpr const char* kKnown = "a JPEG, PNG or WebP";

std::string read_image_file(const std::string& path) {
  std::string bytes = read_file(path);
  if (bytes.empty()) throw Error({path, "is empty", kKnown, "", ""});
  return bytes;
}

Decoded decode(std::string_view bytes, const std::string& where, int64_t height, int64_t width,
               const LoadOptions& options) {
  if (is_jpeg(bytes)) return decode_jpeg(bytes, where, height, width, options);
  if (is_png(bytes)) return decode_png(bytes, where, options);
  if (is_webp(bytes)) return decode_webp(bytes, where, options);
  throw Error({where, bytes.empty() ? "is empty" : "is no image that is known", kKnown, "", ""});
}

// Over white as Pillow's alpha_composite has it, with 7 bits behind the point.
uint8_t over_white(int colour, int alpha) {
  const int sum = (colour * alpha + 255 * (255 - alpha) + 128) << 7;
  return static_cast<uint8_t>(((sum >> 8) + sum) >> 8 >> 7);
}

}  // namespace

Image make_image(int64_t height, int64_t width, int64_t channels) {
  return {height, width, channels, std::vector<uint8_t>(static_cast<size_t>(height * width * channels))};
}

void check_pixels(const std::string& where, int64_t height, int64_t width, int64_t most) {
  if (height > 0 && width > 0 && height <= most / width) return;
  throw Error({where, "an image of unusable size", text("at most ", most, " pixels"),
               text(height, " x ", width), ""});
}

Image without_transparency(const Image& rgba, Colours colours) {
  Image out = make_image(rgba.height, rgba.width, 3);
  const uint8_t* from = rgba.pixels.data();
  uint8_t* to = out.pixels.data();
  for (int64_t i = 0; i < rgba.height * rgba.width; ++i, from += 4, to += 3)
    for (int64_t c = 0; c < 3; ++c)
      to[c] = colours == Colours::kPillow      ? from[c]
              : colours == Colours::kOverWhite ? over_white(from[c], from[3])
                                               : static_cast<uint8_t>((from[c] * from[3] + 127) / 255);
  return out;
}

Image decode_image(std::string_view bytes, const std::string& where, const LoadOptions& options) {
  Decoded decoded = decode(bytes, where, 0, 0, options);
  return upright(std::move(decoded.image), decoded.orientation);
}

Image load_image(const std::string& path, const LoadOptions& options) {
  return decode_image(read_file(path), path, options);
}

// Resized first and turned then, which moves fewer pixels.
Image load_image_resized(const std::string& path, int64_t height, int64_t width, ImageSize* file_size) {
  const Decoded decoded = decode(read_image_file(path), path, height, width, {});
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
