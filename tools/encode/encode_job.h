// `athanor encode`: inputs of a file become vectors of a file. A window of inputs at a time is read, sorted
// by length, encoded in batches of like length and appended in the order of the input, so that memory does
// not grow with the file and a killed run goes on behind the last window.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "models/encoders/encoder.h"
#include "tools/encode/input_lines.h"

namespace athanor {

struct EncodeOptions {
  std::string model, input, output;
  InputKind input_kind = InputKind::kTexts;
  VectorMode mode = VectorMode::kSingle;
  VectorKind kind = VectorKind::kEncoder;
  std::optional<std::string> prompt;  // tools/encode/prompts.h
  int64_t batch = 0;                  // inputs at most; 0: as many as fit
  std::string device = "auto";
  std::string precision = "fp32";
  int64_t threads = 0;
  bool resume = false, skip_bad = false;
};

struct EncodeCounts {
  int64_t inputs = 0, resumed = 0, skipped = 0;
  double seconds = 0;  // of this run, without loading the model
};

// "texts", "images" or "pairs"; without the s for one.
std::string inputs_text(InputKind kind, int64_t count);

// Throws Error; usage Error where the options do not fit the model.
EncodeCounts encode(const EncodeOptions& options);

}  // namespace athanor
