// The formats behind data/images/image.h: bytes in memory to pixels and back. Internal to data/images.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "data/images/image.h"

namespace athanor {

// Throws Error naming `where` for an image of no or more than `most` pixels.
void check_pixels(const std::string& where, int64_t height, int64_t width, int64_t most);

bool is_jpeg(std::string_view bytes);
bool is_png(std::string_view bytes);
bool is_webp(std::string_view bytes);

// An image and the EXIF orientation (1 to 8) that its file asks for, not yet applied.
struct Decoded {
  Image image;
  int orientation = 1;
  ImageSize file_size = {};  // not turned either
  int shrunk_by = 1;         // the last row and column stand for less than a pixel where it does not divide
};

// -> channels 3. Shrunk by 2, 4 or 8 while decoding where the result (once upright) keeps at least
// `height` x `width` pixels; 0 x 0: never. Throws Error naming `where`: foreign, cut short, corrupt.
Decoded decode_jpeg(std::string_view bytes, const std::string& where, int64_t height, int64_t width,
                    const LoadOptions& options = {});
std::string encode_jpeg(const Image& image, int quality, const std::string& where);

// -> channels 3.
Decoded decode_png(std::string_view bytes, const std::string& where, const LoadOptions& options = {});
Decoded decode_webp(std::string_view bytes, const std::string& where, const LoadOptions& options = {});
// -> channels 1: grey values or palette indexes as stored; 3: RGB. `palette`, where it is asked for, receives
// 0xRRGGBB by index, or nothing. Throws Error for 16 bits and transparency.
Image decode_png_ids(std::string_view bytes, const std::string& where,
                     std::vector<int64_t>* palette = nullptr);
std::string encode_png(const Image& image, const std::vector<int64_t>& palette, const std::string& where);

// channels 4 -> 3.
Image without_transparency(const Image& rgba, Colours colours);

// The orientation in an EXIF block that begins with its TIFF header ("II*\0" or "MM\0*"); 1 where it has
// none.
int exif_orientation(std::string_view tiff);
Image upright(Image image, int orientation);

}  // namespace athanor
