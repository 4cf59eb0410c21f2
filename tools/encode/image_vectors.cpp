// Images to vectors: files of a window decoded and processed in parallel, then batches of them.
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <numeric>

#include "data/images/image_processor.h"
#include "src/core/error.h"
#include "src/core/log.h"
#include "src/core/text.h"
#include "src/core/thread_pool.h"
#include "tools/encode/run_halving.h"
#include "tools/encode/vector_maker.h"

namespace athanor {
namespace {

constexpr int64_t kWindow = 64;  // decoded at a time
constexpr int64_t kImagesABatch = 8, kImagesABatchOfGpu = 64;

ImageProcessor processor_of(const EncodeOptions& options, const Encoder& encoder) {
  ImageProcessor processor(load_image_processor_config(options.model));
  const int64_t side = encoder.vision().image_size();
  if (processor.height() != side || processor.width() != side)
    throw usage_error({options.model + "/preprocessor_config.json",
                       "makes images of another size than the model sees", text(side, " x ", side),
                       text(processor.width(), " x ", processor.height())});
  return processor;
}

class ImageVectors : public VectorMaker {
 public:
  ImageVectors(const EncodeOptions& options, const Encoder& encoder, at::Device device, ThreadPool& pool)
      : options_(options),
        encoder_(encoder),
        device_(device),
        pool_(pool),
        processor_(processor_of(options, encoder)) {
    rows_ = options.batch > 0 ? options.batch : device.is_cpu() ? kImagesABatch : kImagesABatchOfGpu;
  }
  int64_t width() const override { return encoder_.image_width(options_.mode, options_.kind); }
  int64_t window() const override { return std::max(kWindow, rows_); }
  int64_t skipped() const override { return skipped_; }

  Vectors encode(std::vector<EncodeInput>& inputs) override {
    std::vector<std::string> files;
    for (const EncodeInput& input : inputs) files.push_back(input.image);
    const auto count = static_cast<int64_t>(files.size());
    const at::Tensor pixels = at::empty({count, 3, processor_.height(), processor_.width()});
    const std::vector<ImageFault> faults =
        process_images(processor_, files, options_.skip_bad ? OnBadImage::kBlank : OnBadImage::kRefuse,
                       pixels.mutable_data_ptr<float>(), pool_);
    std::vector<at::Tensor> parts(inputs.size());  // of each input, [1 or L,D]
    for (int64_t begin = 0; begin < count;) {
      std::vector<int64_t> batch(static_cast<size_t>(std::min(rows_, count - begin)));
      std::iota(batch.begin(), batch.end(), begin);
      begin += static_cast<int64_t>(batch.size());
      run_halving(
          batch, [&](const auto& part) { forward(part, pixels, parts); },
          [&] { rows_ = std::max<int64_t>(1, rows_ / 2); });
    }
    leave_out(faults, parts);
    return gathered(parts);
  }

 private:
  void forward(const std::vector<int64_t>& batch, const at::Tensor& pixels,
               std::vector<at::Tensor>& parts) const {
    const auto size = static_cast<int64_t>(batch.size());
    const at::Tensor seen = pixels.narrow(0, batch.front(), size).to(device_);
    const at::Tensor vectors = encoder_.images(seen, options_.mode, options_.kind).to(at::kCPU);
    for (int64_t i = 0; i < size; ++i)
      parts[static_cast<size_t>(batch.front() + i)] = vectors[i].reshape({-1, vectors.size(-1)});
  }

  // A broken image has a vector of zeros, or none where images have several.
  void leave_out(const std::vector<ImageFault>& faults, std::vector<at::Tensor>& parts) {
    for (const ImageFault& fault : faults) {
      log_warning("left out: " + fault.message);
      parts[static_cast<size_t>(fault.index)] = at::zeros({has_several(options_) ? 0 : 1, width()});
      ++skipped_;
    }
  }

  Vectors gathered(const std::vector<at::Tensor>& parts) const {
    Vectors out;
    int64_t rows = 0;
    for (const at::Tensor& part : parts) {
      out.counts.push_back(part.size(0));
      rows += part.size(0);
    }
    out.rows = at::empty({rows, width()});
    rows = 0;
    for (const at::Tensor& part : parts) {
      out.rows.narrow(0, rows, part.size(0)).copy_(part);
      rows += part.size(0);
    }
    return out;
  }

  const EncodeOptions& options_;
  const Encoder& encoder_;
  at::Device device_;
  ThreadPool& pool_;
  ImageProcessor processor_;
  int64_t rows_, skipped_ = 0;
};

}  // namespace

std::unique_ptr<VectorMaker> make_image_vectors(const EncodeOptions& options, const Encoder& encoder,
                                                at::Device device, ThreadPool& pool) {
  return std::make_unique<ImageVectors>(options, encoder, device, pool);
}

}  // namespace athanor
