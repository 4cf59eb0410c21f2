#include "models/encoders/export_encoder.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "models/encoders/modern_vbert.h"
#include "models/trace.h"
#include "src/core/error.h"
#include "src/core/text.h"

namespace athanor {
namespace {

constexpr const char *kIds = "input_ids", *kMask = "attention_mask", *kPixels = "pixel_values";

struct Output {
  const char* name;
  VectorMode mode;
  VectorKind kind;
};
constexpr Output kOutputs[] = {{"hidden", VectorMode::kMulti, VectorKind::kHidden},
                               {"pooled", VectorMode::kSingle, VectorKind::kPooled},
                               {"vectors", VectorMode::kSingle, VectorKind::kEncoder},
                               {"token_vectors", VectorMode::kMulti, VectorKind::kEncoder}};

std::vector<Output> outputs_of(const Encoder& encoder, InputKind input) {
  std::vector<Output> outputs;
  std::string refusal;
  for (const Output& output : kOutputs) try {
      encoder.width(input, output.mode, output.kind);
      outputs.push_back(output);
    } catch (const Error& error) {
      refusal = error.what();
    }
  if (outputs.empty()) throw usage_error({.what = refusal});
  return outputs;
}

class EncoderTrace {
 public:
  EncoderTrace(const Encoder& encoder, const std::string& folder, InputKind input)
      : encoder_(encoder),
        folder_(folder),
        input_(input),
        outputs_(outputs_of(encoder, input)),
        texts_(input != InputKind::kImages || encoder.joint() != nullptr),
        images_(input != InputKind::kTexts) {}

  TraceJob job() const {
    TraceJob job{.network = &encoder_};
    job.forward = [this](const TensorMap& inputs) { return forward(inputs); };
    job.inputs = [this](int64_t batch) { return random_inputs(batch); };
    job.checks = [this](const Names&) { return checks(); };
    job.facts = [this](const Names&, const Names&) { return facts(); };
    job.batches = {1, 2, 5};
    job.tolerance = 1e-5;
    return job;
  }

 private:
  TensorMap forward(const TensorMap& inputs) const {
    TensorMap outputs;
    EncoderBatch batch;
    if (texts_) batch.ids = inputs.at(kIds), batch.mask = inputs.at(kMask);
    if (images_) batch.pixels = inputs.at(kPixels);
    if (encoder_.joint() != nullptr) {
      for (const Output& output : outputs_)
        outputs.set(output.name, encoder_.forward(input_, batch, output.mode, output.kind));
      return outputs;
    }
    TowerOutput text, image;  // once for all outputs
    if (texts_) text = encoder_.text().forward(batch.ids, batch.mask);
    if (images_) image = encoder_.vision().forward(batch.pixels);
    for (const auto& [name, mode, kind] : outputs_)
      outputs.set(name, texts_ && images_ ? encoder_.pairs(text, batch.mask, image, mode)
                        : texts_          ? encoder_.texts(text, batch.mask, mode, kind)
                                          : encoder_.images(image, mode, kind));
    return outputs;
  }

  // Tokens that stand for an image, at the begin of every row (ColModernVBERT).
  int64_t image_tokens() const {
    return images_ && encoder_.joint() != nullptr ? encoder_.joint()->image_tokens() : 0;
  }

  // Rows of several lengths, padded at the right.
  TensorMap random_inputs(int64_t batch) const {
    TensorMap inputs;
    if (texts_) {
      const TextTower& tower = encoder_.text();
      const int64_t most = std::min<int64_t>(31, tower.longest() - image_tokens()),
                    length = image_tokens() +
                             (tower.is_full_length() ? tower.longest() : 1 + (5 * batch + 1) % most);
      const int64_t known =
          encoder_.joint() == nullptr ? tower.ids() : std::min(tower.ids(), encoder_.joint()->image_token());
      at::Tensor ids = at::randint(0, known, {batch, length}, at::kLong), mask = at::ones_like(ids);
      if (image_tokens() > 0) ids.narrow(1, 0, image_tokens()).fill_(encoder_.joint()->image_token());
      for (int64_t row = 0; row < batch && !tower.is_full_length(); ++row) {
        const int64_t padding = std::min(row, length - image_tokens() - 1);
        ids[row].narrow(0, length - padding, padding).fill_(tower.padding_id());
        mask[row].narrow(0, length - padding, padding).fill_(0);
      }
      inputs.set(kIds, ids);
      inputs.set(kMask, mask);
    }
    const int64_t size = images_ ? encoder_.vision().image_size() : 0;
    if (images_) inputs.set(kPixels, at::randn({batch, 3, size, size}));
    return inputs;
  }

  std::string checks() const {
    std::string source;
    const auto shape = [&](const char* name, const std::string& condition, const std::string& expected) {
      source += shape_check(name, name + condition, expected);
    };
    if (texts_) {
      const int64_t longest = encoder_.text().longest();
      const std::string expected = text("[B,L], of 1 to ", longest, " tokens");
      source += type_check(kIds, at::kLong) + type_check(kMask, at::kLong);
      shape(kIds, ".dim() == 2", expected);
      shape(kIds, text(".size(1) > 0 and ", kIds, ".size(1) <= ", longest), expected);
      shape(kMask, text(".size() == ", kIds, ".size()"), text("the size of '", kIds, "'"));
    }
    if (images_) {
      const int64_t size = encoder_.vision().image_size();
      source += type_check(kPixels, at::kFloat);
      shape(kPixels,
            text(".dim() == 4 and ", kPixels, ".size(1) == 3 and ", kPixels, ".size(2) == ", size, " and ",
                 kPixels, ".size(3) == ", size),
            text("[B,3,", size, ",", size, "]"));
    }
    if (image_tokens() > 0)
      shape(kPixels,
            text(".size(0) * ", image_tokens(), " == int((", kIds, " == ", encoder_.joint()->image_token(),
                 ").sum())"),
            text("an image for each ", image_tokens(), " tokens ", encoder_.joint()->image_token()));
    else if (texts_ && images_)
      shape(kPixels, text(".size(0) == ", kIds, ".size(0)"), "an image for each text");
    return source;
  }

  std::string facts() const {
    nlohmann::ordered_json json{{"made_by", "athanor"}, {"model", folder_}};
    json["inputs"] = nlohmann::json::array();
    if (texts_) {
      const TextTower& tower = encoder_.text();
      json["inputs"].push_back({{"name", kIds}, {"shape", {"B", "L"}}, {"dtype", "int64"}});
      json["inputs"].push_back({{"name", kMask}, {"shape", {"B", "L"}}, {"dtype", "int64"}});
      json["longest"] = tower.longest();
      json["padding_id"] = tower.padding_id();
      json["pad_to_longest"] = tower.is_full_length();
    }
    const int64_t size = images_ ? encoder_.vision().image_size() : 0;
    if (images_)
      json["inputs"].push_back({{"name", kPixels}, {"shape", {"B", 3, size, size}}, {"dtype", "float32"}});
    json["outputs"] = nlohmann::json::array();
    for (const Output& output : outputs_)
      json["outputs"].push_back(
          {{"name", output.name}, {"width", encoder_.width(input_, output.mode, output.kind)}});
    return json.dump(2) + "\n";
  }

  const Encoder& encoder_;
  std::string folder_;
  InputKind input_;
  std::vector<Output> outputs_;
  bool texts_, images_;
};

}  // namespace

void export_encoder(const Encoder& encoder, const std::string& folder, InputKind input,
                    const std::string& path) {
  const EncoderTrace trace(encoder, std::filesystem::path(folder).filename(), input);
  export_traced(trace.job(), path);
}

}  // namespace athanor
