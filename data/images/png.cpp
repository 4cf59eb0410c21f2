// PNG through libpng. Like libjpeg, it leaves on errors by a jump: the functions that it may leave hold
// nothing with a destructor. Left out: colour management (gamma, profiles), animation.
#include <png.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "data/images/codec.h"
#include "src/core/error.h"
#include "src/core/text.h"

namespace athanor {
namespace {

struct PngMessage {
  char text[200] = "";
};

[[noreturn]] void leave(png_structp png, png_const_charp message) {
  auto* out = static_cast<PngMessage*>(png_get_error_ptr(png));
  std::strncpy(out->text, message, sizeof(out->text) - 1);
  png_longjmp(png, 1);
}

void no_warning(png_structp /*png*/, png_const_charp /*message*/) {}

// libpng's structures, given back even where a constructor throws.
struct PngRead {
  PngMessage message;
  png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &message, leave, no_warning);
  png_infop info = png == nullptr ? nullptr : png_create_info_struct(png);
  PngRead() = default;
  ~PngRead() { png_destroy_read_struct(&png, &info, nullptr); }
  PngRead(const PngRead&) = delete;
  PngRead& operator=(const PngRead&) = delete;
};

class PngReader {
 public:
  PngReader(std::string_view bytes, const std::string& where, int64_t most_pixels)
      : where_(where), bytes_(bytes) {
    if (info_ == nullptr) throw Error({where_, "not enough memory for the PNG"});
    if (!read_header()) fail();
    check_pixels(where_, png_get_image_height(png_, info_), png_get_image_width(png_, info_), most_pixels);
  }

  int depth() const { return png_get_bit_depth(png_, info_); }
  bool has_alpha() const { return (png_get_color_type(png_, info_) & PNG_COLOR_MASK_ALPHA) != 0; }
  bool is_deep_grey() const {
    return depth() == 16 && png_get_color_type(png_, info_) == PNG_COLOR_TYPE_GRAY;
  }
  bool may_be_transparent() const { return has_alpha() || png_get_valid(png_, info_, PNG_INFO_tRNS) != 0; }

  // -> channels 4, 8 bits.
  Image read_rgba() {
    if (!set_rgba()) fail();
    return read_pixels(4);
  }
  // -> channels 3, 8 bits.
  Image read_rgb() {
    if (!set_rgb()) fail();
    return read_pixels(3);
  }
  // -> channels 1 to 4, 8 bits, values as they are stored. Two channels stand for the two bytes of 16-bit
  // grey.
  Image read_stored() {
    if (!set_stored()) fail();
    return read_pixels(is_deep_grey() ? 2 : png_get_channels(png_, info_));
  }

  // 0xRRGGBB by index; empty where the pixels are no indexes.
  std::vector<int64_t> palette() const {
    png_colorp colours = nullptr;
    int count = 0;
    if (png_get_color_type(png_, info_) != PNG_COLOR_TYPE_PALETTE) return {};
    if (png_get_PLTE(png_, info_, &colours, &count) == 0) return {};
    std::vector<int64_t> out(static_cast<size_t>(count));
    for (int i = 0; i < count; ++i)
      out[static_cast<size_t>(i)] =
          int64_t{colours[i].red} << 16 | int64_t{colours[i].green} << 8 | colours[i].blue;
    return out;
  }

  // After the pixels: EXIF may stand behind them.
  int orientation() {
    png_bytep exif = nullptr;
    png_uint_32 count = 0;
    if (png_get_eXIf_1(png_, info_, &count, &exif) == 0) return 1;
    return exif_orientation({reinterpret_cast<const char*>(exif), count});
  }

 private:
  [[noreturn]] void fail() const { throw Error({where_, text("is a broken PNG: ", read_.message.text)}); }

  static void give(png_structp png, png_bytep to, size_t count) {
    auto* bytes = static_cast<std::string_view*>(png_get_io_ptr(png));
    if (count > bytes->size()) png_error(png, "the file ends before the image does");
    std::memcpy(to, bytes->data(), count);
    bytes->remove_prefix(count);
  }

  bool read_header() {
    if (setjmp(png_jmpbuf(png_)) != 0) return false;
    png_set_read_fn(png_, &bytes_, give);
    png_read_info(png_, info_);
    return true;
  }

  bool set_rgba() {
    if (setjmp(png_jmpbuf(png_)) != 0) return false;
    png_set_expand(png_);  // palettes, few bits, tRNS
    png_set_strip_16(png_);
    png_set_gray_to_rgb(png_);
    png_set_add_alpha(png_, 255, PNG_FILLER_AFTER);
    return true;
  }

  bool set_rgb() {
    if (setjmp(png_jmpbuf(png_)) != 0) return false;
    png_set_expand(png_);
    png_set_strip_16(png_);
    png_set_gray_to_rgb(png_);
    png_set_strip_alpha(png_);
    return true;
  }

  bool set_stored() {
    if (setjmp(png_jmpbuf(png_)) != 0) return false;
    png_set_packing(png_);
    return true;
  }

  Image read_pixels(int channels) {
    const auto height = static_cast<int64_t>(png_get_image_height(png_, info_));
    Image out = make_image(height, png_get_image_width(png_, info_), channels);
    std::vector<png_bytep> rows;
    for (int64_t y = 0; y < height; ++y) rows.push_back(out.at(y, 0));
    if (!read_rows(rows.data(), static_cast<size_t>(out.width * channels))) fail();
    return out;
  }

  bool read_rows(png_bytepp rows, size_t row_bytes) {
    if (setjmp(png_jmpbuf(png_)) != 0) return false;
    png_set_interlace_handling(png_);
    png_read_update_info(png_, info_);
    if (png_get_rowbytes(png_, info_) != row_bytes) png_error(png_, "unexpected row size");
    png_read_image(png_, rows);
    png_read_end(png_, info_);
    return true;
  }

  std::string where_;
  std::string_view bytes_;
  PngRead read_;
  png_structp png_ = read_.png;
  png_infop info_ = read_.info;
};

class PngWriter {
 public:
  PngWriter() : png_(png_create_write_struct(PNG_LIBPNG_VER_STRING, &message_, leave, no_warning)) {
    info_ = png_ == nullptr ? nullptr : png_create_info_struct(png_);
  }
  ~PngWriter() { png_destroy_write_struct(&png_, &info_); }
  PngWriter(const PngWriter&) = delete;
  PngWriter& operator=(const PngWriter&) = delete;

  std::string encode(const Image& image, const std::vector<png_color>& palette, const std::string& where) {
    if (info_ == nullptr) throw Error({where, "not enough memory for the PNG"});
    std::vector<png_bytep> rows;
    for (int64_t y = 0; y < image.height; ++y) rows.push_back(const_cast<png_bytep>(image.at(y, 0)));
    if (!write(image, palette, rows.data()))
      throw Error({where, text("cannot be made a PNG: ", message_.text)});
    return std::move(bytes_);
  }

 private:
  static void take(png_structp png, png_bytep from, size_t count) {
    static_cast<std::string*>(png_get_io_ptr(png))->append(reinterpret_cast<const char*>(from), count);
  }
  static void no_flush(png_structp /*png*/) {}

  bool write(const Image& image, const std::vector<png_color>& palette, png_bytepp rows) {
    if (setjmp(png_jmpbuf(png_)) != 0) return false;
    png_set_write_fn(png_, &bytes_, take, no_flush);
    const int type = !palette.empty()      ? PNG_COLOR_TYPE_PALETTE
                     : image.channels == 1 ? PNG_COLOR_TYPE_GRAY
                                           : PNG_COLOR_TYPE_RGB;
    png_set_IHDR(png_, info_, static_cast<png_uint_32>(image.width), static_cast<png_uint_32>(image.height),
                 8, type, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    if (!palette.empty()) png_set_PLTE(png_, info_, palette.data(), static_cast<int>(palette.size()));
    png_write_info(png_, info_);
    png_write_image(png_, rows);
    png_write_end(png_, info_);
    return true;
  }

  PngMessage message_;
  std::string bytes_;
  png_structp png_;
  png_infop info_ = nullptr;
};

// Grey of 16 bits, as two bytes, to RGB: above 255 is white.
Image clipped(const Image& deep) {
  Image out = make_image(deep.height, deep.width, 3);
  for (int64_t i = 0; i < deep.height * deep.width; ++i) {
    const uint8_t* from = deep.pixels.data() + 2 * i;
    std::memset(out.pixels.data() + 3 * i, from[0] == 0 ? from[1] : 255, 3);
  }
  return out;
}

Image read_colours(PngReader& reader, Colours colours) {
  if (colours != Colours::kOverBlack && reader.is_deep_grey()) return clipped(reader.read_stored());
  if (colours == Colours::kPillow || !reader.may_be_transparent()) return reader.read_rgb();
  return without_transparency(reader.read_rgba(), colours);
}

// Drops an alpha channel that hides nothing.
Image without_alpha(const Image& image, const std::string& where) {
  Image out = make_image(image.height, image.width, image.channels - 1);
  for (int64_t i = 0; i < image.height * image.width; ++i) {
    const uint8_t* from = image.pixels.data() + image.channels * i;
    if (from[out.channels] != 255)
      throw Error(
          {where,
           text("a mask with transparent pixels, the first at ", i % image.width, ",", i / image.width),
           "class ids or opaque colours", "", ""});
    std::memcpy(out.pixels.data() + out.channels * i, from, static_cast<size_t>(out.channels));
  }
  return out;
}

}  // namespace

bool is_png(std::string_view bytes) { return bytes.substr(0, 8) == "\x89PNG\r\n\x1A\n"; }

Decoded decode_png(std::string_view bytes, const std::string& where, const LoadOptions& options) {
  PngReader reader(bytes, where, options.most_pixels);
  Decoded out;
  out.image = read_colours(reader, options.colours);
  out.orientation = reader.orientation();
  out.file_size = {out.image.height, out.image.width};
  return out;
}

Image decode_png_ids(std::string_view bytes, const std::string& where, std::vector<int64_t>* palette) {
  PngReader reader(bytes, where, LoadOptions().most_pixels);
  if (palette != nullptr) *palette = reader.palette();
  if (reader.depth() == 16)
    throw Error(
        {where, "a mask of 16 bits", "8 bits: class ids 0 to 255, a palette, or RGB colours", "", ""});
  const bool alpha = reader.has_alpha();
  Image stored = reader.read_stored();
  return alpha ? without_alpha(stored, where) : stored;
}

std::string encode_png(const Image& image, const std::vector<int64_t>& palette, const std::string& where) {
  constexpr size_t kMostColours = 256;
  std::vector<png_color> colours;
  colours.reserve(palette.size());
  for (const int64_t colour : palette)
    colours.push_back({static_cast<png_byte>(colour >> 16 & 255), static_cast<png_byte>(colour >> 8 & 255),
                       static_cast<png_byte>(colour & 255)});
  colours.resize(std::min(colours.size(), kMostColours));
  // Ids without a colour are black: an index beyond the palette would be a broken file.
  if (!colours.empty())
    colours.resize(std::max<size_t>(colours.size(),
                                    *std::max_element(image.pixels.begin(), image.pixels.end()) + size_t{1}));
  return PngWriter().encode(image, colours, where);
}

}  // namespace athanor
