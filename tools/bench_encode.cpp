// athanor bench encode: milliseconds to make vectors of texts (from their characters on) or of what a tower
// reads (ids, pixels). Alone it compares fp32, bf16 and int8; with --serve it runs a round for each line on
// stdin, so that scripts/bench_encode.py can alternate it with the Python rivals.
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/cosine_similarity.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <c10/core/InferenceMode.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <iostream>
#include <memory>

#include "models/encoders/encoder.h"
#include "src/core/error.h"
#include "src/core/files.h"
#include "src/core/safetensors.h"
#include "src/core/text.h"
#include "src/core/thread_pool.h"
#include "tools/bench.h"
#include "tools/encode/input_lines.h"
#include "tools/encode/vector_maker.h"

namespace athanor {
namespace {

struct EncodeBenchFlags {
  std::string model, text, tensors, serve, output;
  int rounds = 6, threads = 1;
  bool json = false;
};

// Inputs that are there already, in memory.
struct BenchInputs {
  std::vector<EncodeInput> texts;
  at::Tensor ids, offsets, pixels;  // [T] i64, [N+1] i64; or [N,3,H,W] f32
  int64_t count() const {
    if (!texts.empty()) return static_cast<int64_t>(texts.size());
    return pixels.defined() ? pixels.size(0) : offsets.size(0) - 1;
  }
};

BenchInputs read_inputs(const EncodeBenchFlags& flags) {
  BenchInputs inputs;
  if (!flags.text.empty()) {
    InputLines lines(InputKind::kTexts, flags.text);
    inputs.texts = lines.next(lines.size());
    return inputs;
  }
  const Safetensors file = read_safetensors(flags.tensors);
  const auto find = [&](const std::string& name) {
    const at::Tensor* found = file.tensors.find(name);
    return found == nullptr ? at::Tensor() : *found;
  };
  inputs.ids = find("ids");
  inputs.offsets = find("offsets");
  inputs.pixels = find("pixels");
  if (!inputs.pixels.defined() && !(inputs.ids.defined() && inputs.offsets.defined()))
    throw usage_error({flags.tensors, "has not what a tower reads", "ids and offsets, or pixels"});
  return inputs;
}

class EncodeRound {
 public:
  EncodeRound(const EncodeBenchFlags& flags, const BenchInputs& inputs, const std::string& precision)
      : inputs_(inputs), pool_(flags.threads - 1), encoder_(flags.model) {
    options_.model = flags.model;
    options_.precision = precision;
    encoder_.prepare(at::kCPU, encoder_precision(precision));
    if (!inputs.texts.empty()) maker_ = std::make_unique<VectorMaker>(options_, encoder_, at::kCPU, pool_);
  }
  int64_t weight_bytes() const { return encoder_.weight_bytes(); }
  // [N,D] f32
  at::Tensor vectors() {
    const c10::InferenceMode inference;
    if (maker_ != nullptr) {
      std::vector<EncodeInput> texts = inputs_.texts;
      return maker_->encode(texts).rows;
    }
    return inputs_.pixels.defined() ? images() : texts();
  }
  double round() {
    const auto start = std::chrono::steady_clock::now();
    vectors();
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  }

 private:
  at::Tensor images() {
    std::vector<at::Tensor> parts;
    for (const at::Tensor& batch : inputs_.pixels.split(cpu_limits(InputKind::kImages).rows))
      parts.push_back(encoder_.images(batch, VectorMode::kSingle, VectorKind::kEncoder));
    return at::cat(parts);
  }
  at::Tensor texts() {
    const auto* offsets = inputs_.offsets.const_data_ptr<int64_t>();
    std::vector<int64_t> lengths;
    for (int64_t i = 0; i < inputs_.count(); ++i) lengths.push_back(offsets[i + 1] - offsets[i]);
    at::Tensor out = at::empty(
        {inputs_.count(), encoder_.width(InputKind::kTexts, VectorMode::kSingle, VectorKind::kEncoder)});
    for (const auto& batch : batches_by_length(lengths, cpu_limits(InputKind::kTexts))) {
      const auto rows = static_cast<int64_t>(batch.size());
      const int64_t length = lengths[static_cast<size_t>(batch.front())];
      at::Tensor ids = at::full({rows, length}, encoder_.text().padding_id(), at::kLong);
      at::Tensor mask = at::zeros({rows, length}, at::kLong);
      for (int64_t row = 0; row < rows; ++row) {
        const int64_t i = batch[static_cast<size_t>(row)], count = lengths[static_cast<size_t>(i)];
        ids[row].narrow(0, 0, count).copy_(inputs_.ids.narrow(0, offsets[i], count));
        mask[row].narrow(0, 0, count).fill_(1);
      }
      const at::Tensor vectors = encoder_.texts(ids, mask, VectorMode::kSingle, VectorKind::kEncoder);
      for (int64_t row = 0; row < rows; ++row) out[batch[static_cast<size_t>(row)]].copy_(vectors[row]);
    }
    return out;
  }

  const BenchInputs& inputs_;
  ThreadPool pool_;
  Encoder encoder_;
  EncodeOptions options_;
  std::unique_ptr<VectorMaker> maker_;
};

void serve(const EncodeBenchFlags& flags, const BenchInputs& inputs) {
  EncodeRound side(flags, inputs, flags.serve);
  if (!flags.output.empty()) {
    AtomicPath path(flags.output);
    write_safetensors(path.path(), {{"vectors", side.vectors()}});
    path.commit();
  }
  std::cout << "ready linear weights of " << bytes_text(side.weight_bytes()) << std::endl;
  for (std::string line; std::getline(std::cin, line);) std::cout << side.round() << std::endl;
}

void run_encode_bench(const EncodeBenchFlags& flags) {
  at::set_num_threads(flags.threads);
  const BenchInputs inputs = read_inputs(flags);
  if (!flags.serve.empty()) return serve(flags, inputs);
  EncodeRound fp32(flags, inputs, "fp32"), bf16(flags, inputs, "bf16"), int8(flags, inputs, "int8");
  const at::Tensor wanted = fp32.vectors();
  const auto cosine = [&](EncodeRound& side) {
    return at::cosine_similarity(side.vectors(), wanted).min().item<double>();
  };
  Measurement out;
  const auto mib = [](const EncodeRound& side) {
    return static_cast<double>(side.weight_bytes()) / (1 << 20);
  };
  out.more = {{"smallest_cosine_bf16", cosine(bf16)},
              {"smallest_cosine_int8", cosine(int8)},
              {"linear_weights_mib", mib(fp32)},
              {"linear_weights_mib_bf16", mib(bf16)},
              {"linear_weights_mib_int8", mib(int8)}};
  const auto times = alternate(flags.rounds, {[&] { return fp32.round(); }, [&] { return bf16.round(); },
                                              [&] { return int8.round(); }});
  out.ours = {"encode", times[0]};
  out.shape = text(inputs.count(), " inputs");
  out.threads = flags.threads;
  out.samples = static_cast<double>(inputs.count());
  out.compared_with = {{"bf16", times[1]}, {"int8", times[2]}};
  print_measurement(out, flags.json);
}

}  // namespace

void add_encode_bench(CLI::App& bench) {
  auto flags = std::make_shared<EncodeBenchFlags>();
  CLI::App* verb = bench.add_subcommand("encode", "Vectors of texts, of ids or of pixels");
  verb->add_option("--model", flags->model, "a Hugging Face folder")->required()->type_name("DIR");
  auto* inputs = verb->add_option_group("inputs");
  inputs->add_option("--text", flags->text, "texts, one a line")->type_name("FILE");
  inputs->add_option("--tensors", flags->tensors, "ids [T] and offsets [N+1] i64, or pixels [N,3,H,W] f32")
      ->type_name("FILE.safetensors");
  inputs->require_option(1);
  verb->add_option("--rounds", flags->rounds, "alternating rounds")->capture_default_str();
  verb->add_option("--threads", flags->threads, "threads")->capture_default_str();
  verb->add_flag("--json", flags->json, "one JSON object");
  verb->add_option("--serve", flags->serve, "fp32, bf16 or int8: a round for each line on stdin");
  verb->add_option("--output", flags->output, "with --serve: the vectors, [N,D] f32")
      ->type_name("FILE.safetensors");
  verb->callback([flags] { run_encode_bench(*flags); });
}

}  // namespace athanor
