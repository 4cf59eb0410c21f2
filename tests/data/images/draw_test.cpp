// What is drawn lies where it was asked for, and nothing outside.
#include "data/images/draw.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <set>

namespace athanor {
namespace {

int64_t count_of(const Image& image, int64_t colour) {
  int64_t count = 0;
  for (int64_t i = 0; i < image.height * image.width; ++i) {
    const uint8_t* pixel = image.pixels.data() + 3 * i;
    count += (pixel[0] << 16 | pixel[1] << 8 | pixel[2]) == colour;
  }
  return count;
}

CATCH_TEST_CASE("draw: boxes and pasted images are cut off at the edges", "[unit]") {
  Image image = make_image(10, 8, 3);
  fill_box(image, 7, -2, 100, 5, 0x123456);
  CATCH_CHECK(count_of(image, 0x123456) == 3 * 3);
  CATCH_CHECK(image.at(9, 2)[0] == 0x12);
  CATCH_CHECK(image.at(9, 3)[0] == 0);
  Image stamp = make_image(4, 4, 3);
  fill_box(stamp, 0, 0, 4, 4, 0xff0000);
  paste(image, -3, -3, stamp);
  paste(image, 8, 7, stamp);
  CATCH_CHECK(count_of(image, 0xff0000) == 1 + 2);
}

CATCH_TEST_CASE("draw: every letter differs from the others and stays in its box", "[unit]") {
  std::set<std::vector<uint8_t>> shapes;
  for (char letter = ' '; letter <= '~'; ++letter) {
    Image image = make_image(3 * kLetterHeight, 3 * kLetterWidth, 3);
    draw_text(image, kLetterHeight, kLetterWidth, std::string(1, letter), 0xffffff);
    const int64_t drawn = count_of(image, 0xffffff);
    fill_box(image, kLetterHeight, kLetterWidth, kLetterHeight, kLetterWidth - 1, 0);
    CATCH_INFO(letter);
    CATCH_CHECK(count_of(image, 0xffffff) == 0);
    CATCH_CHECK((drawn > 0) == (letter != ' '));
    Image own = make_image(kLetterHeight, kLetterWidth, 3);
    draw_text(own, 0, 0, std::string(1, letter), 0xffffff);
    shapes.insert(own.pixels);
  }
  CATCH_CHECK(shapes.size() == 95);
  CATCH_CHECK(text_width("abc", 2) == 36);
}

CATCH_TEST_CASE("draw: a mask's colours lie over the image, but for the clear class and unknown ones",
                "[unit]") {
  Image image = make_image(1, 4, 3), mask = make_image(1, 4, 1);
  fill_box(image, 0, 0, 1, 4, 0x646464);
  mask.pixels = {0, 1, 2, 200};
  const Image result = overlay(image, mask, {0xff0000, 0x00ff00, 0x0000ff}, 0.5, /*clear=*/0);
  CATCH_CHECK(count_of(result, 0x646464) == 2);
  CATCH_CHECK(result.at(0, 1)[1] == 178);
  CATCH_CHECK(result.at(0, 2)[2] == 178);
  CATCH_CHECK(overlay(image, mask, {0xff0000}, 1).at(0, 0)[0] == 255);
}

CATCH_TEST_CASE("draw: classes without colours get different ones, and letters on them can be read",
                "[unit]") {
  const std::vector<int64_t> colours = distinct_colours(40);
  CATCH_CHECK(std::set<int64_t>(colours.begin(), colours.end()).size() == 40);
  CATCH_CHECK(colours[0] == 0);
  CATCH_CHECK(readable_on(0xffff00) == 0x000000);
  CATCH_CHECK(readable_on(0x000080) == 0xffffff);
}

}  // namespace
}  // namespace athanor
