// Layouts of folders, pairs of files, splits.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>

#include "data/images/face_classes.h"
#include "data/images/labelled_images.h"
#include "src/core/random.h"
#include "src/core/text.h"

namespace athanor {
namespace {

namespace fs = std::filesystem;

constexpr const char* kCelebImages = "CelebA-HQ-img";
constexpr const char* kCelebMasks = "CelebAMask-HQ-mask-anno";
constexpr const char* kSplitFolders[] = {"train", "val", "test"};

std::string lower(std::string name) {
  for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return name;
}

void add_pairs(const fs::path& folder, const LayoutOptions& options, std::vector<LabelledFiles>& pairs,
               std::vector<SampleError>& faults) {
  const auto images = list_images(folder / options.images), masks = list_images(folder / options.masks);
  for (const auto& [stem, path] : images) {
    const auto mask = masks.find(stem);
    if (mask == masks.end())
      faults.emplace_back(SampleFault::kNoMask,
                          ErrorText{path, "has no mask", text(stem, ".png in ", options.masks)});
    else
      pairs.push_back({path, mask->second, {}});
  }
  for (const auto& [stem, path] : masks)
    if (images.find(stem) == images.end())
      faults.emplace_back(SampleFault::kNoImage,
                          ErrorText{path, "has no image", text(stem, ".* in ", options.images)});
}

bool has_pairs(const fs::path& folder, const LayoutOptions& options) {
  return fs::is_directory(folder / options.images) && fs::is_directory(folder / options.masks);
}

// CelebAMask-HQ: CelebA-HQ-img/7.jpg with CelebAMask-HQ-mask-anno/0/00007_skin.png, 2000 images a folder.
std::vector<LabelledFiles> celeb_pairs(const fs::path& folder, std::vector<SampleError>& faults) {
  std::map<std::string, std::vector<std::string>> parts;
  const std::vector<std::string>& names = face_part_names();
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder / kCelebMasks)) {
    const std::string stem = entry.path().stem().string();
    const size_t cut = stem.find('_');
    if (cut == std::string::npos || cut == 0 || lower(entry.path().extension().string()) != ".png") continue;
    const auto name = std::find(names.begin(), names.end(), stem.substr(cut + 1));
    if (name == names.end()) continue;
    const size_t digits = std::min(stem.find_first_not_of('0'), cut - 1);
    std::vector<std::string>& own = parts[stem.substr(digits, cut - digits)];
    own.resize(kFaceClasses);
    own[static_cast<size_t>(name - names.begin()) + 1] = entry.path().string();
  }
  std::vector<LabelledFiles> pairs;
  for (const auto& [stem, path] : list_images(folder / kCelebImages)) {
    const auto own = parts.find(stem);
    if (own == parts.end())
      faults.emplace_back(SampleFault::kNoMask,
                          ErrorText{path, "has no mask", text("files of its number in ", kCelebMasks)});
    else
      pairs.push_back({path, "", own->second});
    if (own != parts.end()) parts.erase(own);
  }
  for (const auto& [stem, own] : parts)
    faults.emplace_back(
        SampleFault::kNoImage,
        ErrorText{*std::find_if(own.begin(), own.end(), [](auto& path) { return !path.empty(); }),
                  "has no image", text(stem, ".* in ", kCelebImages)});
  return pairs;
}

// Moves `count` of the samples that the seed draws to `to`; both stay in the order of their names.
void draw_samples(std::vector<LabelledFiles>& from, std::vector<LabelledFiles>& to, int64_t count,
                  uint64_t seed) {
  const std::vector<int64_t> order = permutation(static_cast<int64_t>(from.size()), seed);
  std::vector<bool> drawn(from.size());
  for (int64_t i = 0; i < count; ++i) drawn[static_cast<size_t>(order[static_cast<size_t>(i)])] = true;
  std::vector<LabelledFiles> kept;
  for (size_t i = 0; i < from.size(); ++i) (drawn[i] ? to : kept).push_back(std::move(from[i]));
  from = std::move(kept);
}

// Fills the splits that have no folder of their own.
void draw_splits(LabelledSplits& found, const LayoutOptions& options, bool has_val, bool has_test) {
  auto& [train, val, test] = found.splits;
  if (has_val) return;
  const auto all = static_cast<double>(train.size());
  const double rest = has_test ? options.train_fraction + options.val_fraction : 1;
  const int64_t val_count = rest > 0 ? std::llround(all * options.val_fraction / rest) : 0;
  const int64_t test_count =
      has_test ? 0 : std::llround(all * std::max(0.0, 1 - options.train_fraction - options.val_fraction));
  draw_samples(train, val, val_count, mix_seed(options.split_seed, 1));
  draw_samples(train, test, std::min<int64_t>(test_count, static_cast<int64_t>(train.size())),
               mix_seed(options.split_seed, 2));
}

void read_layout(const LayoutOptions& options, LabelledSplits& found) {
  const fs::path root(options.path);
  const bool celeb = fs::is_directory(root / kCelebImages) && fs::is_directory(root / kCelebMasks);
  if (celeb && options.layout != "folders") {
    found.layout = "CelebAMask-HQ";
    found.splits[0] = celeb_pairs(root, found.faults);
    draw_splits(found, options, false, false);
  } else if (options.layout != "celebamask_hq" && has_pairs(root / "train", options)) {
    found.layout = "split folders";
    bool has[3] = {};
    for (size_t k = 0; k < 3; ++k)
      if ((has[k] = has_pairs(root / kSplitFolders[k], options)))
        add_pairs(root / kSplitFolders[k], options, found.splits[k], found.faults);
    draw_splits(found, options, has[1], has[2]);
  } else if (options.layout != "celebamask_hq" && has_pairs(root, options)) {
    found.layout = "one folder";
    add_pairs(root, options, found.splits[0], found.faults);
    draw_splits(found, options, false, false);
  } else {
    const std::string pair = text(options.images, "/ and ", options.masks, "/");
    throw Error({options.path, "holds no labelled images",
                 options.layout == "celebamask_hq" ? text(kCelebImages, "/ and ", kCelebMasks, "/")
                                                   : text("train/ with ", pair, ", or ", pair),
                 "", "athanor synth faces --output DIR makes a set to try"});
  }
}

}  // namespace

bool has_image_name(const std::string& path) {
  const std::string extension = lower(fs::path(path).extension().string());
  const bool image =
      extension == ".jpg" || extension == ".jpeg" || extension == ".png" || extension == ".webp";
  return image && !fs::path(path).filename().string().starts_with('.');
}

std::map<std::string, std::string> list_images(const std::string& folder) {
  std::map<std::string, std::string> files;
  std::error_code failed;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, failed)) {
    const std::string stem = entry.path().stem().string();
    if (!has_image_name(entry.path().string()) || !entry.is_regular_file()) continue;
    if (const auto [at, is_new] = files.emplace(stem, entry.path().string()); !is_new)
      throw usage_error({entry.path().string(), "two images of one name", "one", at->second, ""});
  }
  if (failed) throw usage_error({.where = folder, .what = "cannot read the folder: " + failed.message()});
  return files;
}

LabelledSplits find_labelled_images(const LayoutOptions& options) {
  if (options.train_fraction + options.val_fraction > 1 + 1e-9)
    throw usage_error({.where = "data.val_fraction", .what = "train_fraction + val_fraction is more than 1"});
  std::error_code failed;
  if (!fs::is_directory(options.path, failed))
    throw Error({options.path, fs::exists(options.path, failed) ? "is not a folder" : "no such folder",
                 "a folder of images and masks"});
  LabelledSplits found;
  try {
    read_layout(options, found);
  } catch (const fs::filesystem_error& error) {
    throw Error({error.path1().string(), text("cannot be listed: ", error.code().message())});
  }
  return found;
}

}  // namespace athanor
