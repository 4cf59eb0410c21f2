// 8-bit images in memory, and their files. Plain: no LibTorch.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace athanor {

struct Image {
  int64_t height = 0, width = 0;
  int64_t channels = 3;         // 1: grey or class ids, 3: RGB
  std::vector<uint8_t> pixels;  // [H,W,channels], rows from the top
  uint8_t* at(int64_t y, int64_t x) { return pixels.data() + (y * width + x) * channels; }
  const uint8_t* at(int64_t y, int64_t x) const { return pixels.data() + (y * width + x) * channels; }
};

struct ImageSize {
  int64_t height = 0, width = 0;
};

Image make_image(int64_t height, int64_t width, int64_t channels);

// What becomes of colours that 8-bit RGB cannot hold. Colours of 16 bits always keep their upper byte.
enum class Colours {
  kOverBlack,  // transparent pixels lie over black; grey of 16 bits keeps its upper byte
  kPillow,     // as Pillow's convert("RGB"): transparency is dropped; grey of 16 bits above 255 is 255
  kOverWhite,  // as transformers 5: over white; grey of 16 bits as kPillow
};

struct LoadOptions {
  Colours colours = Colours::kOverBlack;
  int64_t most_pixels = int64_t{1} << 28;  // larger images are refused before their pixels are made
};

// JPEG, PNG or WebP (an animation's first picture), told apart by their first bytes. Grey, palette, RGBA,
// 16-bit, CMYK and EXIF rotation become upright 8-bit RGB. Throws Error with the path: missing, empty,
// foreign, broken, or too many pixels.
Image load_image(const std::string& path, const LoadOptions& options = {});
// The same of a file's bytes; `where` is its name in errors.
Image decode_image(std::string_view bytes, const std::string& where, const LoadOptions& options = {});

// The same, resized (bilinear) to `height` x `width` pixels: a JPEG of at least twice that is decoded at a
// half, a quarter or an eighth of its size, which keeps no less than is asked for and is several times
// faster. `file_size` receives the upright size in the file.
Image load_image_resized(const std::string& path, int64_t height, int64_t width,
                         ImageSize* file_size = nullptr);

// A PNG's class ids as they are: 8-bit grey, or the indexes of a palette; -> channels 1. RGB files (for a
// colour table) -> channels 3. `palette` receives a palette's colours (0xRRGGBB by index), or none. Throws
// Error, for 16 bits too.
Image load_mask(const std::string& path, std::vector<int64_t>* palette = nullptr);

// Whole or not at all. channels 1 or 3; `palette` (0xRRGGBB by id) makes an indexed PNG of a one-channel
// image, whose ids then all have a colour: black where the palette ends.
void save_png(const std::string& path, const Image& image, const std::vector<int64_t>& palette = {});
void save_jpeg(const std::string& path, const Image& image, int quality = 92);

// Bilinear with antialias when it shrinks (as Pillow does), or nearest for ids. `part` is how much of the
// image, from its top left corner, becomes the result: all of it, or less by parts of a pixel.
struct ImagePart {
  double height = 0, width = 0;
};
Image resize_bilinear(const Image& image, int64_t height, int64_t width);
Image resize_bilinear(const Image& image, int64_t height, int64_t width, ImagePart part);
Image resize_nearest(const Image& image, int64_t height, int64_t width);

}  // namespace athanor
