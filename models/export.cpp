// A trained model as TorchScript (models/trace.h): which inputs it takes and how wrong ones are refused.
#include "models/export.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>

#include "models/export_facts.h"
#include "models/trace.h"
#include "src/core/text.h"

namespace athanor {
namespace {

TensorMap random_batch(const DataSpec& spec, int64_t batch) {
  TensorMap inputs;
  for (const TensorSpec& input : spec.inputs) {
    std::vector<int64_t> shape = input.shape;
    shape.insert(shape.begin(), batch);
    if (input.dtype == at::kByte) {
      inputs.set(input.name, at::randint(0, 256, shape, at::kByte));
      continue;
    }
    at::Tensor x = at::randn(shape);
    // Raw features: spread them as the scaler expects, so that the comparison is not all clipped values.
    if (const at::Tensor* scale = spec.constants.find("scale/" + input.name)) x = x * *scale;
    if (const at::Tensor* mean = spec.constants.find("mean/" + input.name)) x = x + *mean;
    inputs.set(input.name, x);
  }
  return inputs;
}

// Source of an input's checks, like:  assert M1.size(1) == 480, "input 'M1': expected [B,480,16], got
// {}".format(…)
std::string check_source(const TensorSpec& input, const std::string& first) {
  const std::string& name = input.name;
  std::string right = text(name, ".dim() == ", input.shape.size() + 1), shape = "[B";
  for (size_t i = 0; i < input.shape.size(); ++i) {
    right += text(" and ", name, ".size(", i + 1, ") == ", input.shape[i]);
    shape += text(",", input.shape[i]);
  }
  return type_check(name, input.dtype) + shape_check(name, right, shape + "]") +
         shape_check(name, name + ".size(0) > 0", "at least one sample") +
         shape_check(name, name + ".size(0) == " + first + ".size(0)",
                     "as many samples as '" + first + "' has");
}

}  // namespace

void export_torchscript(Model& model, const DataSpec& spec, const ExportFacts& facts,
                        const std::string& path) {
  model.to(at::kCPU);
  model.set_training(false);
  TraceJob job{.network = &model.module()};
  job.forward = [&](const TensorMap& inputs) {
    model.set_state({});
    return model.forward(inputs);
  };
  job.inputs = [&](int64_t batch) { return random_batch(spec, batch); };
  job.checks = [&](const Names& inputs) {
    std::string source;
    for (const std::string& name : inputs) source += check_source(*spec.find_input(name), inputs[0]);
    return source;
  };
  job.facts = [&](const Names& inputs, const Names& outputs) {
    return facts_json(spec, facts, inputs, outputs);
  };
  job.batches = {1, 2, 5, 17};
  export_traced(job, path);
  model.set_state({});
}

}  // namespace athanor
