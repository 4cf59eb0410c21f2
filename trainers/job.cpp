// The list of a job's sections, the comparison of two jobs, and opening a trained model.
#include "trainers/job.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <type_traits>

#include "src/core/config.h"
#include "src/core/error.h"
#include "src/core/text.h"
#include "trainers/checkpoint.h"

namespace athanor {
namespace {

std::string value_text(bool value) { return value ? "true" : "false"; }
std::string value_text(int64_t value) { return std::to_string(value); }
std::string value_text(double value) { return shortest(value); }
std::string value_text(const std::string& value) { return value; }
std::string value_text(const IntMap::value_type& value) { return text(value.first, ":", value.second); }
template <class T>
std::string value_text(const std::vector<T>& values) {
  std::vector<std::string> parts;
  parts.reserve(values.size());
  for (const T& value : values) parts.push_back(value_text(value));
  return "[" + join(parts, ",") + "]";
}

// Every value under its dotted key.
class Flattened : public Fields {
 public:
  std::vector<std::pair<std::string, std::string>> values;

 protected:
  void visit(const std::string& name, FieldRef value, const std::string&, const Constraint&) override {
    values.emplace_back(prefix_ + name, std::visit([](auto* target) { return value_text(*target); }, value));
  }
  void visit_section(const std::string& name, const FieldList& list, const std::string&) override {
    const std::string before = prefix_;
    prefix_ += name + ".";
    list(*this);
    prefix_ = before;
  }
  void visit_choice(const std::string& name, ChoiceBase& choice, const std::string& help) override {
    visit_section(
        name,
        [&choice](Fields& fields) {
          std::string chosen = choice.name();
          fields.field("name", chosen, "");
          choice.config().list_fields(fields);
        },
        help);
  }
  void visit_choices(const std::string& name, ChoiceListBase& list, const std::string& help) override {
    for (size_t i = 0; i < list.size(); ++i) visit_choice(text(name, "[", i, "]"), list.at(i), help);
  }

 private:
  std::string prefix_;
};

// Keys that a resumed run may change: they move, feed, lengthen or report it, but the steps stay the same.
constexpr const char* kFree[] = {"device",
                                 "data.path",
                                 "data.threads",
                                 "data.prefetch",
                                 "data.chunk_gb",
                                 "data.memory_fraction",
                                 "augment.threads",
                                 "trainer.max_epochs",
                                 "trainer.max_steps",
                                 "trainer.checkpoint_every_steps",
                                 "trainer.keep_last",
                                 "trainer.log_every_steps",
                                 "trainer.sanity_batches",
                                 "trainer.check_finite",
                                 "trainer.empty_cache_every_epochs",
                                 "trainer.profile_steps"};

bool is_free(const std::string& key) {
  return key.starts_with("evaluator.") || key.starts_with("prepare.") ||
         std::any_of(std::begin(kFree), std::end(kFree), [&](const char* free) { return key == free; });
}

}  // namespace

JobConfig::JobConfig()
    : data(dataset_components(), "bars"),
      augment(augmentation_components(), "none"),
      model(model_components(), "multi_timeframe_lstm"),
      objective(objective_components(), "direction_magnitude"),
      evaluator(evaluator_components(), "market") {}

void JobConfig::list_fields(Fields& fields) {
  fields.field("seed", seed, "of weights, order and dropout", kNonNegative);
  fields.field("device", device, "auto, cpu, cuda or cuda:N", kNotEmpty);
  fields.choice("data", data, "what to train on");
  fields.choice("augment", augment,
                "what training does to a batch before the model sees it; evaluation never");
  fields.choice("model", model, "what to train");
  fields.choice("objective", objective, "what to minimise");
  fields.choice("evaluator", evaluator, "what to report");
  fields.section("trainer", trainer, "how the run goes");
  fields.section("optimizer", optimizer, "how weights follow gradients");
  fields.section("schedule", schedule, "how the learning rate changes");
  fields.section("prepare", prepare,
                 "how `athanor prepare bars` makes samples of bars; training does not read it");
}

JobConfig load_job(const std::string& path, const std::vector<std::string>& overrides) {
  JobConfig job;
  read_config(path, overrides, fields_of(job));
  if (job.trainer.max_epochs == 0 && job.trainer.max_steps == 0)
    throw usage_error(
        {path, "the run would never end", "trainer.max_epochs or trainer.max_steps above 0", "both 0"});
  return job;
}

std::vector<std::string> differing_keys(JobConfig& before, JobConfig& after) {
  Flattened a, b;
  before.list_fields(a);
  after.list_fields(b);
  const auto find = [](const Flattened& in, const std::string& key) {
    const auto entry =
        std::find_if(in.values.begin(), in.values.end(), [&](const auto& pair) { return pair.first == key; });
    return entry != in.values.end() ? entry->second : "(unset)";
  };
  std::vector<std::string> different;
  for (const auto& [key, value] : a.values)
    if (!is_free(key) && find(b, key) != value)
      different.push_back(text(key, ": ", value, " -> ", find(b, key)));
  for (const auto& [key, value] : b.values)
    if (!is_free(key) && find(a, key) == "(unset)") different.push_back(text(key, ": (unset) -> ", value));
  return different;
}

void check_labels(const Objective& objective, const DataSpec& spec, const std::string& objective_name) {
  std::vector<std::string> known;
  for (const TensorSpec& label : spec.labels) known.push_back(label.name);
  for (const std::string& name : objective.needed_labels())
    if (spec.find_label(name) == nullptr)
      throw usage_error({"objective '" + objective_name + "'", "the data has no label '" + name + "'", "",
                         "labels " + join(known, ", "),
                         "choose another objective, or prepare the data with it"});
}

void check_outputs(const Objective& objective, Model& model, const DataSpec& spec,
                   const std::string& objective_name) {
  const at::NoGradGuard no_grad;
  const at::Device device = model.parameters().begin()->second.device();
  TensorMap inputs;
  for (const TensorSpec& input : spec.inputs) {
    std::vector<int64_t> shape = input.shape;
    shape.insert(shape.begin(), 1);
    inputs.set(input.name, at::zeros(shape, at::TensorOptions(device).dtype(input.dtype)));
  }
  model.set_training(false);
  const TensorMap outputs = model.forward(inputs);
  model.set_state({});
  for (const std::string& name : objective.needed_outputs())
    if (outputs.find(name) == nullptr)
      throw usage_error({"objective '" + objective_name + "'", "the model has no output '" + name + "'", "",
                         "outputs " + join(outputs.names(), ", "),
                         "choose another objective, or another model (model.fusion, model.outputs)"});
}

LoadedModel load_checkpoint_model(const std::string& path, const std::vector<std::string>& overrides,
                                  at::Device device) {
  LoadedModel loaded;
  loaded.checkpoint = resolve_checkpoint(path);
  Checkpoint checkpoint = read_checkpoint(loaded.checkpoint);
  loaded.job = load_job(loaded.checkpoint + "/config.yaml", overrides);
  loaded.spec = std::move(checkpoint.spec);
  loaded.step = static_cast<int64_t>(checkpoint.values.at("step"));
  loaded.model = loaded.job.model.make(loaded.spec);
  load_weights(*loaded.model, checkpoint.model, loaded.checkpoint);
  loaded.model->to(device);
  loaded.model->set_training(false);
  return loaded;
}

}  // namespace athanor
