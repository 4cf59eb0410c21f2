// Augmentation in the loop: what training sees and what evaluation sees.
#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <catch2/catch.hpp>

#include "tests/trainers/toy.h"

using namespace athanor;

namespace {

// Counts magnitudes that ToyAugmentation has marked, in training and in evaluation.
class MarkCounter : public Objective {
 public:
  MarkCounter() : inner_(make_toy_objective("direction_magnitude")) {}
  Loss compute(const TensorMap& outputs, const TensorMap& labels) const override {
    const at::Tensor& magnitude = labels.at("magnitude");
    const int64_t marked = (magnitude > kAugmented / 2).sum().item<int64_t>();
    const bool training = c10::GradMode::is_enabled();
    (training ? trained : evaluated) += magnitude.size(0);
    (training ? marked_in_training : marked_in_evaluation) += marked;
    return inner_->compute(outputs, labels);
  }
  std::vector<std::string> needed_outputs() const override { return inner_->needed_outputs(); }
  std::vector<std::string> needed_labels() const override { return inner_->needed_labels(); }

  mutable int64_t trained = 0, evaluated = 0, marked_in_training = 0, marked_in_evaluation = 0;

 private:
  std::unique_ptr<Objective> inner_;
};

}  // namespace

CATCH_TEST_CASE("augmentation: training sees it in every batch, evaluation in none", "[unit]") {
  for (const bool augment : {true, false}) {
    ToyOptions options;
    options.augment = augment;
    options.trainer.sanity_batches = 2;
    auto objective = std::make_unique<MarkCounter>();
    const MarkCounter& seen = *objective;
    Toy toy(options, std::move(objective));
    toy.trainer().try_batch();
    toy.trainer().check_validation();
    toy.run();
    CATCH_CHECK(seen.trained > 2 * options.train_samples);
    CATCH_CHECK(seen.evaluated >= 2 * options.val_samples);
    CATCH_CHECK(seen.marked_in_training == (augment ? seen.trained : 0));
    CATCH_CHECK(seen.marked_in_evaluation == 0);
  }
}

CATCH_TEST_CASE("augmentation: one batch alone is overfitted as it is", "[unit]") {
  ToyOptions options;
  options.augment = true;
  options.trainer.overfit_one_batch = true;
  auto objective = std::make_unique<MarkCounter>();
  const MarkCounter& seen = *objective;
  Toy toy(options, std::move(objective));
  toy.run();
  CATCH_CHECK(seen.trained > 0);
  CATCH_CHECK(seen.marked_in_training == 0);
}
