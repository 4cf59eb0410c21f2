#include <cstdio>
#include <cstdlib>
#include <functional>

#include <jpeglib.h>

#include "data/images/codec.h"
#include "src/core/error.h"
#include "src/core/files.h"
#include "src/core/random.h"
#include "tests/data/images/image_files.h"

using namespace athanor;
using Catch::Matchers::Contains;

namespace {

const std::vector<std::string> kJpegs = {"jpeg_444",  "jpeg_420",  "jpeg_progressive",
                                         "jpeg_grey", "jpeg_cmyk", "exif_6_after_xmp"};
const std::vector<std::string> kPngs = {"png_rgb",        "png_1_bit",      "png_palette_transparent",
                                        "png_interlaced", "png_grey_alpha", "png_rgba_16",
                                        "png_exif_6",     "mask_palette_4"};

const std::vector<std::string> kWebps = {"lossy.webp",          "lossless.webp", "lossy_alpha.webp",
                                         "lossless_alpha.webp", "turned.webp",   "moving.webp"};

std::string webp_bytes(const std::string& name) {
  return read_file(std::string(ATHANOR_SOURCE_DIR) + "/tests/data/images/golden/" + name);
}

// How many of the changed files were refused, and how many still gave an image.
struct Outcomes {
  int64_t errors = 0, images = 0;

  // An Error of one line or an image whose pixels are all there; anything else fails the test.
  void add(const std::function<Image()>& decode) {
    try {
      const Image image = decode();
      ++images;
      if (image.height <= 0 || image.width <= 0 ||
          image.pixels.size() != static_cast<size_t>(image.height * image.width * image.channels))
        CATCH_FAIL("an image of " << shape_text(image) << " with " << image.pixels.size() << " bytes");
    } catch (const Error& error) {
      ++errors;
      const std::string what = error.what();
      if (what.find("changed: ") != 0 || what.find('\n') != std::string::npos)
        CATCH_FAIL("not one line with the place: " << what);
    }
  }
};

void decode_changed_jpeg(Outcomes& outcomes, const std::string& bytes) {
  outcomes.add([&] { return decode_jpeg(bytes, "changed", 0, 0).image; });
  outcomes.add([&] { return decode_jpeg(bytes, "changed", 10, 10).image; });
}

void decode_changed_png(Outcomes& outcomes, const std::string& bytes) {
  outcomes.add([&] { return decode_png(bytes, "changed").image; });
  outcomes.add([&] { return decode_png_ids(bytes, "changed"); });
}

void decode_changed_webp(Outcomes& outcomes, const std::string& bytes) {
  outcomes.add([&] { return decode_webp(bytes, "changed").image; });
}

std::string flipped(std::string bytes, Rng& rng) {
  for (uint64_t flips = 1 + rng.below(3); flips > 0; --flips) {
    const size_t at = rng.below(bytes.size());
    bytes[at] = static_cast<char>(bytes[at] ^ 1 << rng.below(8));
  }
  return bytes;
}

uint32_t crc32_of(std::string_view bytes) {
  uint32_t crc = 0xFFFFFFFF;
  for (const char byte : bytes) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xEDB88320 : 0);
  }
  return ~crc;
}

uint32_t number_at(const std::string& bytes, size_t at) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

void put_number(std::string& bytes, size_t at, uint32_t value) {
  for (size_t i = 0; i < 4; ++i) bytes[at + i] = static_cast<char>(value >> (24 - 8 * i) & 255);
}

// Each colour in a scan of its own, which a file may repeat.
std::string jpeg_of_three_scans() {
  jpeg_compress_struct info;
  jpeg_error_mgr errors;
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&info, &bytes, &size);
  info.image_width = info.image_height = 64;
  info.input_components = 3;
  info.in_color_space = JCS_RGB;
  jpeg_set_defaults(&info);
  const jpeg_scan_info scans[] = {{1, {0}, 0, 63, 0, 0}, {1, {1}, 0, 63, 0, 0}, {1, {2}, 0, 63, 0, 0}};
  info.scan_info = scans;
  info.num_scans = 3;
  jpeg_start_compress(&info, TRUE);
  std::vector<uint8_t> row(192);
  for (int y = 0; y < 64; ++y) {
    std::fill(row.begin(), row.end(), static_cast<uint8_t>(3 * y));
    JSAMPROW at = row.data();
    jpeg_write_scanlines(&info, &at, 1);
  }
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  const std::string out(reinterpret_cast<const char*>(bytes), size);
  std::free(bytes);
  return out;
}

constexpr size_t kSignatureBytes = 8, kChunkFrame = 12;

// Gives the chunks of a changed PNG their checksums again, so that the changes reach what reads them.
std::string with_checksums(std::string bytes) {
  for (size_t at = kSignatureBytes; at + kChunkFrame <= bytes.size();) {
    const size_t data = number_at(bytes, at);
    if (data > bytes.size() - at - kChunkFrame) break;
    put_number(bytes, at + 8 + data, crc32_of(std::string_view(bytes).substr(at + 4, data + 4)));
    at += data + kChunkFrame;
  }
  return bytes;
}

}  // namespace

CATCH_TEST_CASE("broken images: a JPEG cut short anywhere is an error", "[unit]") {
  for (const std::string& name : kJpegs) {
    CATCH_CAPTURE(name);
    const std::string bytes = read_file(golden_image(name + ".jpg"));
    Outcomes outcomes;
    for (size_t size = 0; size < bytes.size(); ++size) decode_changed_jpeg(outcomes, bytes.substr(0, size));
    CATCH_CHECK(outcomes.images == 0);
    CATCH_CHECK(outcomes.errors == static_cast<int64_t>(2 * bytes.size()));
    CATCH_CHECK_THROWS_WITH(decode_jpeg(bytes.substr(0, bytes.size() / 2), "photo.jpg", 0, 0),
                            Contains("photo.jpg: is a broken JPEG: Premature end"));
  }
}

CATCH_TEST_CASE("broken images: a PNG cut short anywhere is an error", "[unit]") {
  for (const std::string& name : kPngs) {
    CATCH_CAPTURE(name);
    const std::string bytes = read_file(golden_image(name + ".png"));
    Outcomes outcomes;
    const size_t step = 1 + bytes.size() / 1000;
    for (size_t size = 0; size < bytes.size(); size += step)
      decode_changed_png(outcomes, bytes.substr(0, size));
    CATCH_CHECK(outcomes.images == 0);
    CATCH_CHECK(outcomes.errors > 300);
    CATCH_CHECK_THROWS_WITH(decode_png(bytes.substr(0, bytes.size() / 2), "mask.png"),
                            Contains("mask.png: is a broken PNG: the file ends before the image does"));
  }
}

CATCH_TEST_CASE("broken images: a WebP cut short anywhere is an error", "[unit]") {
  for (const std::string& name : kWebps) {
    CATCH_CAPTURE(name);
    const std::string bytes = webp_bytes(name);
    Outcomes outcomes;
    for (size_t size = 0; size < bytes.size(); ++size) decode_changed_webp(outcomes, bytes.substr(0, size));
    CATCH_CHECK(outcomes.images == 0);
    CATCH_CHECK_THROWS_WITH(decode_webp(bytes.substr(0, bytes.size() / 2), "photo.webp"),
                            Contains("photo.webp: is a broken WebP: the file ends before the image does"));
  }
}

CATCH_TEST_CASE("broken images: flipped bits give an error or an image, never a crash", "[unit]") {
  Rng rng(7);
  Outcomes jpegs, pngs, checked_pngs, webps;
  for (int round = 0; round < 250; ++round) {
    for (const std::string& name : kJpegs)
      decode_changed_jpeg(jpegs, flipped(read_file(golden_image(name + ".jpg")), rng));
    for (const std::string& name : kWebps) decode_changed_webp(webps, flipped(webp_bytes(name), rng));
    for (const std::string& name : kPngs) {
      const std::string changed = flipped(read_file(golden_image(name + ".png")), rng);
      decode_changed_png(pngs, changed);
      decode_changed_png(checked_pngs, with_checksums(changed));
    }
  }
  // Both happen in each kind: the flips reach the pixels, and the decoders refuse.
  for (const Outcomes& outcomes : {jpegs, pngs, checked_pngs, webps}) {
    CATCH_CHECK(outcomes.errors > 100);
    CATCH_CHECK(outcomes.images > 0);
  }
}

CATCH_TEST_CASE("broken images: bytes of no sense after a right beginning are errors", "[unit]") {
  Rng rng(8);
  Outcomes outcomes;
  for (int round = 0; round < 300; ++round) {
    std::string noise(20 + rng.below(400), '\0');
    for (char& byte : noise) byte = static_cast<char>(rng.below(256));
    decode_changed_jpeg(outcomes, "\xFF\xD8\xFF" + noise);
    decode_changed_png(outcomes, "\x89PNG\r\n\x1A\n" + noise);
    decode_changed_webp(outcomes, "RIFF" + noise.substr(0, 4) + "WEBPVP8L" + noise.substr(4));
  }
  CATCH_CHECK(outcomes.images == 0);
  CATCH_CHECK(outcomes.errors == 1500);
}

CATCH_TEST_CASE("broken images: a header that asks for too many pixels is refused before any is made",
                "[unit]") {
  std::string png = read_file(golden_image("png_rgb.png"));
  put_number(png, 16, 20000);
  put_number(png, 20, 20000);
  CATCH_CHECK_THROWS_WITH(decode_png(with_checksums(png), "huge.png"),
                          Contains("huge.png: an image of unusable size; expected at most 268435456 pixels, "
                                   "got 20000 x 20000"));
  put_number(png, 16, 0x7FFFFFFF);
  CATCH_CHECK_THROWS_WITH(decode_png(with_checksums(png), "huge.png"), Contains("huge.png: is a broken PNG"));
  put_number(png, 16, 0);
  CATCH_CHECK_THROWS_WITH(decode_png(with_checksums(png), "none.png"), Contains("none.png: is a broken PNG"));

  std::string jpeg = read_file(golden_image("jpeg_444.jpg"));
  const size_t frame = jpeg.find("\xFF\xC0");
  CATCH_REQUIRE(frame != std::string::npos);
  jpeg.replace(frame + 5, 4, "\xFE\x01\xFE\x01");
  CATCH_CHECK_THROWS_WITH(decode_jpeg(jpeg, "huge.jpg", 0, 0),
                          Contains("huge.jpg: an image of unusable size") && Contains("65025 x 65025"));
}

CATCH_TEST_CASE("broken images: a JPEG that asks for thousands of passes is refused", "[unit]") {
  const std::string bytes = jpeg_of_three_scans();
  const Image expected = decode_jpeg(bytes, "three.jpg", 0, 0).image;
  const std::string end = "\xFF\xD9";
  const size_t last = bytes.rfind("\xFF\xDA");
  const std::string scan = bytes.substr(last, bytes.size() - end.size() - last);
  const auto with = [&](int more) {
    std::string many = bytes.substr(0, bytes.size() - end.size());
    for (int i = 0; i < more; ++i) many += scan;
    return many + end;
  };
  CATCH_CHECK(decode_jpeg(with(100), "slow.jpg", 0, 0).image.pixels == expected.pixels);
  CATCH_CHECK_THROWS_WITH(decode_jpeg(with(600), "bomb.jpg", 0, 0),
                          Contains("bomb.jpg: is a broken JPEG: it asks for more than 500 passes"));
}

CATCH_TEST_CASE("broken images: harmless oddities are passed over", "[unit]") {
  const std::string jpeg = read_file(golden_image("jpeg_444.jpg"));
  const Image expected = decode_jpeg(jpeg, "whole.jpg", 0, 0).image;
  const size_t scan = jpeg.find("\xFF\xDA");
  // Bytes between markers, and behind the end.
  const std::string odd = jpeg.substr(0, scan) + std::string(3, '\0') + jpeg.substr(scan) + "and more";
  CATCH_CHECK(decode_jpeg(odd, "odd.jpg", 0, 0).image.pixels == expected.pixels);
  // A PNG whose text chunk has a wrong checksum.
  const std::string png = read_file(golden_image("png_rgb.png"));
  const size_t end = png.size() - kChunkFrame;
  const std::string chunk("\0\0\0\x04tEXta\0b?wrong", 17);
  CATCH_CHECK(
      decode_png(png.substr(0, end) + chunk.substr(0, 16) + png.substr(end), "odd.png").image.pixels ==
      load_expected("png_rgb.ppm").pixels);
}
