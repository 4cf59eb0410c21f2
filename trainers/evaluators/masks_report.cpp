#include "trainers/evaluators/masks_report.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "src/core/text.h"
#include "trainers/evaluators/confusion.h"

namespace athanor {
namespace {

using Json = nlohmann::ordered_json;
using Scalars = std::vector<std::pair<std::string, double>>;

template <class... Values>
std::string format(const char* pattern, Values... values) {
  char buffer[256];
  std::snprintf(buffer, sizeof(buffer), pattern, values...);
  return buffer;
}

Scalars scalars(const MaskMetrics& metrics, double f_score_per_image) {
  return {{"miou", metrics.miou},
          {"f_score", metrics.f_score},
          {"f_score_per_image", f_score_per_image},
          {"pixel_accuracy", metrics.pixel_accuracy}};
}

// Every pixel called the first class.
Scalars baseline_scalars(const MaskResult& result) {
  return scalars(mask_metrics(constant_confusion(result.confusion, result.classes(), 0), result.classes()),
                 result.background_f_score_per_image);
}

std::string baseline_name(const MaskResult& result) { return "all " + result.class_names[0]; }

double pixels_of(const std::vector<ClassRow>& rows) {
  double pixels = 0;
  for (const ClassRow& row : rows) pixels += row.support;
  return pixels;
}

Json classes_json(const MaskResult& result) {
  const std::vector<ClassRow> rows = class_rows(result.confusion, result.classes());
  const std::vector<double> ious = class_ious(result.confusion, result.classes());
  const double pixels = std::max(1.0, pixels_of(rows));
  Json classes = Json::array();
  for (int64_t k = 0; k < result.classes(); ++k)
    classes.push_back({{"name", result.class_names[k]},
                       {"pixels", static_cast<int64_t>(rows[k].support)},
                       {"share", rows[k].support / pixels},
                       {"predicted_share", rows[k].predicted / pixels},
                       {"iou", ious[k]},
                       {"f_score", rows[k].f1},
                       {"precision", rows[k].precision},
                       {"recall", rows[k].recall}});
  return classes;
}

Json confusion_json(const MaskResult& result) {
  Json counts = Json::array();
  for (int64_t truth = 0; truth < result.classes(); ++truth) {
    Json row = Json::array();
    for (int64_t guess = 0; guess < result.classes(); ++guess)
      row.push_back(static_cast<int64_t>(result.confusion[truth * result.classes() + guess]));
    counts.push_back(row);
  }
  return {{"names", result.class_names}, {"rows", "true"}, {"columns", "predicted"}, {"counts", counts}};
}

}  // namespace

Scalars mask_scalars(const MaskResult& result) {
  return scalars(mask_metrics(result.confusion, result.classes()), result.f_score_per_image);
}

std::string masks_json(const MaskResult& result) {
  Json json{{"evaluator", "masks"},
            {"samples", result.samples},
            {"pixels", static_cast<int64_t>(pixels_of(class_rows(result.confusion, result.classes())))},
            {"ignored_pixels", result.ignored_pixels},
            {"loss", result.losses->loss}};
  for (const auto& [name, value] : result.losses->loss_parts) json["loss_parts"][name] = value;
  for (const auto& [name, value] : mask_scalars(result)) json["metrics"][name]["model"] = value;
  for (const auto& [name, value] : baseline_scalars(result))
    json["metrics"][name][baseline_name(result)] = value;
  json["classes"] = classes_json(result);
  json["confusion"] = confusion_json(result);
  return json.dump(2);
}

std::string masks_table(const MaskResult& result) {
  const std::vector<ClassRow> rows = class_rows(result.confusion, result.classes());
  const double pixels = pixels_of(rows);
  std::string out =
      text(result.samples, " images, ", decimals(pixels / 1e6, 1), " million pixels",
           result.ignored_pixels > 0 ? text(", ", result.ignored_pixels, " ignored") : "", "\n");
  out += text("loss ", decimals(result.losses->loss, 4));
  for (const auto& [name, value] : result.losses->loss_parts)
    out += text(", ", name, " ", decimals(value, 4));
  out += format("\n\n%-18s %8s %16s\n", "", "model", baseline_name(result).c_str());
  const Scalars baseline = baseline_scalars(result), model = mask_scalars(result);
  const char* titles[] = {"mIoU", "F-score", "F-score an image", "pixel accuracy"};
  for (size_t i = 0; i < model.size(); ++i)
    out += format("%-18s %8.4f %16.4f\n", titles[i], model[i].second, baseline[i].second);
  const std::vector<double> ious = class_ious(result.confusion, result.classes());
  out += format("\n%-14s %8s %8s %9s %9s %9s\n", "class", "IoU", "F-score", "precision", "recall", "pixels");
  for (int64_t k = 0; k < result.classes(); ++k)
    out +=
        format("%-14s %8.4f %8.4f %9.4f %9.4f %8.3f%%\n", result.class_names[k].c_str(), ious[k], rows[k].f1,
               rows[k].precision, rows[k].recall, pixels > 0 ? 100 * rows[k].support / pixels : 0.0);
  return out;
}

}  // namespace athanor
