// The evaluator `masks`: scikit-learn's numbers, batch by batch, and what its pictures show.
#include <ATen/ATen.h>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "data/images/draw.h"
#include "src/core/config.h"
#include "src/core/error.h"
#include "src/core/files.h"
#include "trainers/evaluator.h"

namespace athanor {
namespace {

using Json = nlohmann::ordered_json;
using Catch::Matchers::Contains;

DataSpec spec_of(int64_t classes, int64_t ignore = 255) {
  DataSpec spec;
  for (int64_t k = 0; k < classes; ++k) spec.class_names.push_back("part " + std::to_string(k));
  spec.class_colours = distinct_colours(classes);
  spec.ignore_index = ignore;
  return spec;
}

std::unique_ptr<Evaluator> make_masks_evaluator(const DataSpec& spec,
                                                const std::vector<std::string>& settings = {}) {
  EvaluatorChoice choice(evaluator_components(), "masks");
  read_config("", settings, [&](Fields& fields) { choice.config().list_fields(fields); });
  return choice.make(spec);
}

// Masks [B,6,5] as labels, and logits that say `guess`.
struct Masks {
  at::Tensor truth, logits, image;
};

Masks masks_of(const Json& one) {
  const auto ids = [&](const char* name) {
    return at::tensor(one[name].get<std::vector<int64_t>>()).view({-1, 6, 5});
  };
  const auto classes = one["classes"].get<int64_t>();
  Masks masks{ids("truth").to(at::kByte), {}, {}};
  masks.logits = at::one_hot(ids("guess"), classes).movedim(-1, 1).to(at::kFloat);
  masks.image = at::full({masks.truth.size(0), 3, 6, 5}, 80, at::kByte);
  return masks;
}

Json golden() {
  return Json::parse(read_file(ATHANOR_SOURCE_DIR "/tests/trainers/evaluators/masks_golden.json"));
}

// In batches of `size`.
std::unique_ptr<Tally> tally_of(const Evaluator& evaluator, const Masks& masks, int64_t size) {
  auto tally = evaluator.start_tally();
  for (int64_t first = 0; first < masks.truth.size(0); first += size) {
    const int64_t last = std::min(first + size, masks.truth.size(0));
    tally->add({.inputs = {{"image", masks.image.slice(0, first, last)}},
                .labels = {{"mask", masks.truth.slice(0, first, last)}},
                .size = last - first},
               {{"logits", masks.logits.slice(0, first, last)}});
  }
  return tally;
}

double scalar(const Report& report, const std::string& name) {
  for (const auto& [known, value] : report.scalars)
    if (known == name) return value;
  throw std::runtime_error("no scalar " + name);
}

CATCH_TEST_CASE("masks: scores equal scikit-learn's, in batches of any size and gathered whole",
                "[unit][parity]") {
  CATCH_REQUIRE(golden()["cases"].size() == 8);
  for (const Json& one : golden()["cases"]) {
    CATCH_INFO(one["name"]);
    const Masks masks = masks_of(one);
    const auto evaluator = make_masks_evaluator(spec_of(one["classes"]));
    std::vector<Report> reports;
    for (const int64_t size : {4, 3, 1})
      reports.push_back(tally_of(*evaluator, masks, size)->report({}, {.tables = true}));
    Predictions whole;
    whole.outputs.set("logits", masks.logits);
    whole.labels.set("mask", masks.truth);
    reports.push_back(evaluator->evaluate(whole, {}, true));
    for (const Report& report : reports) {
      for (const char* name : {"miou", "f_score", "f_score_per_image", "pixel_accuracy"}) {
        CATCH_INFO(name);
        CATCH_CHECK(scalar(report, name) == Approx(one[name].get<double>()).epsilon(1e-9));
      }
      const Json json = Json::parse(report.json);
      CATCH_CHECK(json["confusion"]["counts"] == one["confusion"]);
      CATCH_CHECK(json["metrics"]["miou"]["all part 0"].get<double>() ==
                  Approx(one["background_miou"].get<double>()).epsilon(1e-9));
      for (size_t k = 0; k < one["iou"].size(); ++k)
        CATCH_CHECK(json["classes"][k]["iou"].get<double>() ==
                    Approx(one["iou"][k].get<double>()).epsilon(1e-9));
    }
  }
}

CATCH_TEST_CASE("masks: the table names each class, the loss and the baseline", "[unit]") {
  const Json one = golden()["cases"][1];
  const auto evaluator = make_masks_evaluator(spec_of(4));
  const auto tally = tally_of(*evaluator, masks_of(one), 4);
  CATCH_CHECK(tally->report({}, {}).table.empty());
  CATCH_CHECK(tally->report({}, {}).pictures.empty());
  Predictions losses;
  losses.loss = 1.25;
  const std::string table = tally->report(losses, {.tables = true}).table;
  for (const char* word :
       {"mIoU", "F-score", "pixel accuracy", "all part 0", "part 3", "loss 1.25", "4 images"})
    CATCH_CHECK_THAT(table, Contains(word));
}

CATCH_TEST_CASE("masks: pictures of the matrix, of the first samples and of the worst", "[unit]") {
  Masks masks = masks_of(golden()["cases"][1]);
  masks.logits[2].copy_(at::one_hot((masks.truth[2].to(at::kLong) + 1) % 4, 4).movedim(-1, 0));  // all wrong
  const auto evaluator = make_masks_evaluator(spec_of(4), {"pictures=1"});
  const Report report = tally_of(*evaluator, masks, 3)->report({}, {.pictures = true});
  CATCH_REQUIRE(report.pictures.size() == 3);
  CATCH_CHECK(report.pictures[0].name == "confusion");
  CATCH_CHECK(report.pictures[1].name == "samples");
  CATCH_CHECK(report.pictures[2].name == "worst");
  const auto reds = [](const Image& image) {
    int64_t count = 0;
    for (int64_t i = 0; i < image.height * image.width; ++i) {
      const uint8_t* pixel = image.pixels.data() + 3 * i;
      count += pixel[0] > 180 && pixel[1] < 60 && pixel[2] < 60;
    }
    return count;
  };
  // Of the worst sample each of the 6 x 5 pixels is wrong and red; the legend's colours are in both.
  CATCH_CHECK(reds(report.pictures[2].image) - reds(report.pictures[1].image) > 15);
  CATCH_CHECK(reds(report.pictures[2].image) >= 30);
  const auto without = make_masks_evaluator(spec_of(4), {"pictures=0"});
  CATCH_CHECK(tally_of(*without, masks, 3)->report({}, {.pictures = true}).pictures.size() == 1);
}

CATCH_TEST_CASE("masks: pictures need no colours, and no image of bytes", "[unit]") {
  Masks masks = masks_of(golden()["cases"][0]);
  DataSpec spec = spec_of(4);
  spec.class_colours.clear();
  const auto evaluator = make_masks_evaluator(spec);
  CATCH_CHECK(tally_of(*evaluator, masks, 4)->report({}, {.pictures = true}).pictures.size() == 3);
  masks.image = masks.image.to(at::kFloat);
  CATCH_CHECK(tally_of(*evaluator, masks, 4)->report({}, {.pictures = true}).pictures.size() == 1);
}

CATCH_TEST_CASE("masks: what does not fit is refused in words", "[unit]") {
  const auto evaluator = make_masks_evaluator(spec_of(4));
  Masks masks = masks_of(golden()["cases"][0]);
  CATCH_CHECK_THROWS_WITH(evaluator->start_tally()->report({}, {}), Contains("no samples"));
  masks.truth[1].fill_(9);
  CATCH_CHECK_THROWS_WITH(tally_of(*evaluator, masks, 4),
                          Contains("sample 1") && Contains("0 to 3") && Contains("9"));
  masks.truth = masks.truth.slice(1, 0, 5);
  CATCH_CHECK_THROWS_WITH(tally_of(*evaluator, masks, 4), Contains("[4,5,5]") && Contains("[4,6,5]"));
}

}  // namespace
}  // namespace athanor
