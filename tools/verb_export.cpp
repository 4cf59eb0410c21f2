// athanor export: a checkpoint or a Hugging Face folder in, a file for other programs out.
#include <CLI/CLI.hpp>
#include <iostream>
#include <map>
#include <memory>

#include "models/encoders/export_encoder.h"
#include "models/export.h"
#include "src/core/config.h"
#include "src/core/error.h"
#include "src/core/text.h"
#include "tools/verbs.h"
#include "trainers/job.h"

namespace athanor {
namespace {

struct ExportFlags {
  std::string source, model, side;
  std::string output;
  std::string format = "torchscript";
};

void export_checkpoint(const ExportFlags& flags) {
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

InputKind side_of(const Encoder& encoder, const ExportFlags& flags) {
  static const std::map<std::string, InputKind> sides = {
      {"text", InputKind::kTexts}, {"image", InputKind::kImages}, {"pair", InputKind::kPairs}};
  const bool both = encoder.reads_text() && encoder.sees_images();
  if (flags.side.empty() && both)
    throw usage_error({flags.model, "reads text and sees images", "one side a file", "",
                       encoder.fuses_pairs() ? "--side text, image or pair" : "--side text or --side image"});
  if (flags.side.empty()) return encoder.reads_text() ? InputKind::kTexts : InputKind::kImages;
  const InputKind side = sides.at(flags.side);
  if (!encoder.reads_text() && side != InputKind::kImages)
    throw usage_error({flags.model, "reads no text", "--side image", "--side " + flags.side});
  if (!encoder.sees_images() && side != InputKind::kTexts)
    throw usage_error({flags.model, "sees no images", "--side text", "--side " + flags.side});
  return side;
}

void export_model(const ExportFlags& flags) {
  if (flags.format != "torchscript")
    throw usage_error({"--format " + flags.format, "is for checkpoints", "--format torchscript", "",
                       "the folder's own weights are safetensors"});
  const Encoder encoder(flags.model);
  const InputKind side = side_of(encoder, flags);
  export_encoder(encoder, flags.model, side, flags.output);
  std::cout << "exported what " << flags.model << " makes of "
            << (side == InputKind::kTexts    ? "texts"
                : side == InputKind::kImages ? "images"
                                             : "pairs")
            << "\n  torchscript  " << flags.output << "\n  facts  " << flags.output
            << ".json\n  checked against the encoder at batch sizes 1, 2 and 5\n";
}

void run(const ExportFlags& flags) {
  if (!flags.source.empty() && !flags.side.empty())
    throw usage_error({"--side", "is for --model: a checkpoint has one"});
  if (flags.source.empty())
    export_model(flags);
  else
    export_checkpoint(flags);
}

}  // namespace

void add_export_verb(CLI::App& app) {
  auto flags = std::make_shared<ExportFlags>();
  CLI::App* verb = app.add_subcommand("export", "Write a model for other programs");
  auto* what = verb->add_option_group("what");
  what->add_option("source", flags->source, "run directory (its best checkpoint) or checkpoint");
  what->add_option("--model", flags->model, "Hugging Face folder of an encoder")->type_name("DIR");
  what->require_option(1);
  verb->add_option("--side", flags->side, "of an encoder that reads text and sees images")
      ->check(CLI::IsMember({"text", "image", "pair"}));
  verb->add_option("--output", flags->output, "file to write; the facts go to FILE.json")->required();
  verb->add_option("--format", flags->format,
                   "torchscript: runs in torch.jit.load; safetensors: weights by name")
      ->check(CLI::IsMember({"torchscript", "safetensors"}))
      ->capture_default_str();
  verb->footer(
      "Examples:\n  athanor export runs/first --output model.pt\n"
      "  python: torch.jit.load('model.pt')(M1, M5, M15, H1, H4)['direction']\n"
      "  athanor export --model clip-vit-base-patch32 --side image --output image.pt\n"
      "  python: torch.jit.load('image.pt')(pixel_values)['vectors']");
  verb->callback([flags] { run(*flags); });
}

}  // namespace athanor
