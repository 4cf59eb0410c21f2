// Masks against masks: mean IoU, F-score, accuracy of the pixels, each class's, and the confusion matrix,
// next to calling every pixel the first class (the background). One matrix of the whole split, as
// scikit-learn would make of all its pixels, and the mean F-score of the images one by one, as the source
// project has it.
#include <algorithm>

#include "src/core/error.h"
#include "src/core/text.h"
#include "trainers/evaluators/mask_pictures.h"
#include "trainers/evaluators/masks_report.h"
#include "trainers/pixel_classes.h"

namespace athanor {
namespace {

struct MasksConfig : ConfigStruct {
  std::string output = "logits";
  std::string label = "mask";
  std::string image = "image";
  int64_t pictures = 6;

  void list_fields(Fields& fields) override {
    fields.field("output", output, "the model's output to judge: logits [N,C,H,W]", kNotEmpty);
    fields.field("label", label, "the data's label to judge it by: classes [N,H,W]", kNotEmpty);
    fields.field("image", image, "the data's input that pictures show: uint8 [N,3,H,W]");
    fields.field("pictures", pictures, "samples in each picture, of the first ones and of the worst; 0: none",
                 between(0, 100));
  }
};

// [3,H,W] u8 -> [H,W,3]
Image image_of(const at::Tensor& planes) {
  const at::Tensor pixels = planes.permute({1, 2, 0}).to(at::kCPU).contiguous();
  Image image = make_image(pixels.size(0), pixels.size(1), 3);
  std::copy_n(pixels.const_data_ptr<uint8_t>(), image.pixels.size(), image.pixels.begin());
  return image;
}

Image mask_image(const uint8_t* ids, int64_t height, int64_t width) {
  Image image = make_image(height, width, 1);
  std::copy_n(ids, image.pixels.size(), image.pixels.begin());
  return image;
}

class MaskTally : public Tally {
 public:
  MaskTally(MasksConfig config, const DataSpec& spec)
      : config_(std::move(config)),
        ignore_(spec.ignore_index),
        names_(spec.class_names),
        colours_(spec.class_colours) {}

  void add(const Batch& batch, const TensorMap& outputs) override {
    const at::Tensor guess = classes_of_pixels(outputs.at(config_.output)).cpu();
    const at::Tensor truth = batch.labels.at(config_.label).to(at::kCPU, at::kByte).contiguous();
    if (guess.sizes() != truth.sizes())
      throw Error({.where = text("output '", config_.output, "'"),
                   .what = "not masks of the labels' size",
                   .expected = shape_text(truth.sizes().vec()),
                   .got = shape_text(guess.sizes().vec())});
    begin(outputs.at(config_.output).size(1));
    const int64_t height = truth.size(1), width = truth.size(2);
    const at::Tensor images = images_to_show(batch, truth);
    for (int64_t i = 0; i < truth.size(0); ++i) {
      const uint8_t* true_ids = truth.const_data_ptr<uint8_t>() + i * height * width;
      const uint8_t* said_ids = guess.const_data_ptr<uint8_t>() + i * height * width;
      const double score = add_image(true_ids, said_ids, height * width);
      if (images.defined() && is_shown(score))
        show({samples_ - 1, score, image_of(images[i]), mask_image(true_ids, height, width),
              mask_image(said_ids, height, width)});
    }
  }

  Report report(const Predictions& losses, const ReportParts& parts) const override {
    if (samples_ == 0) throw Error({.where = "evaluator 'masks'", .what = "nothing to judge: no samples"});
    const double scored = std::max(1.0, static_cast<double>(scored_));
    const MaskResult result{.losses = &losses,
                            .samples = samples_,
                            .ignored_pixels = ignored_,
                            .class_names = names_,
                            .confusion = confusion_,
                            .f_score_per_image = f_scores_ / scored,
                            .background_f_score_per_image = background_f_scores_ / scored};
    Report report{.scalars = mask_scalars(result)};
    if (parts.tables) {
      report.json = masks_json(result);
      report.table = masks_table(result);
    }
    if (parts.pictures) {
      report.pictures.push_back({"confusion", confusion_picture(confusion_, names_)});
      for (const auto& [name, samples] : {std::pair("samples", &first_), std::pair("worst", &worst_)})
        if (!samples->empty())
          report.pictures.push_back({name, samples_picture(*samples, names_, colours_, ignore_)});
    }
    return report;
  }

 private:
  void begin(int64_t classes) {
    for (auto k = static_cast<int64_t>(names_.size()); k < classes; ++k) names_.push_back(text("class ", k));
    if (confusion_.empty()) confusion_.resize(classes * classes);
  }

  // Returns its F-score.
  double add_image(const uint8_t* truth, const uint8_t* guess, int64_t pixels) {
    const auto classes = static_cast<int64_t>(names_.size());
    std::vector<int64_t> counts(256 * classes);
    for (int64_t i = 0; i < pixels; ++i) ++counts[truth[i] * classes + guess[i]];
    for (int64_t k = 0; k < 256; ++k) {
      int64_t support = 0;
      for (int64_t g = 0; g < classes; ++g) support += counts[k * classes + g];
      if (k == ignore_) ignored_ += support;
      if (k < classes || k == ignore_ || support == 0) continue;
      throw Error({.where = text("label '", config_.label, "', sample ", samples_),
                   .what = "not a class that the model knows",
                   .expected = text("0 to ", classes - 1),
                   .got = text(k)});
    }
    ++samples_;
    std::vector<double> image(counts.begin(), counts.begin() + classes * classes);
    if (ignore_ >= 0 && ignore_ < classes) std::fill_n(image.begin() + ignore_ * classes, classes, 0);
    for (size_t i = 0; i < image.size(); ++i) confusion_[i] += image[i];
    // An image without a pixel that counts has no score.
    if (std::all_of(image.begin(), image.end(), [](double count) { return count == 0; })) return 1;
    const double score = f_score(image, classes);
    ++scored_;
    f_scores_ += score;
    background_f_scores_ += f_score(constant_confusion(image, classes, 0), classes);
    return score;
  }

  // Undefined where there is nothing to look at.
  at::Tensor images_to_show(const Batch& batch, const at::Tensor& truth) const {
    const at::Tensor* images = config_.pictures > 0 ? batch.inputs.find(config_.image) : nullptr;
    const bool fits = images != nullptr && images->scalar_type() == at::kByte && images->dim() == 4 &&
                      images->size(1) == 3 && images->size(2) == truth.size(1) &&
                      images->size(3) == truth.size(2);
    return fits ? *images : at::Tensor();
  }

  bool is_shown(double score) const {
    const auto room = static_cast<size_t>(config_.pictures);
    return first_.size() < room || worst_.size() < room || score < worst_.back().f_score;
  }

  void show(const MaskSample& sample) {
    const auto room = static_cast<size_t>(config_.pictures);
    if (first_.size() < room) first_.push_back(sample);
    const auto place = std::upper_bound(worst_.begin(), worst_.end(), sample.f_score,
                                        [](double score, const MaskSample& b) { return score < b.f_score; });
    worst_.insert(place, sample);
    if (worst_.size() > room) worst_.pop_back();
  }

  MasksConfig config_;
  int64_t ignore_;
  std::vector<std::string> names_;
  std::vector<int64_t> colours_;
  std::vector<double> confusion_;
  int64_t samples_ = 0, scored_ = 0, ignored_ = 0;
  double f_scores_ = 0, background_f_scores_ = 0;
  std::vector<MaskSample> first_, worst_;  // as many as there are in a picture; the worst first
};

class MasksEvaluator : public Evaluator {
 public:
  MasksEvaluator(MasksConfig config, DataSpec spec) : config_(std::move(config)), spec_(std::move(spec)) {}

  std::unique_ptr<Tally> start_tally() const override { return std::make_unique<MaskTally>(config_, spec_); }

  Report evaluate(const Predictions& predictions, const TensorMap&, bool full) const override {
    const std::unique_ptr<Tally> tally = start_tally();
    tally->add({.labels = predictions.labels}, predictions.outputs);
    return tally->report(predictions, {.tables = full});
  }

 private:
  MasksConfig config_;
  DataSpec spec_;
};

}  // namespace

EvaluatorComponent make_masks() {
  return component<MasksConfig, Evaluator, const DataSpec&>(
      "masks", "IoU, F-score and accuracy of masks", [](const MasksConfig& config, const DataSpec& spec) {
        return std::make_unique<MasksEvaluator>(config, spec);
      });
}

}  // namespace athanor
