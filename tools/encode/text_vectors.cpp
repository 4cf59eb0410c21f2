// Texts to vectors: tokens of a window in parallel, batches of like length.
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <filesystem>

#include "data/text/tokenizer.h"
#include "models/encoders/hf_folder.h"
#include "src/core/thread_pool.h"
#include "tools/encode/batches.h"
#include "tools/encode/run_halving.h"
#include "tools/encode/vector_maker.h"

namespace athanor {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kWindow = 8192;        // inputs that are sorted together
constexpr int64_t kMultiWindow = 512;    // … where each becomes many vectors
constexpr int64_t kTokensABatch = 8192;  // on a CPU: what stays in its caches
constexpr int64_t kTokensABatchOfGpu = 65536;

std::string prompt_of(const std::string& folder, const std::string& name) {
  const std::string file = folder + "/config_sentence_transformers.json";
  if (name.empty() || !fs::exists(file)) return name;
  const HfConfig prompts = HfConfig(file).section("prompts");
  if (prompts.has(name)) return prompts.word(name);
  if (name == "passage" && prompts.has("document")) return prompts.word("document");
  return name;
}

std::unique_ptr<Tokenizer> tokenizer_of(const std::string& folder, const TextTower& tower) {
  TokenizerOptions options;
  options.padding = Padding::To::kNone;
  if (tower.is_full_length()) {
    options.padding = Padding::To::kLength;
    options.padding_length = options.max_length = tower.longest();
    return read_tokenizer(folder, options);
  }
  auto tokenizer = read_tokenizer(folder, options);
  const int64_t length = tokenizer->truncation().max_length;
  if (length > 0 && length <= tower.longest()) return tokenizer;
  options.max_length = tower.longest();
  return read_tokenizer(folder, options);
}

class TextVectors : public VectorMaker {
 public:
  TextVectors(const EncodeOptions& options, const Encoder& encoder, at::Device device, ThreadPool& pool)
      : options_(options),
        encoder_(encoder),
        device_(device),
        pool_(pool),
        tokenizer_(tokenizer_of(options.model, encoder.text())),
        prompt_(prompt_of(options.model, options.prompt)) {
    limits_.tokens = device.is_cpu() ? kTokensABatch : kTokensABatchOfGpu;
    if (options.batch > 0) limits_.rows = options.batch;
  }

  int64_t width() const override { return encoder_.text_width(options_.mode, options_.kind); }
  int64_t window() const override { return has_several(options_) ? kMultiWindow : kWindow; }

  Vectors encode(std::vector<EncodeInput>& inputs) override {
    const std::vector<Encoding> encodings = tokenize(inputs);
    std::vector<int64_t> lengths;
    for (const Encoding& encoding : encodings) lengths.push_back(static_cast<int64_t>(encoding.ids.size()));
    Vectors out;
    std::vector<int64_t> begins;
    int64_t rows = 0;
    for (const int64_t length : lengths) {
      out.counts.push_back(has_several(options_) ? length : 1);
      begins.push_back(rows);
      rows += out.counts.back();
    }
    out.rows = at::empty({rows, width()});
    for (const std::vector<int64_t>& batch : batches_by_length(lengths, limits_))
      run_halving(
          batch, [&](const auto& part) { scatter(part, forward(part, encodings), begins, out); },
          [&] { limits_.tokens = std::max<int64_t>(1, limits_.tokens / 2); });
    return out;
  }

 private:
  std::vector<Encoding> tokenize(std::vector<EncodeInput>& inputs) {
    std::vector<TextPair> texts;
    for (EncodeInput& input : inputs) {
      if (!prompt_.empty()) input.text.insert(0, prompt_);
      texts.push_back({input.text});
    }
    return tokenizer_->encode_batch(texts, pool_);
  }

  at::Tensor forward(const std::vector<int64_t>& batch, const std::vector<Encoding>& encodings) {
    const auto encoding = [&](int64_t i) -> const Encoding& { return encodings[static_cast<size_t>(i)]; };
    const auto rows = static_cast<int64_t>(batch.size()),
               length = std::max<int64_t>(1, static_cast<int64_t>(encoding(batch.front()).ids.size()));
    at::Tensor ids = at::full({rows, length}, encoder_.text().padding_id(), at::kLong);
    at::Tensor mask = at::zeros({rows, length}, at::kLong);
    for (int64_t row = 0; row < rows; ++row) {
      const std::vector<int32_t>& own = encoding(batch[static_cast<size_t>(row)]).ids;
      std::copy(own.begin(), own.end(), ids.mutable_data_ptr<int64_t>() + row * length);
      std::fill_n(mask.mutable_data_ptr<int64_t>() + row * length, own.size(), 1);
    }
    return encoder_.texts(ids.to(device_), mask.to(device_), options_.mode, options_.kind)
        .to(at::kCPU)
        .contiguous();
  }

  // vectors [B,D] or [B,L,D] to where they belong in the window.
  static void scatter(const std::vector<int64_t>& batch, const at::Tensor& vectors,
                      const std::vector<int64_t>& begins, Vectors& out) {
    const int64_t width = vectors.size(-1), stride = vectors[0].numel();
    const auto* from = vectors.const_data_ptr<float>();
    auto* to = out.rows.mutable_data_ptr<float>();
    for (size_t row = 0; row < batch.size(); ++row) {
      const auto i = static_cast<size_t>(batch[row]);
      std::copy_n(from + static_cast<int64_t>(row) * stride, out.counts[i] * width, to + begins[i] * width);
    }
  }

  const EncodeOptions& options_;
  const Encoder& encoder_;
  at::Device device_;
  ThreadPool& pool_;
  std::unique_ptr<Tokenizer> tokenizer_;
  std::string prompt_;
  BatchLimits limits_;
};

}  // namespace

std::unique_ptr<VectorMaker> make_text_vectors(const EncodeOptions& options, const Encoder& encoder,
                                               at::Device device, ThreadPool& pool) {
  return std::make_unique<TextVectors>(options, encoder, device, pool);
}

}  // namespace athanor
