// A trained model judged on a split of its data, or of other data of the same shape: what `athanor eval`
// does.
#pragma once

#include <string>

#include "trainers/evaluator.h"
#include "trainers/job.h"

namespace athanor {

struct EvaluationOptions {
  Split split = Split::kTest;
  std::string predictions_path;  // HDF5 to write; "" for none
  bool with_inputs = false;      // in that file
  std::string pictures_path;     // folder for the report's pictures; "" for none
  bool mirror = false;           // mean of each image and its mirror image (models of pixels)
};

// The full report; its JSON also names checkpoint, step, data, split, device and precision. Reads the data
// that the model's job names, in the order of time, on `device`. Throws Error, with exit code 130 if it was
// told to stop.
Report evaluate_model(LoadedModel& loaded, const EvaluationOptions& options, at::Device device);

// All labels of a split, without reading its inputs.
TensorMap read_labels(const Dataset& dataset, Split split);

// Throws usage Error where data of this description cannot go into a model trained on that one.
void check_same_inputs(const DataSpec& trained, const DataSpec& given, const std::string& where);

}  // namespace athanor
