// A model's parameters and buffers out of it and into it, with a readable complaint where they do not fit.
#include <ATen/core/grad_mode.h>

#include "src/core/error.h"
#include "src/core/text.h"
#include "trainers/checkpoint.h"

namespace athanor {
namespace {

// "a, b, c and 4 more"
std::string some(const std::vector<std::string>& names) {
  constexpr size_t kShown = 3;
  const std::vector<std::string> shown(names.begin(), names.begin() + std::min(kShown, names.size()));
  const size_t more = names.size() - shown.size();
  return join(shown, ", ") + (more > 0 ? text(" and ", more, " more") : "");
}

}  // namespace

TensorMap model_weights(const Model& model) {
  TensorMap weights = model.parameters();
  for (const auto& [name, buffer] : model.buffers()) weights.set(name, buffer);
  return weights;
}

void load_weights(Model& model, const TensorMap& weights, const std::string& where) {
  std::vector<std::string> missing, unexpected, misshaped;
  const TensorMap own = model_weights(model);
  for (const auto& [name, tensor] : own) {
    const at::Tensor* saved = weights.find(name);
    if (saved == nullptr)
      missing.push_back(name);
    else if (saved->sizes() != tensor.sizes())
      misshaped.push_back(
          text(name, " ", shape_text(saved->sizes().vec()), " for ", shape_text(tensor.sizes().vec())));
  }
  for (const auto& [name, tensor] : weights)
    if (own.find(name) == nullptr) unexpected.push_back(name);

  std::vector<std::string> complaints;
  if (!missing.empty()) complaints.push_back("missing " + some(missing));
  if (!unexpected.empty()) complaints.push_back("unexpected " + some(unexpected));
  if (!misshaped.empty()) complaints.push_back("of another shape: " + some(misshaped));
  if (!complaints.empty())
    throw Error({where, "a checkpoint of another model", "the weights of this model", join(complaints, "; "),
                 "compare its config.yaml with this job's"});
  const at::NoGradGuard no_grad;
  for (const auto& [name, tensor] : own) tensor.copy_(weights.at(name));
}

}  // namespace athanor
