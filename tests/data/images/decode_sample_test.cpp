#include <array>
#include <functional>
#include <tuple>

#include "data/images/face_classes.h"
#include "data/images/labelled_images.h"
#include "src/core/files.h"
#include "tests/data/images/image_files.h"

using namespace athanor;
using Catch::Matchers::Contains;

namespace {

constexpr int64_t kHeight = 24, kWidth = 36, kClasses = 3;
const std::vector<int64_t> kColours = {0x000000, 0xFF0000, 0x00FF80};

DecodeOptions options_of(int64_t height = kHeight, int64_t width = kWidth) {
  return {.height = height, .width = width, .class_colours = kColours, .ignore_index = 255};
}

// A pair of files, right until a test changes one.
struct Pair {
  TemporaryFolder folder;
  LabelledFiles files{folder.file("a.png"), folder.file("a_mask.png"), {}};
  Image image = made_image(kHeight, kWidth), mask = made_mask(kHeight, kWidth, kClasses);

  Pair() {
    write_png(files.image, image);
    write_png(files.mask, mask);
  }
};

// The pixel [y,x] of a planar image.
std::array<uint8_t, 3> pixel(const DecodedSample& sample, int64_t y, int64_t x) {
  const size_t at = static_cast<size_t>(y * kWidth + x), plane = kHeight * kWidth;
  return {sample.image[at], sample.image[plane + at], sample.image[2 * plane + at]};
}

// The fault's kind and text, or kFaults where the sample was taken.
std::pair<SampleFault, std::string> fault_of(const LabelledFiles& files,
                                             const DecodeOptions& options = options_of()) {
  try {
    decode_sample(files, options);
  } catch (const SampleError& error) {
    return {error.kind(), error.what()};
  }
  return {SampleFault::kFaults, ""};
}

}  // namespace

CATCH_TEST_CASE("decode sample: an image becomes planar, a mask stays as it is", "[unit]") {
  const Pair pair;
  const DecodedSample sample = decode_sample(pair.files, options_of());
  CATCH_REQUIRE(sample.image.size() == 3 * kHeight * kWidth);
  CATCH_CHECK(sample.mask == pair.mask.pixels);
  for (int64_t y = 0; y < kHeight; ++y)
    for (int64_t x = 0; x < kWidth; ++x)
      CATCH_REQUIRE(std::equal(pair.image.at(y, x), pair.image.at(y, x) + 3, pixel(sample, y, x).begin()));
}

CATCH_TEST_CASE("decode sample: image and mask are resized together", "[unit]") {
  const Pair pair;
  const DecodedSample sample = decode_sample(pair.files, options_of(10, 20));
  const Image image = resize_bilinear(pair.image, 10, 20);
  CATCH_REQUIRE(sample.image.size() == 600);
  for (size_t i = 0; i < 200; ++i)
    for (size_t c = 0; c < 3; ++c) CATCH_REQUIRE(sample.image[200 * c + i] == image.pixels[3 * i + c]);
  CATCH_CHECK(sample.mask == resize_nearest(pair.mask, 10, 20).pixels);
}

CATCH_TEST_CASE("decode sample: masks of ids, palettes and colours say the same", "[unit]") {
  Pair pair;
  const std::vector<uint8_t> expected = pair.mask.pixels;
  save_png(pair.files.mask, pair.mask, {0x123456, 0x654321, 0xABCDEF});
  CATCH_CHECK(decode_sample(pair.files, options_of()).mask == expected);
  Image colours = make_image(kHeight, kWidth, 3);
  for (size_t i = 0; i < expected.size(); ++i)
    for (size_t c = 0; c < 3; ++c)
      colours.pixels[3 * i + c] = static_cast<uint8_t>(kColours[expected[i]] >> (16 - 8 * c) & 255);
  write_png(pair.files.mask, colours);
  CATCH_CHECK(decode_sample(pair.files, options_of()).mask == expected);
}

CATCH_TEST_CASE("decode sample: a palette of the classes' colours says the classes, in any order", "[unit]") {
  const Pair pair;
  const std::vector<uint8_t> expected = pair.mask.pixels;
  const auto mask_with = [&](const std::vector<uint8_t>& index_of, const std::vector<int64_t>& palette) {
    Image indexes = pair.mask;
    for (uint8_t& pixel : indexes.pixels) pixel = index_of[pixel];
    save_png(pair.files.mask, indexes, palette);
    return decode_sample(pair.files, options_of()).mask;
  };
  const auto [black, red, green] = std::array{kColours[0], kColours[1], kColours[2]};
  CATCH_CHECK(mask_with({0, 1, 2}, {black, red, green}) == expected);
  CATCH_CHECK(mask_with({1, 2, 0}, {green, black, red}) == expected);
  CATCH_CHECK(mask_with({9, 4, 6}, {0, 0, 0, 0, red, 0, green, 1, 1, black}) == expected);
  // Not the classes' colours, or one colour for several ids: the indexes are the ids.
  CATCH_CHECK(mask_with({0, 1, 2}, {green, black, 0x123456}) == expected);
  CATCH_CHECK(mask_with({0, 1, 2}, {black, black, black}) == expected);
  CATCH_CHECK(mask_with({0, 1, 2}, {red, green, green}) == expected);
  // One class alone: red is red; black is what a short palette shows.
  const std::vector<uint8_t> ones(expected.size(), 1);
  CATCH_CHECK(mask_with({0, 0, 0}, {red}) == ones);
  CATCH_CHECK(mask_with({1, 1, 1}, {green}) == ones);
}

CATCH_TEST_CASE("decode sample: the ignore index is an id too", "[unit]") {
  Pair pair;
  pair.mask.pixels[7] = 255;
  write_png(pair.files.mask, pair.mask);
  CATCH_CHECK(decode_sample(pair.files, options_of()).mask[7] == 255);
}

CATCH_TEST_CASE("decode sample: grey, 16-bit, RGBA and turned images are taken", "[unit]") {
  const Pair pair;
  for (const std::string name : {"png_grey.png", "png_grey_16.png", "png_rgb_16.png", "png_rgba.png",
                                 "png_rgba_16.png", "jpeg_grey.jpg", "jpeg_cmyk.jpg"}) {
    CATCH_CAPTURE(name);
    const LabelledFiles files{golden_image(name), golden_image("mask_grey.png"), {}};
    DecodeOptions options = options_of(31, 45);
    options.class_colours.resize(7);
    const DecodedSample sample = decode_sample(files, options);
    CATCH_CHECK(sample.mask == load_expected("mask_ids.pgm").pixels);
    const Image expected = load_expected(name.substr(0, name.find('.')) + ".ppm");
    for (size_t i = 0; i < expected.pixels.size(); ++i)
      CATCH_REQUIRE(std::abs(int{sample.image[i % 3 * 31 * 45 + i / 3]} - int{expected.pixels[i]}) <= 1);
  }
  // A photo that lies on its side, with the mask of what is seen.
  write_png(pair.files.mask, made_mask(14, 9, kClasses));
  const LabelledFiles turned{golden_image("exif_6.jpg"), pair.files.mask, {}};
  CATCH_CHECK(decode_sample(turned, options_of(14, 9)).mask == made_mask(14, 9, kClasses).pixels);
  CATCH_CHECK(fault_of({golden_image("exif_1.jpg"), pair.files.mask, {}}).first == SampleFault::kSizesDiffer);
}

CATCH_TEST_CASE("decode sample: every fault has its kind, its file and its reason", "[unit]") {
  struct Case {
    const char* name;
    SampleFault kind;
    std::function<void(Pair&)> spoil;
    std::vector<std::string> says;
  };
  const auto cut = [](const std::string& path) {
    const std::string bytes = read_file(path);
    write_bytes(path, bytes.substr(0, bytes.size() / 2));
  };
  const std::vector<Case> cases = {
      {"a missing image",
       SampleFault::kBadImage,
       [](Pair& p) { std::filesystem::remove(p.files.image); },
       {"a.png", "No such file"}},
      {"an empty image",
       SampleFault::kBadImage,
       [](Pair& p) { write_bytes(p.files.image, ""); },
       {"a.png: is empty"}},
      {"a broken JPEG",
       SampleFault::kBadImage,
       [&](Pair& p) { write_jpeg(p.files.image, p.image), cut(p.files.image); },
       {"a.png: is a broken JPEG"}},
      {"a broken PNG",
       SampleFault::kBadImage,
       [&](Pair& p) { cut(p.files.image); },
       {"a.png: is a broken PNG"}},
      {"an image that is none",
       SampleFault::kBadImage,
       [](Pair& p) { write_bytes(p.files.image, "<html>"); },
       {"a.png: is no image that is known"}},
      {"a missing mask",
       SampleFault::kBadMask,
       [](Pair& p) { std::filesystem::remove(p.files.mask); },
       {"a_mask.png", "No such file"}},
      {"a broken mask",
       SampleFault::kBadMask,
       [&](Pair& p) { cut(p.files.mask); },
       {"a_mask.png: is a broken PNG"}},
      {"a mask of 16 bits",
       SampleFault::kBadMask,
       [](Pair& p) { p.files.mask = golden_image("mask_16.png"); },
       {"mask_16.png: a mask of 16 bits"}},
      {"a mask with transparency",
       SampleFault::kBadMask,
       [](Pair& p) { p.files.mask = golden_image("mask_transparent.png"); },
       {"transparent pixels"}},
      {"a mask that is a JPEG",
       SampleFault::kBadMask,
       [](Pair& p) { p.files.mask = golden_image("mask.jpg"); },
       {"a JPEG, which changes the ids"}},
      {"a mask of another size",
       SampleFault::kSizesDiffer,
       [](Pair& p) { write_png(p.files.mask, made_mask(kWidth, kHeight, kClasses)); },
       {"a_mask.png: mask and image differ in size", "36 x 24 pixels as ", "a.png, got 24 x 36 pixels"}},
      {"a mask of half the size",
       SampleFault::kSizesDiffer,
       [](Pair& p) { write_png(p.files.mask, made_mask(kHeight / 2, kWidth / 2, kClasses)); },
       {"got 18 x 12 pixels"}},
      {"an id of no class",
       SampleFault::kUnknownClass,
       [](Pair& p) { *p.mask.at(5, 7) = 3, write_png(p.files.mask, p.mask); },
       {"a_mask.png: class id 3 of no class at pixel 7,5; expected 0 to 2, or 255"}},
      {"a colour of no class",
       SampleFault::kUnknownClass,
       [](Pair& p) {
         Image colours = make_image(kHeight, kWidth, 3);
         colours.at(23, 1)[2] = 9;
         write_png(p.files.mask, colours);
       },
       {"colour #000009 of no class at pixel 1,23; expected the colours of data.class_colours"}},
  };
  CATCH_CHECK(fault_of(Pair().files).first == SampleFault::kFaults);
  for (const Case& one : cases) {
    CATCH_CAPTURE(one.name);
    Pair pair;
    one.spoil(pair);
    const auto [kind, what] = fault_of(pair.files);
    CATCH_CHECK(kind == one.kind);
    for (const std::string& part : one.says) CATCH_CHECK_THAT(what, Contains(part));
    CATCH_CHECK(what.find('\n') == std::string::npos);
  }
}

CATCH_TEST_CASE("decode sample: an id hidden by the resizing is still found", "[unit]") {
  Pair pair;
  *pair.mask.at(0, 0) = 200;
  write_png(pair.files.mask, pair.mask);
  CATCH_REQUIRE(*resize_nearest(pair.mask, 2, 2).at(0, 0) != 200);
  CATCH_CHECK(fault_of(pair.files, options_of(2, 2)).first == SampleFault::kUnknownClass);
}

CATCH_TEST_CASE("decode sample: parts lie one over the other, later classes on top", "[unit]") {
  Pair pair;
  // As CelebAMask-HQ's: half the image's size, white where the class is.
  const auto part = [&](const std::string& name, int64_t left, int64_t right) {
    Image white = make_image(kHeight / 2, kWidth / 2, 1);
    for (int64_t y = 0; y < white.height; ++y)
      for (int64_t x = left; x < right; ++x) *white.at(y, x) = 255;
    write_png(pair.folder.file(name), white);
    return pair.folder.file(name);
  };
  pair.files = {pair.files.image, "", {"", part("skin.png", 2, 12), part("nose.png", 5, 8)}};
  const std::vector<uint8_t> mask = decode_sample(pair.files, options_of()).mask;
  for (int64_t x = 0; x < kWidth; ++x)
    CATCH_CHECK(int{mask[static_cast<size_t>(x)]} ==
                (x / 2 >= 5 && x / 2 < 8 ? 2 : x / 2 >= 2 && x / 2 < 12));

  write_png(pair.files.parts[2], make_image(kHeight, kWidth, 1));
  auto [kind, what] = fault_of(pair.files);
  CATCH_CHECK(kind == SampleFault::kSizesDiffer);
  CATCH_CHECK_THAT(what, Contains("nose.png: a part of another size than the others"));
  pair.files.parts[2] = "";
  write_png(pair.files.image, made_image(kHeight, kHeight));
  std::tie(kind, what) = fault_of(pair.files);
  CATCH_CHECK(kind == SampleFault::kSizesDiffer);
  CATCH_CHECK_THAT(what, Contains("a.png: mask and image differ in size"));
  pair.files.parts[1] = pair.folder.file("none.png");
  CATCH_CHECK(fault_of(pair.files).first == SampleFault::kBadMask);
  pair.files.parts[1] = "";
  CATCH_CHECK(fault_of(pair.files).first == SampleFault::kNoMask);
}

CATCH_TEST_CASE("decode sample: a class that the job does not have is found among parts, too", "[unit]") {
  Pair pair;
  pair.files.mask = "";
  pair.files.parts.assign(kFaceClasses, "");
  Image white = make_image(kHeight, kWidth, 1);
  *white.at(4, 2) = 255;
  pair.files.parts[kHair] = pair.folder.file("hair.png");
  write_png(pair.files.parts[kHair], white);
  const auto [kind, what] = fault_of(pair.files);
  CATCH_CHECK(kind == SampleFault::kUnknownClass);
  CATCH_CHECK_THAT(what, Contains("class id 13 of no class at pixel 2,4"));
}

CATCH_TEST_CASE("decode sample: each kind of fault has a text of its own", "[unit]") {
  std::vector<std::string> texts;
  for (int kind = 0; kind < static_cast<int>(SampleFault::kFaults); ++kind)
    texts.emplace_back(fault_text(static_cast<SampleFault>(kind)));
  std::sort(texts.begin(), texts.end());
  CATCH_CHECK(std::unique(texts.begin(), texts.end()) == texts.end());
}
