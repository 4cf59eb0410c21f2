// athanor export: a checkpoint in, a file for other programs out.
#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "models/export.h"
#include "src/core/config.h"
#include "src/core/text.h"
#include "tools/verbs.h"
#include "trainers/job.h"

namespace athanor {
namespace {

struct ExportFlags {
  std::string source;
  std::string output;
  std::string format = "torchscript";
};

void run(const ExportFlags& flags) {
  LoadedModel loaded = load_checkpoint_model(flags.source, {}, at::kCPU);
  const ExportFacts facts{.model = loaded.job.model.name(),
                          .config_yaml = config_yaml(fields_of(loaded.job)),
                          .step = loaded.step};
  if (flags.format == "torchscript")
    export_torchscript(*loaded.model, loaded.spec, facts, flags.output);
  else
    export_safetensors(*loaded.model, loaded.spec, facts, flags.output);
  std::cout << "exported " << facts.model << " (step " << facts.step << ", " << parameter_count(*loaded.model)
            << " parameters) from " << loaded.checkpoint << "\n"
            << "  " << flags.format << "  " << flags.output << "\n  facts  " << flags.output << ".json\n";
  if (flags.format == "torchscript")
    std::cout << "  checked against the model at batch sizes 1, 2, 5 and 17\n";
}

}  // namespace

void add_export_verb(CLI::App& app) {
  auto flags = std::make_shared<ExportFlags>();
  CLI::App* verb = app.add_subcommand("export", "Write a trained model for other programs");
  verb->add_option("source", flags->source, "run directory (its best checkpoint) or checkpoint")->required();
  verb->add_option("--output", flags->output, "file to write; the facts go to FILE.json")->required();
  verb->add_option("--format", flags->format,
                   "torchscript: runs in torch.jit.load; safetensors: weights by name")
      ->check(CLI::IsMember({"torchscript", "safetensors"}))
      ->capture_default_str();
  verb->footer(
      "Example:\n  athanor export runs/first --output model.pt\n"
      "  python: torch.jit.load('model.pt')(M1, M5, M15, H1, H4)['direction']");
  verb->callback([flags] { run(*flags); });
}

}  // namespace athanor
