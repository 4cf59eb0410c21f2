// EXIF orientation (TIFF tag 0x0112, CIPA DC-008): found in the block's first directory, undone by moving
// pixels.
#include <algorithm>
#include <cstring>

#include "data/images/codec.h"

namespace athanor {
namespace {

constexpr uint32_t kOrientationTag = 0x0112, kShortType = 3;

// Numbers of a TIFF block in its byte order; 0 beyond its end.
class TiffBytes {
 public:
  explicit TiffBytes(std::string_view bytes) : bytes_(bytes), little_(!bytes.empty() && bytes[0] == 'I') {}
  uint32_t number(size_t offset, size_t count) const {
    if (offset > bytes_.size() || count > bytes_.size() - offset) return 0;
    uint32_t value = 0;
    for (size_t i = 0; i < count; ++i) {
      const size_t at = offset + (little_ ? count - 1 - i : i);
      value = value << 8 | static_cast<unsigned char>(bytes_[at]);
    }
    return value;
  }

 private:
  std::string_view bytes_;
  bool little_;
};

}  // namespace

int exif_orientation(std::string_view tiff) {
  if (tiff.substr(0, 2) != "II" && tiff.substr(0, 2) != "MM") return 1;
  const TiffBytes bytes(tiff);
  constexpr size_t kEntryBytes = 12;
  const size_t directory = bytes.number(4, 4);
  const size_t entries = bytes.number(directory, 2);
  for (size_t i = 0; i < entries; ++i) {
    const size_t entry = directory + 2 + i * kEntryBytes;
    if (entry >= tiff.size()) return 1;
    if (bytes.number(entry, 2) != kOrientationTag || bytes.number(entry + 2, 2) != kShortType) continue;
    const uint32_t value = bytes.number(entry + 8, 2);
    return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

Image upright(Image image, int orientation) {
  if (orientation <= 1) return image;
  const bool turned = orientation >= 5;  // rows of the file are columns of the picture
  // Where the file's first row and first column lie in the picture.
  const bool from_bottom = orientation == 3 || orientation == 4 || orientation == 7 || orientation == 8;
  const bool from_right = orientation == 2 || orientation == 3 || orientation == 6 || orientation == 7;
  Image out =
      make_image(turned ? image.width : image.height, turned ? image.height : image.width, image.channels);
  for (int64_t y = 0; y < out.height; ++y)
    for (int64_t x = 0; x < out.width; ++x) {
      const int64_t up = from_bottom ? out.height - 1 - y : y, left = from_right ? out.width - 1 - x : x;
      std::memcpy(out.at(y, x), turned ? image.at(left, up) : image.at(up, left),
                  static_cast<size_t>(image.channels));
    }
  return out;
}

}  // namespace athanor
