#include "trainers/predict_images.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <filesystem>

#include "data/images/draw.h"
#include "data/images/labelled_images.h"
#include "src/core/error.h"
#include "src/core/files.h"
#include "src/core/log.h"
#include "src/core/progress.h"
#include "src/core/stop.h"
#include "src/core/text.h"
#include "src/core/thread_pool.h"
#include "trainers/mirrored.h"
#include "trainers/pixel_classes.h"
#include "trainers/precision.h"

namespace athanor {
namespace fs = std::filesystem;
namespace {

constexpr double kOpacity = 0.55;

// By name. Throws usage Error where there is none, or where two would have the same mask.
std::vector<std::string> image_files(const std::string& place) {
  if (fs::is_regular_file(place)) return {place};
  std::vector<std::string> files;
  for (auto& [name, path] : list_images(place)) files.push_back(path);
  if (files.empty())
    throw usage_error({.where = place, .what = "no images there", .expected = "files .jpg, .jpeg or .png"});
  return files;
}

const TensorSpec& image_input(const DataSpec& spec, const std::string& model) {
  const TensorSpec* image = spec.find_input("image");
  if (image == nullptr || spec.inputs.size() != 1 || image->shape.size() != 3 || image->shape[0] != 3 ||
      image->dtype != at::kByte)
    throw usage_error({.where = text("model '", model, "'"),
                       .what = "does not read images",
                       .expected = "one input 'image' [3,H,W] of bytes",
                       .hint = "athanor eval --predictions writes what other models say"});
  return *image;
}

// One image on its way through the model.
struct Item {
  std::string file;
  Image resized;
  ImageSize size;  // of the file
  std::string fault;
};

class ImagePredictor {
 public:
  ImagePredictor(LoadedModel& loaded, const PredictImagesOptions& options, at::Device device)
      : options_(options),
        device_(device),
        spec_(image_input(loaded.spec, loaded.job.model.name())),
        autocast_(autocast_type(parse_precision(loaded.job.trainer.precision, device))),
        colours_(loaded.spec.class_colours),
        mirrored_(options.mirror ? average_with_mirror(*loaded.model, loaded.spec) : nullptr),
        model_(mirrored_ != nullptr ? *mirrored_ : *loaded.model),
        pool_(options.threads) {
    model_.set_training(false);
  }

  // Reads files[first, last) and writes what the model says of them into `folder`.
  void run(const std::vector<std::string>& files, size_t first, size_t last, const std::string& folder) {
    std::vector<Item> items;
    for (size_t i = first; i < last; ++i) items.push_back({.file = files[i]});
    pool_.parallel_for(static_cast<int64_t>(items.size()), [&](int64_t i) { load(items[i]); });
    std::erase_if(items, [&](const Item& item) { return leave_out(item); });
    if (items.empty()) return;
    const at::Tensor logits = forward(items);
    if (colours_.empty()) colours_ = distinct_colours(logits.size(1));
    std::vector<at::Tensor> masks;
    for (size_t i = 0; i < items.size(); ++i)
      masks.push_back(
          classes_at_size(logits[static_cast<int64_t>(i)], items[i].size.height, items[i].size.width));
    pool_.parallel_for(static_cast<int64_t>(items.size()),
                       [&](int64_t i) { write(items[i], masks[i], folder); });
    counts_.written += static_cast<int64_t>(items.size());
  }

  const PredictImagesCounts& counts() const { return counts_; }

 private:
  void load(Item& item) const {
    try {
      item.resized = load_image_resized(item.file, spec_.shape[1], spec_.shape[2], &item.size);
    } catch (const Error& error) {
      item.fault = error.what();
    }
  }

  bool leave_out(const Item& item) {
    if (item.fault.empty()) return false;
    if (!options_.skip_bad)
      throw Error({.what = item.fault, .hint = "--skip-bad leaves such images out; nothing was written"});
    log_warning(item.fault + "; left out");
    ++counts_.skipped;
    return true;
  }

  // [B,C,H,W] f32
  at::Tensor forward(const std::vector<Item>& items) {
    const at::NoGradGuard no_grad;
    const int64_t height = spec_.shape[1], width = spec_.shape[2];
    const at::Tensor rows = at::empty({static_cast<int64_t>(items.size()), height, width, 3}, at::kByte);
    auto* to = rows.mutable_data_ptr<uint8_t>();
    for (const Item& item : items) to = std::copy(item.resized.pixels.begin(), item.resized.pixels.end(), to);
    const AutocastGuard guard(autocast_, device_);
    const TensorMap said =
        to_fp32(model_.forward({{"image", rows.permute({0, 3, 1, 2}).contiguous().to(device_)}}));
    const at::Tensor* logits = said.find("logits");
    if (logits == nullptr || logits->dim() != 4 || logits->size(1) > 256)
      throw usage_error({.where = "model",
                         .what = "does not give a class of each pixel",
                         .expected = "an output 'logits' [B,C,H,W], C up to 256",
                         .got = "outputs " + join(said.names(), ", ")});
    return *logits;
  }

  void write(const Item& item, const at::Tensor& classes, const std::string& folder) const {
    Image mask = make_image(item.size.height, item.size.width, 1);
    std::copy_n(classes.const_data_ptr<uint8_t>(), mask.pixels.size(), mask.pixels.begin());
    const std::string name = fs::path(item.file).stem().string();
    save_png(text(folder, "/masks/", name, ".png"), mask, colours_);
    if (options_.overlay)
      save_jpeg(text(folder, "/overlays/", name, ".jpg"),
                overlay(load_image(item.file), mask, colours_, kOpacity, /*clear=*/0));
  }

  PredictImagesOptions options_;
  at::Device device_;
  TensorSpec spec_;
  at::ScalarType autocast_;
  std::vector<int64_t> colours_;
  std::unique_ptr<Model> mirrored_;
  Model& model_;
  ThreadPool pool_;
  PredictImagesCounts counts_;
};

void check_new_folder(const std::string& path) {
  std::error_code failed;
  if (fs::exists(path) && !(fs::is_directory(path) && fs::is_empty(path, failed)))
    throw usage_error({.where = path, .what = "is there already", .hint = "give a new folder as --output"});
}

}  // namespace

PredictImagesCounts predict_images(LoadedModel& loaded, const PredictImagesOptions& options,
                                   at::Device device) {
  ImagePredictor predictor(loaded, options, device);
  const std::vector<std::string> files = image_files(options.images);
  check_new_folder(options.output);
  AtomicPath folder(options.output);
  folder.create_directory();
  fs::create_directory(folder.path() + "/masks");
  if (options.overlay) fs::create_directory(folder.path() + "/overlays");
  Progress progress;
  const auto step = static_cast<size_t>(options.batch_size);
  for (size_t first = 0; first < files.size(); first += step) {
    if (stop_requested()) throw Error({.what = "interrupted; no mask was written"}, ExitCode::kInterrupted);
    const size_t last = std::min(files.size(), first + step);
    predictor.run(files, first, last, folder.path());
    if (progress.on_terminal())
      progress.update({.step = static_cast<int64_t>(last),
                       .steps = static_cast<int64_t>(files.size()),
                       .samples = static_cast<int64_t>(last)});
  }
  progress.clear();
  if (predictor.counts().written == 0)
    throw Error({.where = options.images, .what = text("no image could be read, of ", files.size())});
  folder.commit();
  return predictor.counts();
}

}  // namespace athanor
