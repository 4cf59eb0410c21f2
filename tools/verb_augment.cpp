// athanor augment preview: what training sees of pictures and their masks, as a PNG.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <memory>

#include "src/core/config.h"
#include "src/core/error.h"
#include "src/core/text.h"
#include "src/core/thread_pool.h"
#include "tools/augment_preview.h"
#include "tools/verbs.h"
#include "trainers/job.h"

namespace athanor {
namespace {

constexpr int64_t kPicturesOfTheData = 2;

struct PreviewFlags {
  std::string config, output;
  std::vector<std::string> overrides, images, masks;
  int64_t epoch = 0, seed = -1, variants = PreviewOptions{}.variants;
};

void check_pictures(const DataSpec& spec) {
  const TensorSpec* image = spec.find_input("image");
  if (image == nullptr || image->shape.size() != 3 || spec.find_label("mask") == nullptr)
    throw usage_error({"data", "has no pictures with masks",
                       "input image and label mask, as image_masks gives",
                       image == nullptr ? "no image" : "no mask", ""});
}

// The first samples of the training split.
std::vector<DecodedSample> pictures_of(const Dataset& dataset) {
  const std::unique_ptr<SampleSource> source = dataset.open(Split::kTrain);
  const int64_t count = std::min(kPicturesOfTheData, source->size());
  if (count == 0) throw Error({"data", "the training split is empty"});
  const TensorSpec& image = *dataset.spec().find_input("image");
  const int64_t pixels = image.shape[1] * image.shape[2];
  std::vector<DecodedSample> pictures;
  ThreadPool pool(0);
  for (int64_t sample = 0; sample < count; ++sample) {
    DecodedSample picture{std::vector<uint8_t>(static_cast<size_t>(3 * pixels)),
                          std::vector<uint8_t>(static_cast<size_t>(pixels))};
    std::vector<SlotArray> slots;
    for (const TensorSpec& array : source->arrays()) {
      std::vector<uint8_t>* target = array.name == "image"  ? &picture.image
                                     : array.name == "mask" ? &picture.mask
                                                            : nullptr;
      slots.push_back({.base = target != nullptr ? reinterpret_cast<char*>(target->data()) : nullptr,
                       .slot_bytes = target != nullptr ? static_cast<int64_t>(target->size()) : 0,
                       .slots_per_group = 1});
    }
    source->read({&sample, 1}, slots, pool);
    pictures.push_back(std::move(picture));
  }
  return pictures;
}

// The files that were named, as the data would give them.
std::vector<DecodedSample> pictures_of(const PreviewFlags& flags, const DataSpec& spec) {
  const std::vector<int64_t>& shape = spec.find_input("image")->shape;
  const DecodeOptions decode{.height = shape[1],
                             .width = shape[2],
                             .class_colours = spec.class_colours,
                             .ignore_index = spec.ignore_index};
  std::vector<DecodedSample> pictures;
  for (size_t i = 0; i < flags.images.size(); ++i)
    pictures.push_back(decode_sample({flags.images[i], flags.masks[i], {}}, decode));
  return pictures;
}

void run_preview(const PreviewFlags& flags) {
  if (flags.images.size() != flags.masks.size())
    throw usage_error({"--image and --mask", "do not pair up", "a mask for each image",
                       text(flags.images.size(), " images, ", flags.masks.size(), " masks"), ""});
  JobConfig job = load_job(flags.config, flags.overrides);
  std::optional<DataSpec> spec = job.dataset().find_spec();
  std::unique_ptr<Dataset> dataset;
  if (flags.images.empty() || !spec) {
    dataset = job.data.make();
    spec = dataset->spec();
  }
  check_pictures(*spec);
  const PreviewOptions options{.seed = static_cast<uint64_t>(flags.seed >= 0 ? flags.seed : job.seed),
                               .epoch = flags.epoch,
                               .variants = flags.variants};
  const std::unique_ptr<Augmentation> augmentation = job.augment.make(*spec);
  const auto pictures = flags.images.empty() ? pictures_of(*dataset) : pictures_of(flags, *spec);
  save_png(flags.output, augment_preview(*augmentation, *spec, pictures, options));
  std::cout << "wrote " << flags.output << ": " << pictures.size()
            << (pictures.size() == 1 ? " picture and " : " pictures and ") << options.variants
            << " samples of each, epoch " << options.epoch << ", seed " << options.seed << "\n  "
            << augmentation->describe(options.epoch) << "\n";
}

}  // namespace

void add_augment_verb(CLI::App& app) {
  CLI::App* verb = app.add_subcommand("augment", "See what training does to pictures");
  verb->require_subcommand(1);
  const char* const example =
      "Example:\n  athanor augment preview --config configs/face_parsing.yaml --image 1.jpg --mask 1.png \\\n"
      "    --output grid.png augment.policy=strong";
  verb->footer(example);
  CLI::App* preview = verb->add_subcommand(
      "preview", "Draw originals and augmented samples, with their masks, into one picture");
  auto flags = std::make_shared<PreviewFlags>();
  preview->add_option("--config", flags->config, "the job")->required()->type_name("CONFIG");
  preview
      ->add_option("--image", flags->images,
                   "a picture, may be repeated; without any, the first of the training data")
      ->type_name("FILE")
      ->allow_extra_args(false);
  preview->add_option("--mask", flags->masks, "its mask; in the order of the pictures")
      ->type_name("FILE")
      ->allow_extra_args(false);
  preview->add_option("--output", flags->output, "the PNG to write")->required()->type_name("FILE");
  preview->add_option("--epoch", flags->epoch, "from 0, as from_epoch counts")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  preview->add_option("--seed", flags->seed, "of what is drawn; the job's where none is given")
      ->check(CLI::NonNegativeNumber);
  preview->add_option("--count", flags->variants, "augmented samples of each picture")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  preview->add_option("overrides", flags->overrides, "changes to the job")->type_name("KEY=VALUE");
  preview->footer(example);
  preview->callback([flags] { run_preview(*flags); });
}

}  // namespace athanor
