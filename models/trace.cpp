#include "models/trace.h"

#include <ATen/TensorOperators.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/frontend/tracer.h>
#include <torch/csrc/jit/passes/shape_analysis.h>
#include <torch/csrc/jit/serialization/export.h>
#include <torch/csrc/jit/serialization/import.h>
#include <torch/nn/module.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <limits>
#include <set>

#include "models/export_facts.h"
#include "src/core/error.h"
#include "src/core/files.h"
#include "src/core/text.h"

namespace athanor {
namespace {

namespace jit = torch::jit;
using Unit = std::shared_ptr<jit::CompilationUnit>;

// What of a network, and which inputs, forward uses.
struct Used {
  Names inputs;
  std::set<std::string> children;
};

// Shares the tensors, by which the tracer knows them. `children`: those to have, of the outermost; null: all.
jit::Module mirror(const torch::nn::Module& module, const std::string& type, const Unit& unit,
                   const std::set<std::string>* children) {
  jit::Module copy(c10::QualifiedName(type), unit, /*shouldMangle=*/true);
  for (const auto& item : module.named_parameters(false))
    copy.register_parameter(item.key(), item.value(), false);
  for (const auto& item : module.named_buffers(false)) copy.register_buffer(item.key(), item.value());
  for (const auto& item : module.named_children())
    if (children == nullptr || children->contains(item.key()))
      copy.register_module(item.key(), mirror(*item.value(), type + "." + item.key(), unit, nullptr));
  return copy;
}

// Whoever runs the exported module wants no gradients.
void detach_parameters(jit::Module& module) {
  for (const auto& item : module.named_parameters(/*recurse=*/false))
    module.setattr(item.name, item.value.detach());
  for (jit::Module child : module.children()) detach_parameters(child);
}

jit::Stack stack_of(const TensorMap& tensors, const Names& names) {
  jit::Stack stack;
  for (const std::string& name : names) stack.emplace_back(tensors.at(name));
  return stack;
}

struct Traced {
  jit::Module module;
  std::shared_ptr<jit::Graph> graph;
  Names inputs, outputs;
};

Traced trace(const TraceJob& job, const Used* used, int64_t batch) {
  const TensorMap example = job.inputs(batch);
  Traced traced{
      .module = mirror(*job.network, "__torch__.athanor.Network", std::make_shared<jit::CompilationUnit>(),
                       used == nullptr ? nullptr : &used->children),
      .inputs = used == nullptr ? example.names() : used->inputs};
  traced.module.eval();
  const auto forward = [&](jit::Stack stack) {
    TensorMap inputs;
    for (size_t i = 0; i < traced.inputs.size(); ++i) inputs.set(traced.inputs[i], stack[i].toTensor());
    const TensorMap outputs = job.forward(inputs);
    traced.outputs = outputs.names();
    std::vector<c10::IValue> values;
    for (const auto& [name, tensor] : outputs) values.emplace_back(tensor);
    return jit::Stack{c10::ivalue::Tuple::create(std::move(values))};
  };
  const auto state = jit::tracer::trace(
      stack_of(example, traced.inputs), forward, [](const at::Tensor&) { return std::string(); },
      /*strict=*/true, /*force_outplace=*/false, &traced.module, traced.inputs);
  traced.graph = state.first->graph;
  jit::EraseShapeInformation(traced.graph);
  return traced;
}

// The first input of the graph is the module itself.
Used used_of(const Traced& traced) {
  Used used;
  for (size_t i = 0; i < traced.inputs.size(); ++i)
    if (traced.graph->inputs().at(i + 1)->hasUses()) used.inputs.push_back(traced.inputs[i]);
  for (const jit::Use& use : traced.graph->inputs().at(0)->uses())
    if (use.user->kind() == c10::prim::GetAttr && use.user->output()->hasUses())
      used.children.insert(use.user->s(c10::attr::name));
  return used;
}

Traced trace_any_batch(const TraceJob& job) {
  const Used used = used_of(trace(job, nullptr, 3));
  Traced traced = trace(job, &used, 3);
  if (trace(job, &used, 2).graph->toString(false) != traced.graph->toString(false))
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

jit::Module wrap(const Traced& traced, const std::string& checks) {
  Names arguments, entries;
  for (const std::string& name : traced.inputs) {
    check_identifier(name);
    arguments.push_back(name + ": Tensor");
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

// Each batch size twice: the interpreter specialises the graph after its first run.
void compare(jit::Module exported, const TraceJob& job, const Names& names) {
  std::vector<int64_t> batches = job.batches;
  batches.insert(batches.end(), job.batches.begin(), job.batches.end());
  for (const int64_t batch : batches) {
    const TensorMap inputs = job.inputs(batch);
    const auto got = exported.forward(stack_of(inputs, names)).toGenericDict();
    for (const auto& [name, wanted] : job.forward(inputs)) {
      const double worst = difference(got.at(name).toTensor(), wanted);
      if (!(worst <= job.tolerance))
        throw Error({.where = "export",
                     .what = text("output '", name, "' differs from the model's at batch size ", batch),
                     .expected = text("within ", job.tolerance),
                     .got = text(worst)});
    }
  }
}

// LibTorch's writer ends the program where a write fails in its destructor: it is told that all went well.
void write_module(const jit::Module& module, const std::string& json, const std::string& path) {
  std::ofstream out(path, std::ios::binary);
  std::string reason = out ? "" : system_reason();
  const auto write = [&](const void* bytes, size_t count) {
    if (reason.empty() && !out.write(static_cast<const char*>(bytes), static_cast<std::streamsize>(count)))
      reason = system_reason();
    return count;
  };
  jit::ExportModule(module, write, {{"athanor.json", json}});
  if (reason.empty() && !out.flush()) reason = system_reason();
  if (!reason.empty()) throw Error({.where = path, .what = "cannot write: " + reason});
}

}  // namespace

void export_traced(const TraceJob& job, const std::string& path) {
  const at::NoGradGuard no_grad;
  const Traced traced = trace_any_batch(job);
  const std::string json = job.facts(traced.inputs, traced.outputs);
  AtomicPath file(path);
  write_module(wrap(traced, job.checks(traced.inputs)), json, file.path());
  compare(jit::load(file.path()), job, traced.inputs);
  file.commit();
  write_file_atomically(path + ".json", json);
}

std::string shape_check(const std::string& name, const std::string& condition, const std::string& expected) {
  return "    assert " + condition + ", \"input '" + name + "': expected " + expected + ", got {}\".format(" +
         name + ".size())\n";
}

std::string type_check(const std::string& name, at::ScalarType dtype) {
  return text("    assert ", name, ".dtype == ", static_cast<int>(dtype), ", \"input '", name, "': expected ",
              dtype_name(dtype), "\"\n");
}

}  // namespace athanor
