// athanor encode: texts, images and pairs of both to vectors.
#include <ATen/Parallel.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "src/core/device.h"
#include "src/core/error.h"
#include "src/core/stop.h"
#include "src/core/text.h"
#include "tools/encode/encode_job.h"
#include "tools/verbs.h"

namespace athanor {
namespace {

struct EncodeFlags {
  EncodeOptions options;
  std::string texts, images, pairs;
};

// An option of named values.
template <class Value>
void add_choice(CLI::App& verb, const std::string& name, Value& value, const std::string& description,
                const std::vector<std::pair<std::string, Value>>& values) {
  std::string names;
  for (const auto& [known, unused] : values) names += (names.empty() ? "" : "|") + known;
  verb.add_option_function<std::string>(
          name,
          [&value, name, names, values](const std::string& given) {
            const auto at = std::find_if(values.begin(), values.end(),
                                         [&](const auto& known) { return known.first == given; });
            if (at == values.end()) throw usage_error({name, "not known", names, given});
            value = at->second;
          },
          description)
      ->type_name(names);
}

int64_t batch_of(const std::string& given) {
  int64_t batch = 0;
  const char* end = given.data() + given.size();
  const auto parsed = std::from_chars(given.data(), end, batch);
  if (given != "auto" && (parsed.ec != std::errc() || parsed.ptr != end || batch < 0))
    throw usage_error({"--batch", "not understood", "auto or a number of inputs", given});
  return batch;
}

void run_encode(EncodeFlags flags) {
  EncodeOptions& options = flags.options;
  open_cuda_library();
  install_stop_signals();
  if (options.threads > 0) at::set_num_threads(static_cast<int>(options.threads));
  options.input_kind = !flags.texts.empty()    ? InputKind::kTexts
                       : !flags.images.empty() ? InputKind::kImages
                                               : InputKind::kPairs;
  options.input = flags.texts + flags.images + flags.pairs;  // one of them
  const EncodeCounts counts = encode(options);
  const int64_t all = counts.resumed + counts.inputs;
  std::cout << "wrote the vectors of " << all << " " << inputs_text(options.input_kind, all) << " to "
            << options.output;
  if (counts.skipped > 0) std::cout << ", " << counts.skipped << " of them broken and left out";
  if (counts.resumed > 0) std::cout << ", " << counts.resumed << " of them in an earlier run";
  std::cout << "; " << decimals(static_cast<double>(counts.inputs) / counts.seconds, 1) << " a second\n";
}

}  // namespace

void add_encode_verb(CLI::App& app) {
  auto flags = std::make_shared<EncodeFlags>();
  EncodeOptions& options = flags->options;
  CLI::App* verb = app.add_subcommand(
      "encode", "Make vectors of texts, images or pairs of both with a Hugging Face model");
  verb->add_option("--model", options.model,
                   "Hugging Face folder (config.json, model.safetensors, tokenizer.json), or one with an "
                   "encoder.json that names two")
      ->required()
      ->type_name("DIR");
  auto* given = verb->add_option_group("input");
  given->add_option("--text", flags->texts, "a text a line, or JSON objects with \"text\"")
      ->type_name("FILE.txt|.jsonl");
  given
      ->add_option("--images", flags->images,
                   "a folder of images, an image, or a list: a path a line, or JSON objects with \"image\"")
      ->type_name("DIR|FILE");
  given
      ->add_option("--pairs", flags->pairs,
                   "JSON objects with \"text\" and \"image\", whose vectors are of both together")
      ->type_name("FILE.jsonl");
  given->require_option(1);
  verb->add_option("--output", options.output, "vectors in the order of the input")
      ->required()
      ->type_name("FILE.safetensors|.h5");
  add_choice(*verb, "--mode", options.mode, "a vector an input, or one a token (late interaction)",
             {{"single", VectorMode::kSingle}, {"multi", VectorMode::kMulti}});
  add_choice(
      *verb, "--output-kind", options.kind,
      "as the model is meant (pooled, projected, L2 1), the tower's pooled output, or its last hidden "
      "states",
      {{"encoder", VectorKind::kEncoder}, {"pooled", VectorKind::kPooled}, {"hidden", VectorKind::kHidden}});
  verb->add_option("--prompt", options.prompt,
                   "put before each text: one of the model's prompts by name (query, passage), or the text "
                   "itself; as the model says where it is not given")
      ->type_name("NAME|TEXT");
  verb->add_option_function<std::string>(
          "--batch", [&options](const std::string& given) { options.batch = batch_of(given); },
          "inputs at a time at most; auto: as many as fit")
      ->type_name("auto|N");
  verb->add_option("--device", options.device, "auto, cpu, cuda or cuda:N")->capture_default_str();
  verb->add_option("--precision", options.precision, "fp32, bf16, fp16 or int8")->capture_default_str();
  verb->add_option("--threads", options.threads, "0: as many as LibTorch uses")->check(CLI::Range(0, 256));
  verb->add_flag("--skip-bad", options.skip_bad,
                 "name broken images and leave them out (a vector of zeros), instead of ending there");
  verb->add_flag("--resume", options.resume, "go on with an unfinished output");
  verb->footer(
      "Example:\n  athanor encode --model all-MiniLM-L6-v2 --text queries.txt --output queries.safetensors\n"
      "  athanor encode --model siglip-base-patch16-224 --images photos --output photos.h5\n"
      "  athanor encode --model colvbert --pairs pages.jsonl --mode multi --output pages.safetensors");
  verb->callback([flags] { run_encode(*flags); });
}

}  // namespace athanor
