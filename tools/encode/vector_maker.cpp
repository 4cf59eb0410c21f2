#include "tools/encode/vector_maker.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

#include "src/core/device.h"
#include "src/core/log.h"
#include "src/core/text.h"
#include "tools/encode/run_halving.h"

namespace athanor {
namespace {

constexpr int64_t kWindow = 8192;      // texts that are sorted together
constexpr int64_t kMultiWindow = 512;  // … where each becomes many vectors
constexpr int64_t kImageWindow = 64;   // images decoded at a time, where they fit in …
constexpr int64_t kWindowBytes = int64_t{1} << 28;

// Ids, what the tower sees of them and what pooling counts of them, [B,L] each.
void lay_out_tokens(const std::vector<int64_t>& batch, const ModelInputs& inputs, const TextTower& tower,
                    int64_t uncounted, EncoderBatch& out) {
  const auto rows = static_cast<int64_t>(batch.size());
  int64_t length = 1;
  for (const int64_t i : batch) length = std::max(length, inputs.length(i));
  out.ids = at::full({rows, length}, tower.padding_id(), at::kLong);
  out.mask = at::zeros({rows, length}, at::kLong);
  out.counts = at::zeros({rows, length}, at::kLong);
  for (int64_t row = 0; row < rows; ++row) {
    const Encoding& own = inputs.tokens[static_cast<size_t>(batch[static_cast<size_t>(row)])];
    const auto at = [&](const at::Tensor& to) { return to.mutable_data_ptr<int64_t>() + row * length; };
    const int64_t left_out = std::min(uncounted, own.attention_length);
    std::copy_n(own.ids.begin() + own.attention_begin, own.attention_length,
                at(out.ids) + own.attention_begin);
    std::fill_n(at(out.mask), own.ids.size(), 1);
    std::fill_n(at(out.counts) + own.attention_begin + left_out, own.attention_length - left_out, 1);
  }
}

at::Tensor pixels_of(const std::vector<int64_t>& batch, const ModelInputs& inputs) {
  std::vector<int64_t> tiles;
  for (const int64_t i : batch)
    for (int64_t t = 0; t < inputs.tiles(i); ++t)
      tiles.push_back(inputs.first_tile[static_cast<size_t>(i)] + t);
  return inputs.pixels.index_select(0, at::tensor(tiles, at::kLong));
}

// Where the vectors of a window go.
class Scatter {
 public:
  Scatter(const ModelInputs& inputs, const std::vector<bool>& is_bad, bool several, int64_t width)
      : inputs_(inputs), is_bad_(is_bad), several_(several), width_(width) {}

  // vectors [B,D] or [B,L,D], of the inputs of the batch
  void put(const std::vector<int64_t>& batch, const at::Tensor& vectors) {
    if (!out_.rows.defined()) lay_out(vectors.dim() == 3 ? vectors.size(1) : 1);
    const int64_t stride = vectors[0].numel();
    const auto* from = vectors.const_data_ptr<float>();
    auto* to = out_.rows.mutable_data_ptr<float>();
    for (size_t row = 0; row < batch.size(); ++row) {
      const auto i = static_cast<size_t>(batch[row]);
      const int64_t first = several_ && !inputs_.tokens.empty() ? inputs_.tokens[i].attention_begin : 0;
      std::copy_n(from + static_cast<int64_t>(row) * stride + first * width_, out_.counts[i] * width_,
                  to + begins_[i] * width_);
    }
  }

  Vectors take() {
    if (!out_.rows.defined()) lay_out(0);
    return std::move(out_);
  }

 private:
  // `each`: rows of an image alone. What is bad has a vector of zeros, or none where inputs have several.
  void lay_out(int64_t each) {
    int64_t rows = 0;
    for (size_t i = 0; i < is_bad_.size(); ++i) {
      begins_.push_back(rows);
      const int64_t own = inputs_.tokens.empty() ? each : inputs_.tokens[i].attention_length;
      out_.counts.push_back(!several_ ? 1 : is_bad_[i] ? 0 : own);
      rows += out_.counts.back();
    }
    out_.rows = at::zeros({rows, width_});
  }

  const ModelInputs& inputs_;
  const std::vector<bool>& is_bad_;
  bool several_;
  int64_t width_;
  std::vector<int64_t> begins_;
  Vectors out_;
};

}  // namespace

VectorMaker::VectorMaker(const EncodeOptions& options, Encoder& encoder, at::Device device, ThreadPool& pool)
    : options_(options), encoder_(encoder), device_(device), reader_(options, encoder, pool) {
  start_limits();
}

void VectorMaker::start_limits() {
  const bool is_large = encoder_.reads_text() && encoder_.text().width() >= kLargeWidth;
  limits_ = device_.is_cpu() ? cpu_limits(options_.input_kind)
                             : gpu_limits(options_.input_kind, is_large, device_memory(device_).free_bytes);
  if (options_.batch > 0) limits_.rows = options_.batch;
}

int64_t VectorMaker::width() const {
  return encoder_.width(options_.input_kind, options_.mode, options_.kind);
}

int64_t VectorMaker::window() const {
  if (options_.input_kind == InputKind::kTexts) return has_several(options_) ? kMultiWindow : kWindow;
  const int64_t fit = std::max<int64_t>(1, kWindowBytes / reader_.image_bytes());
  return std::min(std::max(kImageWindow, limits_.rows), fit);
}

Vectors VectorMaker::encode(std::vector<EncodeInput>& given) {
  const ModelInputs inputs = reader_.read(given);
  std::vector<bool> is_bad(given.size());
  for (const ImageFault& fault : inputs.faults) {
    log_warning("left out: " + fault.message);
    is_bad[static_cast<size_t>(fault.index)] = true;
    ++skipped_;
  }
  Scatter scatter(inputs, is_bad, has_several(options_), width());
  for (const std::vector<int64_t>& batch : batches(inputs, is_bad))
    run_halving(
        batch, [&](const auto& part) { scatter.put(part, forward(part, inputs)); },
        [&](const auto& part) { halve(part, inputs); }, [&] { fall_back(); });
  return scatter.take();
}

std::vector<std::vector<int64_t>> VectorMaker::batches(const ModelInputs& inputs,
                                                       const std::vector<bool>& is_bad) const {
  std::vector<int64_t> good, lengths;
  int64_t most_tiles = 1;
  for (size_t i = 0; i < is_bad.size(); ++i) {
    if (is_bad[i]) continue;
    good.push_back(static_cast<int64_t>(i));
    lengths.push_back(inputs.length(good.back()));
    most_tiles = std::max(most_tiles, inputs.tiles(good.back()));
  }
  BatchLimits limits = limits_;
  if (options_.batch == 0) limits.rows = std::max<int64_t>(1, limits.rows / most_tiles);
  auto batches = batches_by_length(lengths, limits);
  for (auto& batch : batches)
    for (int64_t& i : batch) i = good[static_cast<size_t>(i)];
  return batches;
}

at::Tensor VectorMaker::forward(const std::vector<int64_t>& batch, const ModelInputs& inputs) const {
  EncoderBatch in;
  if (!inputs.tokens.empty()) {
    lay_out_tokens(batch, inputs, encoder_.text(), reader_.uncounted(), in);
    for (at::Tensor* tensor : {&in.ids, &in.mask, &in.counts}) *tensor = tensor->to(device_);
  }
  if (inputs.pixels.defined()) in.pixels = pixels_of(batch, inputs).to(device_);
  return encoder_.forward(options_.input_kind, in, options_.mode, options_.kind).to(at::kCPU).contiguous();
}

void VectorMaker::halve(const std::vector<int64_t>& batch, const ModelInputs& inputs) {
  int64_t longest = 1;
  for (const int64_t i : batch) longest = std::max(longest, inputs.length(i));
  const auto rows = static_cast<int64_t>(batch.size());
  if (halve_limits(rows, rows * longest, limits_))
    log_warning(text("out of memory with ", rows, " ", inputs_text(options_.input_kind, rows),
                     " at a time: half as many from now on"));
}

void VectorMaker::fall_back() {
  if (device_.is_cpu()) return;
  log_warning("the GPU's memory does not suffice for one input: going on with the CPU");
  device_ = at::kCPU;
  encoder_.prepare(device_, encoder_.precision());
  start_limits();
}

}  // namespace athanor
