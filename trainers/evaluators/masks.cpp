// Masks against masks: mean IoU, F-score, accuracy of the pixels, each class's, and the confusion matrix,
// next to calling every pixel the first class (the background). One matrix of the whole split, as
// scikit-learn would make of all its pixels, and the mean F-score of the images one by one, as the source
// project has it.
#include "src/core/error.h"
#include "src/core/text.h"
#include "trainers/evaluators/masks_report.h"
#include "trainers/pixel_classes.h"

namespace athanor {
namespace {

struct MasksConfig : ConfigStruct {
  std::string output = "logits";
  std::string label = "mask";

  void list_fields(Fields& fields) override {
    fields.field("output", output, "the model's output to judge: logits [N,C,H,W]", kNotEmpty);
    fields.field("label", label, "the data's label to judge it by: classes [N,H,W]", kNotEmpty);
  }
};

class MaskTally : public Tally {
 public:
  MaskTally(MasksConfig config, const DataSpec& spec)
      : config_(std::move(config)), ignore_(spec.ignore_index), names_(spec.class_names) {}

  void add(const Batch& batch, const TensorMap& outputs) override {
    const at::Tensor guess = classes_of_pixels(outputs.at(config_.output)).cpu();
    const at::Tensor truth = batch.labels.at(config_.label).to(at::kCPU, at::kByte).contiguous();
    if (guess.sizes() != truth.sizes())
      throw Error({.where = text("output '", config_.output, "'"),
                   .what = "not masks of the labels' size",
                   .expected = shape_text(truth.sizes().vec()),
                   .got = shape_text(guess.sizes().vec())});
    begin(outputs.at(config_.output).size(1));
    const int64_t pixels = truth.numel() / truth.size(0);
    for (int64_t i = 0; i < truth.size(0); ++i)
      add_image(truth.const_data_ptr<uint8_t>() + i * pixels, guess.const_data_ptr<uint8_t>() + i * pixels,
                pixels);
  }

  Report report(const Predictions& losses, const ReportParts& parts) const override {
    if (samples_ == 0) throw Error({.where = "evaluator 'masks'", .what = "nothing to judge: no samples"});
    const auto samples = static_cast<double>(samples_);
    const MaskResult result{.losses = &losses,
                            .samples = samples_,
                            .ignored_pixels = ignored_,
                            .class_names = names_,
                            .confusion = confusion_,
                            .f_score_per_image = f_scores_ / samples,
                            .background_f_score_per_image = background_f_scores_ / samples};
    Report report{.scalars = mask_scalars(result)};
    if (!parts.tables) return report;
    report.json = masks_json(result);
    report.table = masks_table(result);
    return report;
  }

 private:
  void begin(int64_t classes) {
    for (auto k = static_cast<int64_t>(names_.size()); k < classes; ++k) names_.push_back(text("class ", k));
    if (confusion_.empty()) confusion_.resize(classes * classes);
  }

  void add_image(const uint8_t* truth, const uint8_t* guess, int64_t pixels) {
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
    std::vector<double> image(counts.begin(), counts.begin() + classes * classes);
    if (ignore_ >= 0 && ignore_ < classes) std::fill_n(image.begin() + ignore_ * classes, classes, 0);
    for (size_t i = 0; i < image.size(); ++i) confusion_[i] += image[i];
    f_scores_ += f_score(image, classes);
    background_f_scores_ += f_score(constant_confusion(image, classes, 0), classes);
    ++samples_;
  }

  MasksConfig config_;
  int64_t ignore_;
  std::vector<std::string> names_;
  std::vector<double> confusion_;
  int64_t samples_ = 0, ignored_ = 0;
  double f_scores_ = 0, background_f_scores_ = 0;
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
