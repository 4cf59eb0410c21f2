// athanor encode: texts and images to vectors.
#include <ATen/Parallel.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <map>
#include <memory>

#include "src/core/device.h"
#include "src/core/stop.h"
#include "src/core/text.h"
#include "tools/encode/encode_job.h"
#include "tools/verbs.h"

namespace athanor {
namespace {

struct EncodeFlags {
  EncodeOptions options;
  std::string texts, images;
};

void run_encode(EncodeFlags flags) {
  EncodeOptions& options = flags.options;
  open_cuda_library();
  install_stop_signals();
  if (options.threads > 0) at::set_num_threads(static_cast<int>(options.threads));
  options.input_kind = flags.images.empty() ? InputKind::kTexts : InputKind::kImages;
  options.input = flags.images.empty() ? flags.texts : flags.images;
  const EncodeCounts counts = encode(options);
  std::cout << "wrote " << counts.resumed + counts.inputs << " inputs' vectors to " << options.output;
  if (counts.skipped > 0) std::cout << ", " << counts.skipped << " of them broken and left out";
  if (counts.resumed > 0) std::cout << ", " << counts.resumed << " of them in an earlier run";
  std::cout << "; " << decimals(static_cast<double>(counts.inputs) / counts.seconds, 1) << " a second\n";
}

}  // namespace

void add_encode_verb(CLI::App& app) {
  auto flags = std::make_shared<EncodeFlags>();
  EncodeOptions& options = flags->options;
  CLI::App* verb = app.add_subcommand("encode", "Make vectors of texts or images with a Hugging Face model");
  verb->add_option("--model", options.model,
                   "Hugging Face folder: config.json, model.safetensors, tokenizer.json")
      ->required()
      ->type_name("DIR");
  auto* given = verb->add_option_group("input");
  given->add_option("--text", flags->texts, "a text a line, or JSON objects with \"text\"")
      ->type_name("FILE.txt|.jsonl");
  given
      ->add_option("--images", flags->images,
                   "a folder of images, an image, or a list: a path a line, or JSON objects with \"image\"")
      ->type_name("DIR|FILE");
  given->require_option(1);
  verb->add_option("--output", options.output, "vectors in the order of the input")
      ->required()
      ->type_name("FILE.safetensors|.h5");
  verb->add_option("--mode", options.mode, "a vector an input, or one a token (late interaction)")
      ->transform(CLI::CheckedTransformer(
          std::map<std::string, VectorMode>{{"single", VectorMode::kSingle}, {"multi", VectorMode::kMulti}}));
  verb->add_option("--output-kind", options.kind,
                   "as the model is meant (pooled, projected, L2 1), the tower's pooled output, or its last "
                   "hidden states")
      ->transform(
          CLI::CheckedTransformer(std::map<std::string, VectorKind>{{"encoder", VectorKind::kEncoder},
                                                                    {"pooled", VectorKind::kPooled},
                                                                    {"hidden", VectorKind::kHidden}}));
  verb->add_option(
      "--prompt", options.prompt,
      "put before each text: one of the folder's prompts by name (query, passage), or the text itself");
  verb->add_option("--batch", options.batch, "inputs at a time at most; 0: as many as fit")
      ->check(CLI::NonNegativeNumber);
  verb->add_option("--device", options.device, "auto, cpu, cuda or cuda:N")->capture_default_str();
  verb->add_option("--precision", options.precision, "fp32 or bf16")->capture_default_str();
  verb->add_option("--threads", options.threads, "0: as many as LibTorch uses")->check(CLI::Range(0, 256));
  verb->add_flag("--skip-bad", options.skip_bad,
                 "name broken images and leave them out (a vector of zeros), instead of ending there");
  verb->add_flag("--resume", options.resume, "go on with an unfinished output");
  verb->footer(
      "Example:\n  athanor encode --model all-MiniLM-L6-v2 --text queries.txt --output queries.safetensors\n"
      "  athanor encode --model siglip-base-patch16-224 --images photos --output photos.h5");
  verb->callback([flags] { run_encode(*flags); });
}

}  // namespace athanor
