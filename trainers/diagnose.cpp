// The same forward and backward as the trainer's, with a look at every tensor on the way.
#include "trainers/diagnose.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/isnan.h>

#include "data/bars/bar_time.h"
#include "src/core/text.h"
#include "trainers/precision.h"

namespace athanor {
namespace {

// "NaN in KIND 'NAME'" or "".
std::string complaint(const std::string& kind, const std::string& name, const at::Tensor& tensor) {
  if (!tensor.defined() || !tensor.is_floating_point() || at::isfinite(tensor).all().item<bool>()) return "";
  const bool nan = at::isnan(tensor).any().item<bool>();
  return text(nan ? "NaN" : "infinity", " in ", kind, " '", name, "'");
}

std::string complaint(const std::string& kind, const TensorMap& tensors) {
  for (const auto& [name, tensor] : tensors)
    if (std::string found = complaint(kind, name, tensor); !found.empty()) return found;
  return "";
}

}  // namespace

std::string find_bad_tensor(Model& model, const Objective& objective, const Batch& batch,
                            at::ScalarType autocast) {
  const at::AutoGradMode with_gradients(true);
  std::string found = complaint("input", batch.inputs);
  if (found.empty()) found = complaint("label", batch.labels);
  if (found.empty()) found = complaint("parameter", model.parameters());
  if (!found.empty()) return found;

  TensorMap outputs;
  {
    const AutocastGuard guard(autocast, batch.inputs.begin()->second.device());
    outputs = model.forward(batch.inputs);
  }
  if (found = complaint("output", outputs); !found.empty()) return found;
  const Loss loss = objective.compute(to_fp32(outputs), batch.labels);
  if (found = complaint("loss part", loss.parts); !found.empty()) return found;
  if (found = complaint("loss", "total", loss.total); !found.empty()) return found;
  loss.total.backward();
  for (const auto& [name, parameter] : model.parameters())
    if (found = complaint("gradient of", name, parameter.grad()); !found.empty()) return found;
  return "";
}

std::string batch_text(const Batch& batch) {
  std::string range;
  if (batch.time.defined() && batch.size > 0)
    range = text(", ", time_text(batch.time.min().item<int64_t>()), " to ",
                 time_text(batch.time.max().item<int64_t>()));
  return text("batch ", batch.index, " (", batch.size, " samples", range, ")");
}

}  // namespace athanor
