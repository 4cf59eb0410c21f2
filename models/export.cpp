// TorchScript by tracing: the module tree is mirrored, forward traced (at two batch sizes, whose graphs must
// agree: a batch size baked into an LSTM's graph corrupts the heap at another), and wrapped in a scripted
// module that checks its inputs. Left out: quantised and frozen modules, autocast.
#include "models/export.h"

#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/frontend/tracer.h>
#include <torch/csrc/jit/passes/shape_analysis.h>
#include <torch/csrc/jit/serialization/import.h>
#include <torch/nn/module.h>

#include <algorithm>
#include <cctype>
#include <sstream>

#include "models/export_facts.h"
#include "src/core/error.h"
#include "src/core/files.h"
#include "src/core/text.h"

namespace athanor {
namespace {

namespace jit = torch::jit;

constexpr double kTolerance = 1e-6;

// Shares the tensors, by which the tracer knows them.
jit::Module mirror(const torch::nn::Module& module, const std::string& type,
                   const std::shared_ptr<jit::CompilationUnit>& unit) {
  jit::Module copy(c10::QualifiedName(type), unit, /*shouldMangle=*/true);
  for (const auto& item : module.named_parameters(false))
    copy.register_parameter(item.key(), item.value(), false);
  for (const auto& item : module.named_buffers(false)) copy.register_buffer(item.key(), item.value());
  for (const auto& item : module.named_children())
    copy.register_module(item.key(), mirror(*item.value(), type + "." + item.key(), unit));
  return copy;
}

// Whoever runs the exported module wants no gradients.
void detach_parameters(jit::Module& module) {
  for (const auto& item : module.named_parameters(/*recurse=*/false))
    module.setattr(item.name, item.value.detach());
  for (jit::Module child : module.children()) detach_parameters(child);
}

TensorMap random_batch(const DataSpec& spec, const std::vector<std::string>& names, int64_t batch) {
  TensorMap inputs;
  for (const std::string& name : names) {
    std::vector<int64_t> shape = spec.find_input(name)->shape;
    shape.insert(shape.begin(), batch);
    if (spec.find_input(name)->dtype == at::kByte) {
      inputs.set(name, at::randint(0, 256, shape, at::kByte));
      continue;
    }
    at::Tensor x = at::randn(shape);
    // Raw features: spread them as the scaler expects, so that the comparison is not all clipped values.
    if (const at::Tensor* scale = spec.constants.find("scale/" + name)) x = x * *scale;
    if (const at::Tensor* mean = spec.constants.find("mean/" + name)) x = x + *mean;
    inputs.set(name, x);
  }
  return inputs;
}

jit::Stack stack_of(const TensorMap& tensors) {
  jit::Stack stack;
  for (const auto& [name, tensor] : tensors) stack.emplace_back(tensor);
  return stack;
}

struct Traced {
  jit::Module module;
  std::shared_ptr<jit::Graph> graph;
  std::vector<std::string> inputs, outputs;
};

Traced trace(Model& model, const DataSpec& spec, const std::vector<std::string>& names, int64_t batch) {
  auto unit = std::make_shared<jit::CompilationUnit>();
  Traced traced{.module = mirror(model.module(), "__torch__.athanor.Network", unit), .inputs = names};
  traced.module.eval();
  const auto forward = [&](jit::Stack stack) {
    TensorMap inputs;
    for (size_t i = 0; i < names.size(); ++i) inputs.set(names[i], stack[i].toTensor());
    model.set_state({});
    const TensorMap outputs = model.forward(inputs);
    traced.outputs = outputs.names();
    std::vector<c10::IValue> values;
    for (const auto& [name, tensor] : outputs) values.emplace_back(tensor);
    return jit::Stack{c10::ivalue::Tuple::create(std::move(values))};
  };
  const auto state = jit::tracer::trace(
      stack_of(random_batch(spec, names, batch)), forward, [](const at::Tensor&) { return std::string(); },
      /*strict=*/true,
      /*force_outplace=*/false, &traced.module, names);
  traced.graph = state.first->graph;
  jit::EraseShapeInformation(traced.graph);
  return traced;
}

// The inputs that the graph reads; its first input is the module itself.
std::vector<std::string> used_inputs(const Traced& traced) {
  std::vector<std::string> used;
  for (size_t i = 0; i < traced.inputs.size(); ++i)
    if (traced.graph->inputs().at(i + 1)->hasUses()) used.push_back(traced.inputs[i]);
  return used;
}

Traced trace_any_batch(Model& model, const DataSpec& spec) {
  std::vector<std::string> names;
  for (const TensorSpec& input : spec.inputs) names.push_back(input.name);
  names = used_inputs(trace(model, spec, names, 3));
  Traced traced = trace(model, spec, names, 3);
  if (trace(model, spec, names, 2).graph->toString(false) != traced.graph->toString(false))
    throw Error({.where = "export",
                 .what = "the traced graph depends on the batch size",
                 .hint = "in the model's forward, take every shape from traced operations"});
  auto method = traced.module._ivalue()->compilation_unit()->create_function(
      c10::QualifiedName(*traced.module.type()->name(), "forward"), traced.graph);
  traced.module.type()->addMethod(method);
  detach_parameters(traced.module);
  return traced;
}

void check_identifier(const std::string& name) {
  const bool plain =
      std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) || c == '_'; });
  if (!plain || name.empty() || std::isdigit(static_cast<unsigned char>(name[0])))
    throw Error({.where = "export",
                 .what = "input '" + name + "' cannot name an argument in TorchScript",
                 .expected = "letters, digits and _"});
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
  const auto check = [&](const std::string& condition, const std::string& expected) {
    return "    assert " + condition + ", \"input '" + name + "': expected " + expected +
           ", got {}\".format(" + name + ".size())\n";
  };
  return text("    assert ", name, ".dtype == ", static_cast<int>(input.dtype), ", \"input '", name,
              "': expected ", dtype_name(input.dtype), "\"\n") +
         check(right, shape + "]") + check(name + ".size(0) > 0", "at least one sample") +
         check(name + ".size(0) == " + first + ".size(0)", "as many samples as '" + first + "' has");
}

jit::Module wrap(const Traced& traced, const DataSpec& spec) {
  std::vector<std::string> arguments, results, entries;
  std::string checks;
  for (const std::string& name : traced.inputs) {
    check_identifier(name);
    arguments.push_back(name + ": Tensor");
    checks += check_source(*spec.find_input(name), traced.inputs[0]);
  }
  for (size_t i = 0; i < traced.outputs.size(); ++i)
    entries.push_back(text("\"", traced.outputs[i], "\": y[", i, "]"));
  jit::Module outer(c10::QualifiedName("__torch__.athanor.Exported"),
                    traced.module._ivalue()->compilation_unit());
  outer.register_module("network", traced.module);
  outer.define("def forward(self, " + join(arguments, ", ") + ") -> Dict[str, Tensor]:\n" + checks +
               "    y = self.network.forward(" + join(traced.inputs, ", ") + ")\n    return {" +
               join(entries, ", ") + "}\n");
  outer.eval();
  return outer;
}

double difference(const at::Tensor& got, const at::Tensor& wanted) {
  if (got.sizes() != wanted.sizes()) return std::numeric_limits<double>::infinity();
  return ((got - wanted).abs() / wanted.abs().clamp_min(1)).max().item<double>();
}

// Twice a batch size: the interpreter specialises the graph after its first run.
void compare(jit::Module& exported, Model& model, const DataSpec& spec,
             const std::vector<std::string>& names) {
  for (const int64_t batch : {1, 2, 5, 17, 1, 17}) {
    const TensorMap inputs = random_batch(spec, names, batch);
    model.set_state({});
    const auto got = exported.forward(stack_of(inputs)).toGenericDict();
    for (const auto& [name, wanted] : model.forward(inputs)) {
      const double worst = difference(got.at(name).toTensor(), wanted);
      if (!(worst <= kTolerance))
        throw Error({.where = "export",
                     .what = text("output '", name, "' differs from the model's at batch size ", batch),
                     .expected = text("within ", kTolerance),
                     .got = text(worst)});
    }
  }
}

}  // namespace

void export_torchscript(Model& model, const DataSpec& spec, const ExportFacts& facts,
                        const std::string& path) {
  const at::NoGradGuard no_grad;
  model.to(at::kCPU);
  model.set_training(false);
  const Traced traced = trace_any_batch(model, spec);
  const std::string json = facts_json(spec, facts, traced.inputs, traced.outputs);
  std::stringstream bytes;
  wrap(traced, spec).save(bytes, {{"athanor.json", json}});
  jit::Module written = jit::load(bytes);
  compare(written, model, spec, traced.inputs);
  model.set_state({});
  write_file_atomically(path, bytes.str());
  write_file_atomically(path + ".json", json);
}

}  // namespace athanor
