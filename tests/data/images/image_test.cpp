#include "data/images/image.h"

#include <filesystem>

#include "data/images/codec.h"
#include "src/core/error.h"
#include "src/core/files.h"
#include "tests/data/images/image_files.h"

using namespace athanor;
using Catch::Matchers::Contains;

namespace {

double mean_difference(const Image& got, const Image& expected) {
  CATCH_REQUIRE(shape_text(got) == shape_text(expected));
  double sum = 0;
  for (size_t i = 0; i < got.pixels.size(); ++i)
    sum += std::abs(int{got.pixels[i]} - int{expected.pixels[i]});
  return sum / static_cast<double>(got.pixels.size());
}

}  // namespace

CATCH_TEST_CASE("image: JPEGs of every kind are decoded as Pillow decodes them", "[unit]") {
  for (const std::string name : {"jpeg_444", "jpeg_420", "jpeg_progressive", "jpeg_grey", "jpeg_cmyk"}) {
    CATCH_CAPTURE(name);
    const Image got = load_image(golden_image(name + ".jpg"));
    CATCH_CHECK(largest_difference(got, load_expected(name + ".ppm")) <= 1);
  }
}

CATCH_TEST_CASE("image: all eight EXIF orientations, in both byte orders, come out upright", "[unit]") {
  for (int orientation = 1; orientation <= 8; ++orientation) {
    const std::string name = "exif_" + std::to_string(orientation);
    CATCH_CAPTURE(name);
    ImageSize size;
    const Image got = load_image(golden_image(name + ".jpg"));
    load_image_resized(golden_image(name + ".jpg"), 3, 3, &size);
    CATCH_CHECK(largest_difference(got, load_expected(name + ".ppm")) <= 1);
    CATCH_CHECK((size.height == got.height && size.width == got.width));
    CATCH_CHECK((got.height == (orientation >= 5 ? 14 : 9) && got.width == (orientation >= 5 ? 9 : 14)));
  }
  CATCH_CHECK(largest_difference(load_image(golden_image("exif_6_after_xmp.jpg")),
                                 load_expected("exif_6_after_xmp.ppm")) <= 1);
}

CATCH_TEST_CASE("image: an EXIF block that says nothing of use leaves the image as it is", "[unit]") {
  const std::string block("MM\0\x2A\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0", 26);
  CATCH_CHECK(exif_orientation(block) == 6);
  const auto with = [&](size_t at, char byte) {
    std::string changed = block;
    changed[at] = byte;
    return exif_orientation(changed);
  };
  CATCH_CHECK(with(19, 0) == 1);
  CATCH_CHECK(with(19, 9) == 1);
  CATCH_CHECK(with(13, 4) == 1);      // a long, where the standard has a short
  CATCH_CHECK(with(11, 0x13) == 1);   // another tag
  CATCH_CHECK(with(4, '\xFF') == 1);  // a directory beyond the end
  CATCH_CHECK(with(0, 'X') == 1);
  for (size_t bytes = 0; bytes < 18; ++bytes) CATCH_CHECK(exif_orientation(block.substr(0, bytes)) == 1);
}

CATCH_TEST_CASE("image: PNGs of every kind are decoded exactly", "[unit]") {
  for (const std::string name :
       {"rgb", "grey", "1_bit", "palette", "palette_transparent", "interlaced", "rgba", "grey_alpha",
        "rgb_16", "rgba_16", "grey_16", "exif_6", "exif_8_at_the_end"}) {
    CATCH_CAPTURE(name);
    CATCH_CHECK(largest_difference(load_image(golden_image("png_" + name + ".png")),
                                   load_expected("png_" + name + ".ppm")) == 0);
  }
}

CATCH_TEST_CASE("image: masks keep their ids, whatever colours a palette gives them", "[unit]") {
  const Image ids = load_expected("mask_ids.pgm");
  for (const std::string name : {"mask_grey", "mask_palette_4", "mask_palette_8", "mask_opaque_alpha"}) {
    CATCH_CAPTURE(name);
    CATCH_CHECK(largest_difference(load_mask(golden_image(name + ".png")), ids) == 0);
  }
  CATCH_CHECK(
      largest_difference(load_mask(golden_image("mask_1_bit.png")), load_expected("mask_1_bit.pgm")) == 0);
  CATCH_CHECK(largest_difference(load_mask(golden_image("mask_rgb.png")), load_expected("mask_rgb.ppm")) ==
              0);
}

CATCH_TEST_CASE("image: a mask that cannot hold ids is refused with the reason", "[unit]") {
  const auto load = [](const std::string& name) { return load_mask(golden_image(name)); };
  CATCH_CHECK_THROWS_WITH(load("mask_16.png"),
                          Contains("mask_16.png") && Contains("16 bits") && Contains("expected 8 bits"));
  CATCH_CHECK_THROWS_WITH(load("mask_transparent.png"), Contains("transparent pixels, the first at 5,3"));
  CATCH_CHECK_THROWS_WITH(load("mask.jpg"),
                          Contains("a JPEG, which changes the ids") && Contains("expected a PNG"));
}

CATCH_TEST_CASE("image: what is no image is named in one line", "[unit]") {
  const TemporaryFolder folder;
  const auto load = [](const std::string& path) { return load_image(path); };
  CATCH_CHECK_THROWS_WITH(load(folder.file("none.png")), Contains("none.png") && Contains("No such file"));
  CATCH_CHECK_THROWS_WITH(load(folder.file("")), Contains("directory"));
  write_bytes(folder.file("empty.jpg"), "");
  CATCH_CHECK_THROWS_WITH(load(folder.file("empty.jpg")), Contains("empty.jpg: is empty"));
  CATCH_CHECK_THROWS_WITH(load_mask(folder.file("empty.jpg")), Contains("empty.jpg: is empty"));
  write_bytes(folder.file("text.png"), "GIF89a or anything else");
  CATCH_CHECK_THROWS_WITH(load(folder.file("text.png")), Contains("expected a JPEG, PNG or WebP"));
  CATCH_CHECK_THROWS_WITH(load_mask(folder.file("text.png")), Contains("expected a PNG"));
}

CATCH_TEST_CASE("image: the kind of file is told by its bytes, not by its name", "[unit]") {
  const TemporaryFolder folder;
  std::filesystem::copy_file(golden_image("png_rgb.png"), folder.file("a.jpg"));
  CATCH_CHECK(largest_difference(load_image(folder.file("a.jpg")), load_expected("png_rgb.ppm")) == 0);
}

CATCH_TEST_CASE("image: a PNG that is saved is read back exactly, ids, palettes and colours", "[unit]") {
  const TemporaryFolder folder;
  const std::string path = folder.file("a.png");
  const Image colours = made_image(13, 29), ids = made_mask(13, 29, 5);
  save_png(path, colours);
  CATCH_CHECK(largest_difference(load_image(path), colours) == 0);
  CATCH_CHECK(largest_difference(load_mask(path), colours) == 0);
  save_png(path, ids);
  CATCH_CHECK(largest_difference(load_mask(path), ids) == 0);
  // Ids 3 and 4 lie beyond the palette: black, and still ids.
  const std::vector<int64_t> palette = {0x102030, 0xFF0000, 0x00FFEE};
  save_png(path, ids, palette);
  CATCH_CHECK(largest_difference(load_mask(path), ids) == 0);
  const Image seen = load_image(path);
  for (int64_t y = 0; y < ids.height; ++y)
    for (int64_t x = 0; x < ids.width; ++x) {
      const uint8_t* rgb = seen.at(y, x);
      const size_t id = *ids.at(y, x);
      CATCH_REQUIRE((rgb[0] << 16 | rgb[1] << 8 | rgb[2]) == (id < palette.size() ? palette[id] : 0));
    }
}

CATCH_TEST_CASE("image: a JPEG that is saved looks like its image", "[unit]") {
  const TemporaryFolder folder;
  const std::string path = folder.file("a.jpg");
  Image smooth = made_image(40, 64);
  for (size_t i = 2; i < smooth.pixels.size(); i += 3) smooth.pixels[i] = 128;
  save_jpeg(path, smooth, 95);
  CATCH_CHECK(mean_difference(load_image(path), smooth) < 2);
  Image grey = make_image(40, 64, 1);
  for (size_t i = 0; i < grey.pixels.size(); ++i) grey.pixels[i] = smooth.pixels[3 * i];
  save_jpeg(path, grey, 95);
  const Image back = load_image(path);
  CATCH_CHECK(back.channels == 3);
  for (size_t i = 0; i < grey.pixels.size(); ++i)
    CATCH_REQUIRE(std::abs(int{back.pixels[3 * i]} - int{grey.pixels[i]}) <= 4);
}

CATCH_TEST_CASE("image: what cannot be written leaves no file and says why", "[unit]") {
  const TemporaryFolder folder;
  CATCH_CHECK_THROWS_WITH(save_png(folder.file("no/such.png"), made_image(2, 2)),
                          Contains("no/such.png") && Contains("No such file"));
  CATCH_CHECK_THROWS_WITH(save_jpeg(folder.file("wide.jpg"), make_image(1, 70000, 3)),
                          Contains("wide.jpg: cannot be made a JPEG") && Contains("65500"));
  CATCH_CHECK(std::filesystem::is_empty(folder.file("")));
}

CATCH_TEST_CASE("image: a large JPEG is decoded smaller, never below what is asked for", "[unit]") {
  const std::string bytes = read_file(golden_image("jpeg_large.jpg"));  // 203 x 141
  const auto shape = [&](int64_t height, int64_t width) {
    const Decoded decoded = decode_jpeg(bytes, "large", height, width);
    CATCH_CHECK((decoded.file_size.height == 141 && decoded.file_size.width == 203));
    return shape_text(decoded.image) + " by " + std::to_string(decoded.shrunk_by);
  };
  CATCH_CHECK(shape(0, 0) == "141x203x3 by 1");
  CATCH_CHECK(shape(500, 500) == "141x203x3 by 1");
  CATCH_CHECK(shape(71, 101) == "141x203x3 by 1");
  CATCH_CHECK(shape(70, 102) == "141x203x3 by 1");
  CATCH_CHECK(shape(70, 101) == "71x102x3 by 2");
  CATCH_CHECK(shape(36, 40) == "71x102x3 by 2");
  CATCH_CHECK(shape(35, 50) == "36x51x3 by 4");
  CATCH_CHECK(shape(17, 25) == "18x26x3 by 8");
  CATCH_CHECK(shape(1, 1) == "18x26x3 by 8");
}

CATCH_TEST_CASE("image: a JPEG that is decoded smaller is the same picture in the same place", "[unit]") {
  const TemporaryFolder folder;
  const std::string path = folder.file("a.jpg");
  // Sides that no power of two divides, and a steep ramp: a shift by half a pixel of the result would show.
  Image ramp = make_image(141, 203, 3);
  for (int64_t y = 0; y < ramp.height; ++y)
    for (int64_t x = 0; x < ramp.width; ++x) {
      ramp.at(y, x)[0] = static_cast<uint8_t>(255 * x / 202);
      ramp.at(y, x)[1] = static_cast<uint8_t>(255 * y / 140);
      ramp.at(y, x)[2] = 128;
    }
  save_jpeg(path, ramp, 98);
  const Image whole = load_image(path);
  for (const auto& [height, width] :
       {std::pair<int64_t, int64_t>{70, 101}, {50, 70}, {35, 50}, {17, 25}, {9, 10}}) {
    CATCH_CAPTURE(height, width);
    ImageSize size;
    const Image got = load_image_resized(path, height, width, &size);
    CATCH_CHECK(largest_difference(got, resize_bilinear(whole, height, width)) <= 3);
    CATCH_CHECK((size.height == 141 && size.width == 203));
  }
}

CATCH_TEST_CASE("image: a turned image is resized to its upright size", "[unit]") {
  const TemporaryFolder folder;
  // The EXIF block of the golden image of each orientation, given to a larger JPEG.
  const std::string large = read_file(golden_image("jpeg_large.jpg"));
  const std::string path = folder.file("turned.jpg");
  for (int orientation = 1; orientation <= 8; ++orientation) {
    CATCH_CAPTURE(orientation);
    const std::string donor = read_file(golden_image("exif_" + std::to_string(orientation) + ".jpg"));
    const size_t marker = donor.find("Exif") - 4;
    CATCH_REQUIRE(donor.substr(marker, 2) == "\xFF\xE1");
    const auto byte = [&](size_t at) { return size_t{static_cast<unsigned char>(donor[at])}; };
    const std::string block = donor.substr(marker, 2 + (byte(marker + 2) << 8 | byte(marker + 3)));
    write_bytes(path, large.substr(0, 2) + block + large.substr(2));
    const bool turned = orientation >= 5;
    const Image whole = load_image(path);
    CATCH_CHECK(shape_text(whole) == (turned ? "203x141x3" : "141x203x3"));
    ImageSize size;
    const Image small = load_image_resized(path, 60, 33, &size);
    CATCH_CHECK((size.height == whole.height && size.width == whole.width));
    CATCH_CHECK(mean_difference(small, resize_bilinear(whole, 60, 33)) < 4);
  }
}

CATCH_TEST_CASE("image: a PNG is resized like any other", "[unit]") {
  const std::string path = golden_image("png_exif_6.png");
  const Image expected = resize_bilinear(load_image(path), 20, 30);
  CATCH_CHECK(largest_difference(load_image_resized(path, 20, 30), expected) <= 1);
}

CATCH_TEST_CASE("image: every kind is decoded as Pillow and transformers convert it", "[unit][parity]") {
  const std::string folder = std::string(ATHANOR_SOURCE_DIR) + "/tests/data/images/golden/";
  for (const std::string name : {"palette_alphas.png", "rgba.png", "grey_alpha.png", "hidden_colour.png",
                                 "deep_grey.png", "cmyk.jpg", "lossy.webp", "lossless.webp",
                                 "lossy_alpha.webp", "lossless_alpha.webp", "turned.webp", "moving.webp"}) {
    CATCH_CAPTURE(name);
    const int most =
        name.starts_with("lossy") || name.ends_with(".jpg") ? 1 : 0;  // the decoders' versions differ
    const Image pillow = load_image(folder + name, {.colours = Colours::kPillow});
    CATCH_CHECK(largest_difference(pillow, load_ppm(folder + name + ".pillow.ppm")) <= most);
    const Image white = load_image(folder + name, {.colours = Colours::kOverWhite});
    CATCH_CHECK(largest_difference(white, load_ppm(folder + name + ".white.ppm")) <= most);
  }
}
