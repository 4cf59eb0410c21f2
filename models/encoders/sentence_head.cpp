#include "models/encoders/sentence_head.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/tanh.h>
#include <ATen/ops/where.h>

#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>

#include "models/encoders/block.h"
#include "models/encoders/hf_folder.h"
#include "src/core/error.h"
#include "src/core/files.h"
#include "src/core/text.h"

namespace athanor {
namespace {

struct PoolingName {
  const char *name, *old_flag;  // of sentence-transformers 6, and the flag of earlier ones
  TokenPooling pooling;
};
constexpr PoolingName kPoolings[] = {
    {"cls", "pooling_mode_cls_token", TokenPooling::kFirst},
    {"max", "pooling_mode_max_tokens", TokenPooling::kMax},
    {"mean", "pooling_mode_mean_tokens", TokenPooling::kMean},
    {"mean_sqrt_len_tokens", "pooling_mode_mean_sqrt_len_tokens", TokenPooling::kMeanSqrtLength},
    {"lasttoken", "pooling_mode_lasttoken", TokenPooling::kLast}};

// hidden [B,L,D], mask [B,L] f32 -> [B,D]
at::Tensor pooled(const at::Tensor& hidden, const at::Tensor& mask, TokenPooling pooling) {
  const at::Tensor counts = mask.unsqueeze(-1);  // [B,L,1]
  switch (pooling) {
    case TokenPooling::kMean:
      return masked_mean(hidden, mask);
    case TokenPooling::kMeanSqrtLength:
      return (hidden * counts).sum(1) / mask.sum(1, true).clamp_min(1e-9).sqrt();
    case TokenPooling::kMax:
      return std::get<0>(at::where(counts != 0, hidden, std::numeric_limits<float>::lowest()).max(1));
    case TokenPooling::kFirst:
      return hidden.select(1, 0);
    case TokenPooling::kLast: {
      // The first place at which all are counted.
      const at::Tensor last = mask.to(at::kLong).cumsum(1).argmax(1);
      return hidden.gather(1, last.view({-1, 1, 1}).expand({-1, 1, hidden.size(2)})).squeeze(1);
    }
  }
  return {};
}

}  // namespace

at::Tensor masked_mean(const at::Tensor& hidden, const at::Tensor& counts) {
  const at::Tensor weights = counts.to(hidden.scalar_type());
  return (hidden * weights.unsqueeze(-1)).sum(1) / weights.sum(1, true).clamp_min(1e-9);
}

at::Tensor l2_normalized(const at::Tensor& x) { return x / x.norm(2, -1, true).clamp_min(1e-12); }

SentenceHead::SentenceHead(const std::string& folder, int64_t width) : width_(width) {
  const std::string list = folder + "/modules.json";
  if (std::filesystem::exists(list)) {
    const auto modules = nlohmann::json::parse(read_file(list), nullptr, /*allow_exceptions=*/false);
    if (!modules.is_array()) throw usage_error({list, "not what it should be", "a JSON list of modules"});
    for (const auto& module : modules) {
      if (!module.is_object() || !module.value("type", nlohmann::json()).is_string() ||
          !module.value("path", nlohmann::json()).is_string())
        throw usage_error({list, "not what it should be", "modules with type and path", module.dump()});
      const auto type = module["type"].get<std::string>();
      read_module(folder, type.substr(type.rfind('.') + 1), module["path"].get<std::string>());
    }
  }
  if (!poolings_.empty()) return;
  poolings_ = {TokenPooling::kMean};
  normalizes_ = true;
}

void SentenceHead::read_module(const std::string& folder, const std::string& type, const std::string& path) {
  const std::string own = folder + "/" + path;
  if (type == "Transformer") {
    if (!path.empty())
      throw usage_error({folder + "/modules.json", "the tower is elsewhere", "path \"\"", path});
  } else if (type == "Pooling") {
    read_pooling(own + "/config.json");
  } else if (type == "Dense") {
    read_dense(own);
  } else if (type == "Normalize") {
    normalizes_ = true;
  } else {
    throw usage_error({folder + "/modules.json", "a module of a kind that is not known",
                       "Transformer, Pooling, Dense or Normalize", type});
  }
}

void SentenceHead::read_pooling(const std::string& file) {
  const HfConfig config(file);
  includes_prompt_ = config.flag("include_prompt", true);
  const std::string mode = config.word("pooling_mode", "");
  for (const PoolingName& known : kPoolings)
    if (mode == known.name || config.flag(known.old_flag, false)) poolings_.push_back(known.pooling);
  if (poolings_.empty()) config.refuse("pooling_mode", "cls, max, mean, mean_sqrt_len_tokens or lasttoken");
  width_ *= static_cast<int64_t>(poolings_.size());
}

void SentenceHead::read_dense(const std::string& folder) {
  const HfConfig config(folder + "/config.json");
  if (config.size("in_features") != width_) config.refuse("in_features", std::to_string(width_));
  const std::string activation = config.word("activation_function", "torch.nn.modules.activation.Tanh");
  const bool tanh = activation.ends_with(".Tanh");
  if (!tanh && !activation.ends_with(".Identity"))
    config.refuse("activation_function", "torch.nn.modules.activation.Tanh or ….linear.Identity");
  HfWeights weights(folder);
  const int64_t outputs = config.size("out_features");
  dense_.emplace_back(
      register_module(text("dense", dense_.size()),
                      read_linear({weights, ""}, "linear", width_, outputs, config.flag("bias", true))),
      tanh);
  width_ = outputs;
}

at::Tensor SentenceHead::forward(const at::Tensor& hidden, const at::Tensor& mask) const {
  std::vector<at::Tensor> vectors;
  for (const TokenPooling pooling : poolings_)
    vectors.push_back(pooled(hidden, mask.to(hidden.scalar_type()), pooling));
  at::Tensor x = vectors.size() == 1 ? vectors.front() : at::cat(vectors, -1);
  for (const auto& [layer, tanh] : dense_) x = tanh ? at::tanh(layer->forward(x)) : layer->forward(x);
  return normalizes_ ? l2_normalized(x) : x;
}

}  // namespace athanor
