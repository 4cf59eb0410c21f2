// JPEG through libjpeg-turbo. libjpeg reports errors by a callback that must not return: it jumps (setjmp) to
// the end of a function that holds nothing with a destructor, and the Error is thrown from there. Damage that
// libjpeg merely warns of and paints grey is an Error too. Left out: 12 bits, lossless, colour profiles.
#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <jerror.h>
#include <jpeglib.h>

#include "data/images/codec.h"
#include "src/core/error.h"
#include "src/core/text.h"

namespace athanor {
namespace {

constexpr int kMostScans = 500;  // a few kilobytes can ask for thousands of passes over a large image

struct JpegErrors {
  jpeg_error_mgr manager;  // first: libjpeg knows no other pointer
  std::jmp_buf jump;
  char message[JMSG_LENGTH_MAX];
};

[[noreturn]] void leave(j_common_ptr info) {
  auto* errors = reinterpret_cast<JpegErrors*>(info->err);
  info->err->format_message(info, errors->message);
  std::longjmp(errors->jump, 1);
}

// Warnings that say nothing of the pixels are passed over.
void on_message(j_common_ptr info, int level) {
  const int code = info->err->msg_code;
  const bool harmless = code == JWRN_EXTRANEOUS_DATA || code == JWRN_ADOBE_XFORM || code == JWRN_JFIF_MAJOR;
  if (level < 0 && !harmless) leave(info);
}

void no_output(j_common_ptr /*info*/) {}

void use_errors(JpegErrors& errors, j_common_ptr info) {
  info->err = jpeg_std_error(&errors.manager);
  errors.manager.error_exit = leave;
  errors.manager.emit_message = on_message;
  errors.manager.output_message = no_output;
  errors.message[0] = 0;
}

void limit_scans(j_common_ptr info) {
  const auto* reading = reinterpret_cast<j_decompress_ptr>(info);
  if (reading->input_scan_number <= kMostScans) return;
  auto* errors = reinterpret_cast<JpegErrors*>(info->err);
  std::snprintf(errors->message, sizeof errors->message, "it asks for more than %d passes", kMostScans);
  std::longjmp(errors->jump, 1);
}

class JpegReader {
 public:
  JpegReader(std::string_view bytes, const std::string& where) : where_(where), bytes_(bytes) {
    use_errors(errors_, reinterpret_cast<j_common_ptr>(&info_));
    if (!create()) fail();
    progress_.progress_monitor = limit_scans;
    info_.progress = &progress_;
  }
  ~JpegReader() { jpeg_destroy_decompress(&info_); }
  JpegReader(const JpegReader&) = delete;
  JpegReader& operator=(const JpegReader&) = delete;

  Decoded decode(int64_t height, int64_t width, int64_t most_pixels) {
    if (!read_header()) fail();
    check_pixels(where_, info_.image_height, info_.image_width, most_pixels);
    Decoded out;
    out.orientation = orientation();
    out.file_size = {info_.image_height, info_.image_width};
    if (out.orientation >= 5) std::swap(height, width);
    info_.scale_denom = shrink(height, width);
    out.shrunk_by = static_cast<int>(info_.scale_denom);
    const bool four = info_.jpeg_color_space == JCS_CMYK || info_.jpeg_color_space == JCS_YCCK;
    info_.out_color_space = four ? JCS_CMYK : JCS_RGB;
    if (!start()) fail();
    Image pixels = make_image(info_.output_height, info_.output_width, info_.output_components);
    if (!read_rows(pixels.pixels.data())) fail();
    out.image = four ? from_cmyk(pixels) : std::move(pixels);
    return out;
  }

 private:
  [[noreturn]] void fail() const { throw Error({where_, text("is a broken JPEG: ", errors_.message)}); }

  bool create() {
    if (setjmp(errors_.jump) != 0) return false;
    jpeg_create_decompress(&info_);
    return true;
  }

  bool read_header() {
    if (setjmp(errors_.jump) != 0) return false;
    constexpr unsigned kWholeMarker = 0xFFFF;
    jpeg_mem_src(&info_, reinterpret_cast<const unsigned char*>(bytes_.data()), bytes_.size());
    jpeg_save_markers(&info_, JPEG_APP0 + 1, kWholeMarker);
    jpeg_read_header(&info_, TRUE);
    return true;
  }

  bool start() {
    if (setjmp(errors_.jump) != 0) return false;
    jpeg_start_decompress(&info_);
    return true;
  }

  bool read_rows(unsigned char* rows) {
    if (setjmp(errors_.jump) != 0) return false;
    const size_t row_bytes = size_t{info_.output_width} * static_cast<size_t>(info_.output_components);
    while (info_.output_scanline < info_.output_height) {
      JSAMPROW row = rows + info_.output_scanline * row_bytes;
      jpeg_read_scanlines(&info_, &row, 1);
    }
    jpeg_finish_decompress(&info_);
    return true;
  }

  int orientation() const {
    constexpr std::string_view kExif("Exif\0\0", 6);
    for (const jpeg_marker_struct* marker = info_.marker_list; marker != nullptr; marker = marker->next) {
      const std::string_view data(reinterpret_cast<const char*>(marker->data), marker->data_length);
      if (data.substr(0, kExif.size()) == kExif) return exif_orientation(data.substr(kExif.size()));
    }
    return 1;
  }

  unsigned shrink(int64_t height, int64_t width) const {
    if (height <= 0 || width <= 0) return 1;
    unsigned by = 1;
    while (by < 8 && info_.image_height / (2 * by) >= height && info_.image_width / (2 * by) >= width)
      by *= 2;
    return by;
  }

  // Ink to light as Pillow has it; Adobe's files store ink inverted.
  Image from_cmyk(const Image& ink) const {
    Image out = make_image(ink.height, ink.width, 3);
    const int flip = info_.saw_Adobe_marker ? 0 : 255;
    for (int64_t i = 0; i < ink.height * ink.width; ++i) {
      const uint8_t* from = ink.pixels.data() + 4 * i;
      const int light = from[3] ^ flip;
      for (int64_t c = 0; c < 3; ++c) {
        const int product = (255 - (from[c] ^ flip)) * light + 128;
        out.pixels[static_cast<size_t>(3 * i + c)] =
            static_cast<uint8_t>(light - (((product >> 8) + product) >> 8));
      }
    }
    return out;
  }

  std::string where_;
  std::string_view bytes_;
  jpeg_decompress_struct info_{};
  jpeg_progress_mgr progress_{};
  JpegErrors errors_{};
};

class JpegWriter {
 public:
  JpegWriter() { use_errors(errors_, reinterpret_cast<j_common_ptr>(&info_)); }
  ~JpegWriter() {
    jpeg_destroy_compress(&info_);
    std::free(bytes_);
  }
  JpegWriter(const JpegWriter&) = delete;
  JpegWriter& operator=(const JpegWriter&) = delete;

  std::string encode(const Image& image, int quality, const std::string& where) {
    if (!write(image, quality)) throw Error({where, text("cannot be made a JPEG: ", errors_.message)});
    return {reinterpret_cast<const char*>(bytes_), size_};
  }

 private:
  bool write(const Image& image, int quality) {
    if (setjmp(errors_.jump) != 0) return false;
    jpeg_create_compress(&info_);
    jpeg_mem_dest(&info_, &bytes_, &size_);
    info_.image_width = static_cast<JDIMENSION>(image.width);
    info_.image_height = static_cast<JDIMENSION>(image.height);
    info_.input_components = static_cast<int>(image.channels);
    info_.in_color_space = image.channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(&info_);
    jpeg_set_quality(&info_, quality, TRUE);
    jpeg_start_compress(&info_, TRUE);
    while (info_.next_scanline < info_.image_height) {
      JSAMPROW row = const_cast<JSAMPROW>(image.at(info_.next_scanline, 0));
      jpeg_write_scanlines(&info_, &row, 1);
    }
    jpeg_finish_compress(&info_);
    return true;
  }

  jpeg_compress_struct info_{};
  JpegErrors errors_{};
  unsigned char* bytes_ = nullptr;
  unsigned long size_ = 0;
};

}  // namespace

bool is_jpeg(std::string_view bytes) { return bytes.substr(0, 3) == "\xFF\xD8\xFF"; }

Decoded decode_jpeg(std::string_view bytes, const std::string& where, int64_t height, int64_t width,
                    const LoadOptions& options) {
  return JpegReader(bytes, where).decode(height, width, options.most_pixels);
}

std::string encode_jpeg(const Image& image, int quality, const std::string& where) {
  return JpegWriter().encode(image, quality, where);
}

}  // namespace athanor
