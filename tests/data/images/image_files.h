// Images that the tests compare: the golden ones as Pillow decoded them (PPM, PGM), differences, made
// patterns.
#pragma once

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <string>

#include "data/images/codec.h"
#include "data/images/image.h"
#include "tests/data/test_files.h"

namespace athanor {

inline std::string golden_image(const std::string& name) { return golden("images/" + name); }

// A binary PPM or PGM, read without the code under test.
inline Image load_ppm(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string kind;
  int64_t width = 0, height = 0, most = 0;
  file >> kind >> width >> height >> most;
  file.get();
  CATCH_REQUIRE((kind == "P5" || kind == "P6"));
  Image out = make_image(height, width, kind == "P6" ? 3 : 1);
  file.read(reinterpret_cast<char*>(out.pixels.data()), static_cast<std::streamsize>(out.pixels.size()));
  CATCH_REQUIRE(file.gcount() == static_cast<std::streamsize>(out.pixels.size()));
  return out;
}

inline Image load_expected(const std::string& name) { return load_ppm(golden_image(name)); }

inline std::string shape_text(const Image& image) {
  return std::to_string(image.height) + "x" + std::to_string(image.width) + "x" +
         std::to_string(image.channels);
}

// The largest difference of two pixels' values; fails where the shapes differ.
inline int largest_difference(const Image& got, const Image& expected) {
  CATCH_REQUIRE(shape_text(got) == shape_text(expected));
  CATCH_REQUIRE(got.pixels.size() == expected.pixels.size());
  int largest = 0;
  for (size_t i = 0; i < got.pixels.size(); ++i)
    largest = std::max(largest, std::abs(int{got.pixels[i]} - int{expected.pixels[i]}));
  return largest;
}

// Every pixel differs from its neighbours, smoothly enough for a JPEG.
inline Image made_image(int64_t height, int64_t width) {
  Image out = make_image(height, width, 3);
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x) {
      out.at(y, x)[0] = static_cast<uint8_t>(255 * x / width);
      out.at(y, x)[1] = static_cast<uint8_t>(255 * y / height);
      out.at(y, x)[2] = static_cast<uint8_t>((3 * x + 5 * y) % 256);
    }
  return out;
}

// Ids 0 to classes - 1 in squares of 3 pixels.
inline Image made_mask(int64_t height, int64_t width, int64_t classes) {
  Image out = make_image(height, width, 1);
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x) *out.at(y, x) = static_cast<uint8_t>((x / 3 + y / 3) % classes);
  return out;
}

inline void write_bytes(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

// Without waiting for the disk, as save_png() and save_jpeg() do.
inline void write_png(const std::string& path, const Image& image) {
  write_bytes(path, encode_png(image, {}, path));
}
inline void write_jpeg(const std::string& path, const Image& image) {
  write_bytes(path, encode_jpeg(image, 92, path));
}

}  // namespace athanor
