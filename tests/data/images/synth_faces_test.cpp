#include "data/images/synth_faces.h"

#include <array>
#include <cmath>
#include <filesystem>
#include <map>

#include "data/images/face_classes.h"
#include "data/images/labelled_images.h"
#include "src/core/error.h"
#include "src/core/files.h"
#include "src/core/text.h"
#include "tests/data/images/image_files.h"

using namespace athanor;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

SynthFacesOptions options_of(const std::string& output) {
  SynthFacesOptions options;
  options.output = output;
  options.count = 20;
  options.size_px = 32;
  return options;
}

// Every file of a folder with its bytes.
std::map<std::string, std::string> contents(const std::string& folder) {
  std::map<std::string, std::string> out;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file())
      out[fs::relative(entry.path(), folder).string()] = read_file(entry.path().string());
  return out;
}

std::array<int64_t, kFaceClasses> pixels_by_class(const Image& mask) {
  std::array<int64_t, kFaceClasses> out{};
  for (const uint8_t id : mask.pixels) {
    CATCH_REQUIRE(id < kFaceClasses);
    ++out[id];
  }
  return out;
}

// The middle of a class's pixels, in parts of the picture.
std::pair<double, double> middle_of(const Image& mask, int id) {
  double x_sum = 0, y_sum = 0, count = 0;
  for (int64_t y = 0; y < mask.height; ++y)
    for (int64_t x = 0; x < mask.width; ++x)
      if (*mask.at(y, x) == id) x_sum += static_cast<double>(x), y_sum += static_cast<double>(y), ++count;
  const auto size = static_cast<double>(mask.height);
  return {x_sum / count / size, y_sum / count / size};
}

}  // namespace

CATCH_TEST_CASE("synth faces: the same seed gives the same bytes, with any number of threads", "[unit]") {
  const TemporaryFolder folder;
  SynthFacesOptions options = options_of(folder.file("one"));
  options.threads = 1;
  write_synth_faces(options);
  options.output = folder.file("three");
  options.threads = 3;
  write_synth_faces(options);
  const auto one = contents(folder.file("one")), three = contents(folder.file("three"));
  CATCH_CHECK(one.size() == 40);
  CATCH_CHECK(one == three);
  options.output = folder.file("other");
  options.seed = 2;
  write_synth_faces(options);
  for (const auto& [name, bytes] : contents(folder.file("other"))) CATCH_CHECK(one.at(name) != bytes);
}

CATCH_TEST_CASE("synth faces: a larger set begins with the faces of a smaller one", "[unit]") {
  const TemporaryFolder folder;
  SynthFacesOptions options = options_of(folder.file("a"));
  write_synth_faces(options);
  options.output = folder.file("b");
  options.count = 40;
  write_synth_faces(options);
  const auto a = contents(folder.file("a")), b = contents(folder.file("b"));
  CATCH_CHECK(a.at("train/images/00003.jpg") == b.at("train/images/00003.jpg"));
  CATCH_CHECK(a.at("train/masks/00003.png") == b.at("train/masks/00003.png"));
}

CATCH_TEST_CASE("synth faces: the folder is one that can be trained on, split by split", "[unit]") {
  const TemporaryFolder folder;
  const SynthFacesCounts counts = write_synth_faces(options_of(folder.file("faces")));
  CATCH_CHECK((counts.train == 14 && counts.val == 3 && counts.test == 3));
  LayoutOptions layout;
  layout.path = folder.file("faces");
  const LabelledSplits found = find_labelled_images(layout);
  CATCH_CHECK(found.layout == "split folders");
  CATCH_CHECK(found.faults.empty());
  CATCH_CHECK(found.splits[0].size() == 14);
  CATCH_CHECK((found.splits[1].size() == 3 && found.splits[2].size() == 3));
  for (const auto& split : found.splits)
    for (const LabelledFiles& files : split) {
      const DecodedSample sample =
          decode_sample(files, {.height = 32, .width = 32, .class_colours = face_class_colours()});
      CATCH_CHECK(sample.image.size() == 3 * 32 * 32);
      CATCH_CHECK(sample.mask == load_mask(files.mask).pixels);
    }
}

CATCH_TEST_CASE("synth faces: what is there is not overwritten, what fails leaves nothing", "[unit]") {
  const TemporaryFolder folder;
  fs::create_directory(folder.file("there"));
  CATCH_CHECK_THROWS_WITH(write_synth_faces(options_of(folder.file("there"))),
                          Contains("there: is there already"));
  CATCH_CHECK(fs::is_empty(folder.file("there")));
  write_bytes(folder.file("file"), "");
  CATCH_CHECK_THROWS_AS(write_synth_faces(options_of(folder.file("file/faces"))), Error);
  CATCH_CHECK(contents(folder.file("")).size() == 1);
}

CATCH_TEST_CASE("synth faces: each class is there, as often and as large as in a dress rehearsal", "[unit]") {
  constexpr int kFaces = 120;
  constexpr int64_t kSize = 64;
  std::array<int64_t, kFaceClasses> faces_with{}, pixels{};
  for (uint64_t seed = 0; seed < kFaces; ++seed) {
    const auto counts = pixels_by_class(make_face(kSize, seed).mask);
    for (size_t id = 0; id < counts.size(); ++id) {
      faces_with[id] += counts[id] > 0;
      pixels[id] += counts[id];
    }
  }
  for (size_t id = 0; id < faces_with.size(); ++id) {
    CATCH_CAPTURE(face_class_names()[id], faces_with[id], pixels[id]);
    CATCH_CHECK(faces_with[id] >= kFaces / 10);
    CATCH_CHECK(pixels[id] >= 4 * faces_with[id]);
  }
  for (const FaceClass always :
       {kBackground, kSkin, kNose, kLeftBrow, kRightBrow, kUpperLip, kLowerLip, kNeck})
    CATCH_CHECK(faces_with[always] == kFaces);
  // What a face need not have, some have not.
  for (const FaceClass sometimes : {kEyeGlasses, kHat, kEarring, kNecklace, kMouth, kHair})
    CATCH_CHECK(faces_with[sometimes] < kFaces);
}

CATCH_TEST_CASE("synth faces: parts lie where a face has them", "[unit]") {
  for (uint64_t seed = 0; seed < 40; ++seed) {
    CATCH_CAPTURE(seed);
    const Image mask = make_face(96, seed).mask;
    const auto counts = pixels_by_class(mask);
    const auto [brow_x, brow_y] = middle_of(mask, kLeftBrow);
    const auto [other_brow_x, other_brow_y] = middle_of(mask, kRightBrow);
    const auto [nose_x, nose_y] = middle_of(mask, kNose);
    const auto [lip_x, lip_y] = middle_of(mask, kUpperLip);
    const auto [lower_x, lower_y] = middle_of(mask, kLowerLip);
    const auto [neck_x, neck_y] = middle_of(mask, kNeck);
    CATCH_CHECK(brow_x < other_brow_x);  // "left" is the picture's left
    CATCH_CHECK((brow_y < nose_y && nose_y < lip_y && lip_y < lower_y && lower_y < neck_y));
    if (counts[kLeftEar] > 0 && counts[kRightEar] > 0)
      CATCH_CHECK(middle_of(mask, kLeftEar).first < middle_of(mask, kRightEar).first);
    if (counts[kHat] > 0) CATCH_CHECK(middle_of(mask, kHat).second < brow_y);
  }
}

CATCH_TEST_CASE("synth faces: no hair shows above a hat", "[unit]") {
  const auto top_of = [](const Image& mask, int id) {
    return std::find(mask.pixels.begin(), mask.pixels.end(), id) - mask.pixels.begin();
  };
  int hats_over_hair = 0;
  for (uint64_t seed = 0; seed < 60; ++seed) {
    CATCH_CAPTURE(seed);
    const Image mask = make_face(64, seed).mask;
    const auto counts = pixels_by_class(mask);
    if (counts[kHat] == 0 || counts[kHair] == 0) continue;
    ++hats_over_hair;
    CATCH_CHECK(top_of(mask, kHat) < top_of(mask, kHair));
  }
  CATCH_CHECK(hats_over_hair >= 6);
}

CATCH_TEST_CASE("synth faces: one seed is one face at any size", "[unit]") {
  for (const uint64_t seed : {3, 11, 29}) {
    const FaceSample large = make_face(128, seed), small = make_face(64, seed);
    const Image shrunk = resize_nearest(large.mask, 64, 64);
    int64_t same = 0;
    for (size_t i = 0; i < shrunk.pixels.size(); ++i) same += shrunk.pixels[i] == small.mask.pixels[i];
    CATCH_CHECK(same > 64 * 64 * 95 / 100);
  }
  for (const int64_t size : {1, 2, 7, 16, 33}) {
    const FaceSample tiny = make_face(size, 5);
    CATCH_CHECK(shape_text(tiny.image) == text(size, "x", size, "x3"));
    CATCH_CHECK(shape_text(tiny.mask) == text(size, "x", size, "x1"));
  }
}

CATCH_TEST_CASE("synth faces: images differ, and are neither black nor burnt out", "[unit]") {
  for (uint64_t seed = 0; seed < 30; ++seed) {
    CATCH_CAPTURE(seed);
    const FaceSample face = make_face(48, seed);
    double sum = 0, squares = 0;
    for (const uint8_t value : face.image.pixels) sum += value, squares += double{1} * value * value;
    const auto count = static_cast<double>(face.image.pixels.size());
    const double mean = sum / count, deviation = std::sqrt(squares / count - mean * mean);
    CATCH_CHECK((mean > 25 && mean < 230));
    CATCH_CHECK(deviation > 15);
    CATCH_CHECK(make_face(48, seed + 1).mask.pixels != face.mask.pixels);
  }
}

CATCH_TEST_CASE("face classes: every class has a name, a colour and a part of its own", "[unit]") {
  const auto distinct = [](auto values) {
    std::sort(values.begin(), values.end());
    return std::unique(values.begin(), values.end()) == values.end();
  };
  CATCH_CHECK((face_class_names().size() == kFaceClasses && distinct(face_class_names())));
  CATCH_CHECK((face_class_colours().size() == kFaceClasses && distinct(face_class_colours())));
  CATCH_CHECK((face_part_names().size() == kFaceClasses - 1 && distinct(face_part_names())));
}
