#include "data/images/labelled_images.h"

#include <filesystem>
#include <functional>
#include <set>

#include "data/images/face_classes.h"
#include "tests/data/images/image_files.h"

using namespace athanor;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

// Empty files: finding reads none of them.
class ImageFolder {
 public:
  void add(const std::string& path) const {
    fs::create_directories(fs::path(root_.file(path)).parent_path());
    write_bytes(root_.file(path), "");
  }
  // `count` pairs 000.jpg, 001.jpg … with their masks.
  void add_pairs(const std::string& folder, int count) const {
    for (int i = 0; i < count; ++i) {
      const std::string name = std::string(i < 10 ? "00" : "0") + std::to_string(i);
      add(folder + "images/" + name + ".jpg");
      add(folder + "masks/" + name + ".png");
    }
  }
  LabelledSplits find(const std::function<void(LayoutOptions&)>& change = [](LayoutOptions&) {}) const {
    LayoutOptions options;
    options.path = root_.file("");
    change(options);
    return find_labelled_images(options);
  }
  std::string file(const std::string& name) const { return root_.file(name); }

 private:
  TemporaryFolder root_;
};

std::vector<int64_t> counts(const LabelledSplits& found) {
  std::vector<int64_t> out;
  for (const auto& split : found.splits) out.push_back(static_cast<int64_t>(split.size()));
  return out;
}

std::vector<std::string> stems(const std::vector<LabelledFiles>& files) {
  std::vector<std::string> out;
  for (const LabelledFiles& one : files) out.push_back(fs::path(one.image).stem().string());
  return out;
}

using Counts = std::vector<int64_t>;

}  // namespace

CATCH_TEST_CASE("labelled images: folders of splits are taken as they are, files paired by name", "[unit]") {
  const ImageFolder folder;
  folder.add_pairs("train/", 5);
  folder.add_pairs("val/", 2);
  folder.add_pairs("test/", 3);
  const LabelledSplits found = folder.find();
  CATCH_CHECK(counts(found) == Counts{5, 2, 3});
  CATCH_CHECK(found.faults.empty());
  CATCH_CHECK(stems(found.splits[0]) == std::vector<std::string>{"000", "001", "002", "003", "004"});
  for (const auto& split : found.splits)
    for (const LabelledFiles& pair : split) {
      CATCH_CHECK(pair.parts.empty());
      CATCH_CHECK(fs::path(pair.image).stem() == fs::path(pair.mask).stem());
      CATCH_CHECK(fs::path(pair.image).parent_path().parent_path() ==
                  fs::path(pair.mask).parent_path().parent_path());
    }
}

CATCH_TEST_CASE("labelled images: splits without a folder are drawn from train", "[unit]") {
  const ImageFolder train_alone, with_test, with_val;
  train_alone.add_pairs("train/", 20);
  CATCH_CHECK(counts(train_alone.find()) == Counts{16, 2, 2});
  with_test.add_pairs("train/", 18);
  with_test.add_pairs("test/", 4);
  CATCH_CHECK(counts(with_test.find()) == Counts{16, 2, 4});
  with_val.add_pairs("train/", 18);
  with_val.add_pairs("val/", 4);
  CATCH_CHECK(counts(with_val.find()) == Counts{18, 4, 0});
}

CATCH_TEST_CASE("labelled images: one folder is drawn into splits by the seed, each sample once", "[unit]") {
  const ImageFolder folder;
  folder.add_pairs("", 50);
  const LabelledSplits found = folder.find();
  CATCH_CHECK(found.layout == "one folder");
  CATCH_CHECK(counts(found) == Counts{40, 5, 5});
  std::set<std::string> seen;
  for (const auto& split : found.splits) {
    const std::vector<std::string> names = stems(split);
    CATCH_CHECK(std::is_sorted(names.begin(), names.end()));
    seen.insert(names.begin(), names.end());
  }
  CATCH_CHECK(seen.size() == 50);
  CATCH_CHECK(stems(folder.find().splits[1]) == stems(found.splits[1]));
  const LabelledSplits other = folder.find([](LayoutOptions& options) { options.split_seed = 2; });
  CATCH_CHECK(counts(other) == Counts{40, 5, 5});
  CATCH_CHECK(stems(other.splits[1]) != stems(found.splits[1]));
}

CATCH_TEST_CASE("labelled images: fractions split what there is, down to one sample", "[unit]") {
  struct Case {
    int samples;
    double train, val;
    Counts expected;
  };
  for (const Case& one :
       {Case{10, 1, 0, {10, 0, 0}}, Case{10, 0.5, 0.5, {5, 5, 0}}, Case{10, 0, 0, {0, 0, 10}},
        Case{10, 0, 1, {0, 10, 0}}, Case{1, 0.8, 0.1, {1, 0, 0}}, Case{3, 0.5, 0.5, {1, 2, 0}},
        Case{7, 0.33, 0.33, {3, 2, 2}}}) {
    CATCH_CAPTURE(one.samples, one.train, one.val);
    const ImageFolder folder;
    folder.add_pairs("", one.samples);
    const LabelledSplits found = folder.find([&](LayoutOptions& options) {
      options.train_fraction = one.train;
      options.val_fraction = one.val;
    });
    CATCH_CHECK(counts(found) == one.expected);
  }
  const ImageFolder folder;
  folder.add_pairs("train/", 4);
  folder.add_pairs("test/", 1);
  const LabelledSplits found = folder.find([](LayoutOptions& options) {
    options.train_fraction = 0;
    options.val_fraction = 0;
  });
  CATCH_CHECK(counts(found) == Counts{4, 0, 1});
}

CATCH_TEST_CASE("labelled images: files without their counterpart are named", "[unit]") {
  const ImageFolder folder;
  folder.add_pairs("train/", 3);
  folder.add("train/images/alone.JPEG");
  folder.add("train/masks/lost.png");
  folder.add_pairs("val/", 1);
  folder.add("val/images/extra.png");
  const LabelledSplits found = folder.find();
  CATCH_CHECK(counts(found) == Counts{3, 1, 0});
  CATCH_REQUIRE(found.faults.size() == 3);
  CATCH_CHECK(found.faults[0].kind() == SampleFault::kNoMask);
  CATCH_CHECK_THAT(found.faults[0].what(),
                   Contains("train/images/alone.JPEG: has no mask; expected alone.png in masks"));
  CATCH_CHECK(found.faults[1].kind() == SampleFault::kNoImage);
  CATCH_CHECK_THAT(found.faults[1].what(),
                   Contains("train/masks/lost.png: has no image; expected lost.* in images"));
  CATCH_CHECK_THAT(found.faults[2].what(), Contains("val/images/extra.png: has no mask"));
}

CATCH_TEST_CASE("labelled images: other files, hidden files and folders are passed over", "[unit]") {
  const ImageFolder folder;
  folder.add_pairs("", 4);
  for (const char* name : {"images/Thumbs.db", "images/.000.jpg", "images/.hidden", "masks/readme.txt",
                           "images/deeper/0.jpg", "masks/no_extension"})
    folder.add(name);
  fs::create_directories(folder.file("images/folder.jpg"));
  const LabelledSplits found =
      folder.find([](LayoutOptions& options) { options.train_fraction = 1, options.val_fraction = 0; });
  CATCH_CHECK(counts(found) == Counts{4, 0, 0});
  CATCH_CHECK(found.faults.empty());
}

CATCH_TEST_CASE("labelled images: folders of other names are found where they are named", "[unit]") {
  const ImageFolder folder;
  folder.add("train/photos/a.b.jpg");
  folder.add("train/labels/a.b.png");
  const LabelledSplits found = folder.find([](LayoutOptions& options) {
    options.images = "photos";
    options.masks = "labels";
    options.train_fraction = 1;
    options.val_fraction = 0;
  });
  CATCH_CHECK(counts(found) == Counts{1, 0, 0});
  CATCH_CHECK_THROWS_WITH(folder.find(),
                          Contains("holds no labelled images; expected train/ with images/ and "
                                   "masks/, or images/ and masks/"));
}

CATCH_TEST_CASE("labelled images: CelebAMask-HQ's parts are gathered by number and class", "[unit]") {
  const ImageFolder folder;
  for (int i = 0; i < 12; ++i) folder.add("CelebA-HQ-img/" + std::to_string(i) + ".jpg");
  for (int i = 0; i < 11; ++i) {
    const std::string number = (i < 10 ? "0000" : "000") + std::to_string(i);
    folder.add("CelebAMask-HQ-mask-anno/0/" + number + "_skin.png");
    if (i == 10) folder.add("CelebAMask-HQ-mask-anno/0/" + number + "_eye_g.png");
  }
  folder.add("CelebAMask-HQ-mask-anno/1/02000_skin.png");
  folder.add("CelebAMask-HQ-mask-anno/1/02000_hair.png");
  folder.add("CelebAMask-HQ-mask-anno/0/00003_tail.png");  // no part that is known
  folder.add("CelebAMask-HQ-mask-anno/0/_skin.png");
  folder.add("CelebAMask-HQ-mask-anno/README.txt");
  const LabelledSplits found =
      folder.find([](LayoutOptions& options) { options.train_fraction = 1, options.val_fraction = 0; });
  CATCH_CHECK(found.layout == "CelebAMask-HQ");
  CATCH_CHECK(counts(found) == Counts{11, 0, 0});
  for (const LabelledFiles& one : found.splits[0]) {
    CATCH_CHECK(one.mask.empty());
    CATCH_REQUIRE(one.parts.size() == kFaceClasses);
    const std::string number = fs::path(one.image).stem().string();
    CATCH_CHECK_THAT(one.parts[kSkin],
                     Contains((number.size() == 1 ? "0/0000" : "0/000") + number + "_skin.png"));
    CATCH_CHECK(one.parts[kEyeGlasses].empty() == (number != "10"));
    CATCH_CHECK((one.parts[kBackground].empty() && one.parts[kCloth].empty()));
  }
  CATCH_REQUIRE(found.faults.size() == 2);
  CATCH_CHECK_THAT(found.faults[0].what(), Contains("CelebA-HQ-img/11.jpg: has no mask"));
  CATCH_CHECK_THAT(found.faults[1].what(),
                   Contains("02000_skin.png: has no image; expected 2000.* in CelebA-HQ-img"));
  CATCH_CHECK(found.faults[1].kind() == SampleFault::kNoImage);
}

CATCH_TEST_CASE("labelled images: the layout that is asked for is the one that is read", "[unit]") {
  const ImageFolder folder;
  folder.add_pairs("train/", 3);
  folder.add("CelebA-HQ-img/0.jpg");
  folder.add("CelebAMask-HQ-mask-anno/0/00000_skin.png");
  const auto layout = [&](const char* name) {
    return folder.find([&](LayoutOptions& options) { options.layout = name; }).layout;
  };
  CATCH_CHECK(layout("auto") == "CelebAMask-HQ");
  CATCH_CHECK(layout("celebamask_hq") == "CelebAMask-HQ");
  CATCH_CHECK(layout("folders") == "split folders");
  fs::remove_all(folder.file("CelebA-HQ-img"));
  CATCH_CHECK(layout("auto") == "split folders");
  CATCH_CHECK_THROWS_WITH(layout("celebamask_hq"),
                          Contains("expected CelebA-HQ-img/ and CelebAMask-HQ-mask-anno/"));
}

CATCH_TEST_CASE("labelled images: a folder that cannot serve is an error of one line", "[unit]") {
  const ImageFolder folder;
  CATCH_CHECK_THROWS_WITH(folder.find(),
                          Contains("holds no labelled images") && Contains("athanor synth faces"));
  folder.add("a_file");
  const auto at = [&](const std::string& name) {
    return folder.find([&](LayoutOptions& options) { options.path = folder.file(name); });
  };
  CATCH_CHECK_THROWS_WITH(at("nowhere"), Contains("nowhere: no such folder"));
  CATCH_CHECK_THROWS_WITH(at("a_file"), Contains("a_file: is not a folder"));
  folder.add_pairs("", 1);
  folder.add("images/000.png");
  CATCH_CHECK_THROWS_WITH(folder.find(), Contains("two images of one name; expected one, got") &&
                                             Contains("000.jpg") && Contains("000.png"));
  CATCH_CHECK_THROWS_WITH(folder.find([](LayoutOptions& options) { options.val_fraction = 0.3; }),
                          Contains("train_fraction + val_fraction is more than 1"));
}
