// Dataset `image_masks`: folders of images and masks (data/images/labelled_images.h) as uint8 `image` [3,H,W]
// and `mask` [H,W], decoded by the loader's threads ahead of the loop and kept decoded where memory is given
// for it. Pixels stay as they are: training augments and normalises them, evaluation's models normalise
// (constants mean/image and std/image). A bad sample ends the run, or is masked out whole: black, of no
// class.
#include <ATen/core/Tensor.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <memory>
#include <mutex>
#include <set>

#include "data/dataset.h"
#include "data/images/face_classes.h"
#include "data/images/labelled_images.h"
#include "src/core/error.h"
#include "src/core/log.h"
#include "src/core/text.h"
#include "src/core/thread_pool.h"

namespace athanor {
namespace {

constexpr size_t kFaults = static_cast<size_t>(SampleFault::kFaults);
constexpr int64_t kMostClasses = 255;
constexpr int64_t kMostNamed = 10;  // bad samples that are named one by one

struct ImageMasksConfig : DatasetConfig {
  LayoutOptions layout;
  int64_t split_seed = 1;
  int64_t height = 512, width = 512;
  std::vector<std::string> class_names, class_colours, mirrored_classes;
  int64_t ignore_index = 255;
  std::vector<double> mean = {0.485, 0.456, 0.406}, std = {0.229, 0.224, 0.225};
  std::string on_bad = "refuse";
  double cache_gb = 2;

  ImageMasksConfig() {
    loader.batch_size = 32;
    loader.drop_last = true;
    loader.threads = kHalfTheCores;
  }

  void list_fields(Fields& fields) override {
    list_common_fields(fields);
    fields.field(
        "layout", layout.layout,
        "folders (images and masks of one name, in train/ val/ test/ or not), celebamask_hq, or auto",
        one_of({"auto", "folders", "celebamask_hq"}));
    fields.field("images", layout.images, "name of the folders of images", kNotEmpty);
    fields.field("masks", layout.masks, "name of the folders of masks", kNotEmpty);
    fields.field("train_fraction", layout.train_fraction, "of the samples; where folders do not say",
                 kFraction);
    fields.field("val_fraction", layout.val_fraction, "of the samples; the rest tests", kFraction);
    fields.field("split_seed", split_seed, "draws the splits; where folders do not say", kNonNegative);
    fields.field("height", height, "pixels, that images are resized to", between(1, 16384));
    fields.field("width", width, "pixels, that images are resized to", between(1, 16384));
    fields.field("class_names", class_names, "by id; []: the 19 classes of CelebAMask-HQ");
    fields.field("class_colours", class_colours,
                 "\"#RRGGBB\" by id, of masks in colours and of pictures; []: a set of its own");
    fields.field(
        "mirrored_classes", mirrored_classes,
        "classes that trade places in a mirror, two by two; []: those of the 19 face classes, or none");
    fields.field("ignore_index", ignore_index, "id that counts as no class", between(0, 255));
    fields.field("mean", mean, "of red, green, blue in [0,1]: (x - mean) / std goes into the model");
    fields.field("std", std, "of red, green, blue", kPositive);
    fields.field(
        "on_bad", on_bad,
        "refuse: stop at the first bad sample; skip: name it, count it, and let it count for nothing",
        one_of({"refuse", "skip"}));
    fields.field("cache_gb", cache_gb, "GiB of decoded samples that a split keeps in RAM", kNonNegative);
  }
  std::optional<DataSpec> find_spec() const override;
};

// --- classes
// ---------------------------------------------------------------------------------------------------

int64_t parse_colour(const std::string& colour) {
  const bool shaped = colour.size() == 7 && colour[0] == '#' &&
                      colour.find_first_not_of("0123456789abcdefABCDEF", 1) == std::string::npos;
  if (!shaped)
    throw usage_error({"data.class_colours", "no colour", "\"#RRGGBB\"", text("'", colour, "'"),
                       "quote it: # begins a comment"});
  return std::stoll(colour.substr(1), nullptr, 16);
}

// Far apart for neighbouring ids: the bits of the id spread over the colours (as PASCAL VOC does).
int64_t spread_colour(int64_t id) {
  int64_t colour = 0;
  for (int64_t bit = 0; bit < 8; ++bit)
    for (int64_t channel = 0; channel < 3; ++channel)
      colour |= (id >> (3 * bit + channel) & 1) << (16 - 8 * channel + 7 - bit);
  return colour;
}

std::vector<int64_t> class_colours(const ImageMasksConfig& config, size_t classes) {
  std::vector<int64_t> colours;
  if (config.class_colours.empty() && config.class_names.empty()) return face_class_colours();
  if (config.class_colours.empty())
    for (size_t id = 0; id < classes; ++id) colours.push_back(spread_colour(static_cast<int64_t>(id)));
  for (const std::string& colour : config.class_colours) colours.push_back(parse_colour(colour));
  if (colours.size() != classes)
    throw usage_error({"data.class_colours", "not one a class", text(classes), text(colours.size()), ""});
  return colours;
}

std::vector<int64_t> class_mirrors(const ImageMasksConfig& config, const std::vector<std::string>& names) {
  const std::vector<std::string>& pairs = config.mirrored_classes.empty() && config.class_names.empty()
                                              ? mirrored_face_classes()
                                              : config.mirrored_classes;
  if (pairs.size() % 2 != 0)
    throw usage_error(
        {"data.mirrored_classes", "a class without its partner", "pairs", text(pairs.size(), " names"), ""});
  std::vector<int64_t> mirrors(names.size());
  for (size_t id = 0; id < names.size(); ++id) mirrors[id] = static_cast<int64_t>(id);
  for (size_t i = 0; i < pairs.size(); i += 2) {
    std::array<size_t, 2> ids{};
    for (size_t k = 0; k < 2; ++k) {
      const auto found = std::find(names.begin(), names.end(), pairs[i + k]);
      if (found == names.end())
        throw usage_error({"data.mirrored_classes", text("no class '", pairs[i + k], "'"), "", "",
                           suggestion(pairs[i + k], names)});
      ids[k] = static_cast<size_t>(found - names.begin());
    }
    std::swap(mirrors[ids[0]], mirrors[ids[1]]);
  }
  return mirrors;
}

at::Tensor colour_constant(const char* key, const std::vector<double>& values) {
  if (values.size() != 3)
    throw usage_error({key, "wrong length", "red, green, blue", text(values.size(), " values"), ""});
  return at::tensor(std::vector<float>(values.begin(), values.end()));
}

DataSpec make_spec(const ImageMasksConfig& config) {
  DataSpec spec;
  spec.inputs = {{"image", {3, config.height, config.width}, at::kByte}};
  spec.labels = {{"mask", {config.height, config.width}, at::kByte}};
  spec.constants.set("mean/image", colour_constant("data.mean", config.mean));
  spec.constants.set("std/image", colour_constant("data.std", config.std));
  spec.class_names = config.class_names.empty() ? face_class_names() : config.class_names;
  const auto classes = static_cast<int64_t>(spec.class_names.size());
  if (classes > kMostClasses)
    throw usage_error(
        {"data.class_names", "too many classes", text("at most ", kMostClasses), text(classes), ""});
  if (config.ignore_index < classes)
    throw usage_error({"data.ignore_index", "is the id of a class", text(classes, " to 255"),
                       text(config.ignore_index), ""});
  spec.class_colours = class_colours(config, spec.class_names.size());
  spec.class_mirrors = class_mirrors(config, spec.class_names);
  spec.ignore_index = config.ignore_index;
  return spec;
}

std::optional<DataSpec> ImageMasksConfig::find_spec() const { return make_spec(*this); }

// --- samples
// ---------------------------------------------------------------------------------------------------

// What was bad in a split, once a sample however often it is read.
class FaultCounter {
 public:
  FaultCounter(Split split, bool refuse) : split_(split), refuse_(refuse) {}

  // Throws the fault itself where nothing bad may be, or where more than half of `samples` is bad.
  void add(int64_t sample, int64_t samples, const SampleError& fault) {
    if (refuse_) throw with_hint(fault);
    const std::lock_guard lock(mutex_);
    if (!bad_.insert(sample).second) return;
    const auto count = static_cast<int64_t>(bad_.size());
    if (count <= kMostNamed) log_warning(text("skipped: ", fault.what()));
    if (count == kMostNamed)
      log_warning(text("skipping more in ", split_name(split_), " without naming each"));
    if (2 * count > samples)
      throw Error({text("split ", split_name(split_)), "more than half of the samples are bad", "",
                   text(count, " of ", samples), text("the last one: ", fault.what())});
  }

  static Error with_hint(const SampleError& fault) {
    return Error({"", fault.what(), "", "", "mend it, or data.on_bad=skip"});
  }

 private:
  Split split_;
  bool refuse_;
  std::mutex mutex_;
  std::set<int64_t> bad_;
};

class ImageMasksSource : public SampleSource {
 public:
  ImageMasksSource(std::vector<LabelledFiles> files, const DecodeOptions& decode, const DataSpec& spec,
                   Split split, bool refuse, int64_t cache_bytes)
      : files_(std::move(files)),
        decode_(decode),
        arrays_{spec.inputs[0], spec.labels[0]},
        faults_(split, refuse),
        cache_bytes_left_(cache_bytes),
        cache_(files_.size()) {}

  int64_t size() const override { return static_cast<int64_t>(files_.size()); }
  const std::vector<TensorSpec>& arrays() const override { return arrays_; }
  bool slow_to_read() const override { return true; }

  void read(std::span<const int64_t> samples, const std::vector<SlotArray>& slots,
            ThreadPool& pool) const override {
    pool.parallel_for(static_cast<int64_t>(samples.size()), [&](int64_t j) {
      const std::shared_ptr<const DecodedSample> sample = find_sample(samples[static_cast<size_t>(j)]);
      put(slots[0], j, sample->image);
      put(slots[1], j, sample->mask);
    });
  }

 private:
  static void put(const SlotArray& array, int64_t j, const std::vector<uint8_t>& bytes) {
    if (array.base != nullptr) std::memcpy(array.slot(j), bytes.data(), bytes.size());
  }

  std::shared_ptr<const DecodedSample> find_sample(int64_t number) const {
    const auto at = static_cast<size_t>(number);
    {
      const std::lock_guard lock(cache_mutex_);
      if (cache_[at] != nullptr) return cache_[at];
    }
    auto sample = std::make_shared<const DecodedSample>(decoded(number));
    const auto bytes = static_cast<int64_t>(sample->image.size() + sample->mask.size());
    const std::lock_guard lock(cache_mutex_);
    if (cache_[at] == nullptr && bytes <= cache_bytes_left_) {
      cache_bytes_left_ -= bytes;
      cache_[at] = sample;
    }
    return sample;
  }

  DecodedSample decoded(int64_t number) const {
    try {
      return decode_sample(files_[static_cast<size_t>(number)], decode_);
    } catch (const SampleError& fault) {
      faults_.add(number, size(), fault);
    }
    const auto plane = static_cast<size_t>(decode_.height * decode_.width);
    return {std::vector<uint8_t>(3 * plane, 0),
            std::vector<uint8_t>(plane, static_cast<uint8_t>(decode_.ignore_index))};
  }

  std::vector<LabelledFiles> files_;
  DecodeOptions decode_;
  std::vector<TensorSpec> arrays_;
  mutable FaultCounter faults_;
  mutable std::mutex cache_mutex_;
  mutable int64_t cache_bytes_left_;
  mutable std::vector<std::shared_ptr<const DecodedSample>> cache_;
};

// --- the dataset
// -----------------------------------------------------------------------------------------------

class ImageMasksDataset : public Dataset {
 public:
  explicit ImageMasksDataset(const ImageMasksConfig& config)
      : spec_(make_spec(config)),
        path_(config.needed_path()),
        refuse_(config.on_bad == "refuse"),
        cache_bytes_(static_cast<int64_t>(config.cache_gb * (1 << 30))) {
    LayoutOptions layout = config.layout;
    layout.path = path_;
    layout.split_seed = static_cast<uint64_t>(config.split_seed);
    found_ = find_labelled_images(layout);
    for (const SampleError& fault : found_.faults) ++unpaired_[static_cast<size_t>(fault.kind())];
    if (refuse_ && !found_.faults.empty()) throw FaultCounter::with_hint(counted(found_.faults));
    for (size_t i = 0; i < std::min<size_t>(kMostNamed, found_.faults.size()); ++i)
      log_warning(text("skipped: ", found_.faults[i].what()));
    decode_ = {.height = config.height,
               .width = config.width,
               .class_colours = spec_.class_colours,
               .ignore_index = spec_.ignore_index};
  }

  const DataSpec& spec() const override { return spec_; }

  std::unique_ptr<SampleSource> open(Split split) const override {
    return std::make_unique<ImageMasksSource>(found_.splits[static_cast<size_t>(split)], decode_, spec_,
                                              split, refuse_, cache_bytes_);
  }

  std::string describe() const override {
    std::string out = text(path_, ": ", found_.layout, ", images and masks as ", decode_.width, " x ",
                           decode_.height, " pixels, ", spec_.class_names.size(), " classes");
    for (size_t k = 0; k < found_.splits.size(); ++k)
      out += text("\n", split_name(static_cast<Split>(k)), ": ", found_.splits[k].size(), " samples");
    for (size_t kind = 0; kind < kFaults; ++kind)
      if (unpaired_[kind] > 0)
        out += text("\nleft out: ", unpaired_[kind], " ", fault_text(static_cast<SampleFault>(kind)));
    return out;
  }

 private:
  static SampleError counted(const std::vector<SampleError>& faults) {
    if (faults.size() == 1) return faults[0];
    return {faults[0].kind(), ErrorText{"", text(faults[0].what(), " (and ", faults.size() - 1,
                                                 " more without their counterpart)")}};
  }

  DataSpec spec_;
  std::string path_;
  bool refuse_;
  int64_t cache_bytes_;
  LabelledSplits found_;
  std::array<int64_t, kFaults> unpaired_{};
  DecodeOptions decode_;
};

}  // namespace

DatasetComponent make_image_masks() {
  return component<ImageMasksConfig, Dataset>(
      "image_masks", "folders of images and masks of classes",
      [](const ImageMasksConfig& config) { return std::make_unique<ImageMasksDataset>(config); });
}

}  // namespace athanor
