// The trainer where memory is short: a batch that does not fit is learned from in pieces, whose gradients add
// up to the same mean, so that the effective batch stays what the job says.
#include <c10/util/Exception.h>

#include <algorithm>

#include "src/core/error.h"
#include "src/core/log.h"
#include "src/core/text.h"
#include "trainers/trainer.h"

namespace athanor {
namespace {

TensorMap rows(const TensorMap& tensors, int64_t first, int64_t count) {
  TensorMap some;
  for (const auto& [name, tensor] : tensors) some.set(name, tensor.narrow(0, first, count));
  return some;
}

void add_scaled(TensorMap& sums, const TensorMap& values, double weight) {
  for (const auto& [name, value] : values) {
    const at::Tensor* before = sums.find(name);
    sums.set(name, before != nullptr ? before->add(value, weight) : value.mul(weight));
  }
}

}  // namespace

Loss Trainer::learn_in_pieces(const Batch& batch, const at::Tensor& share) {
  const int64_t piece = std::max<int64_t>(1, (batch.size + pieces_ - 1) / pieces_);
  TensorMap sums;
  for (int64_t first = 0; first < batch.size; first += piece) {
    const int64_t count = std::min(piece, batch.size - first);
    const double weight = static_cast<double>(count) / static_cast<double>(batch.size);
    const Loss loss =
        objective_.compute(forward(rows(batch.inputs, first, count)), rows(batch.labels, first, count));
    loss.total.backward(share.mul(weight));
    // A part may be called "total" too.
    add_scaled(sums, {{"", loss.total.detach()}}, weight);
    add_scaled(sums, loss.parts, weight);
  }
  Loss mean{sums.at(""), {}};
  for (const auto& [name, value] : sums)
    if (!name.empty()) mean.parts.set(name, value);
  return mean;
}

// Undoes the group that began at `first_batch` and halves the pieces. Throws Error where they cannot be
// halved.
void Trainer::take_back(int64_t first_batch, const TensorMap& carried, const std::string& reason) {
  optimizer_.zero_gradients();
  const int64_t largest_piece = group_unit_ / std::max<int64_t>(1, pieces_);
  if (largest_piece <= 1 || !carried.empty())
    throw Error({device_.str(), "out of memory: " + reason.substr(0, reason.find('\n')), "", "",
                 "a smaller model, shorter windows or trainer.precision=bf16"});
  batch_ = first_batch;
  meter_.take_back(batches_done());
  pieces_ *= 2;
  empty_memory_cache(device_);
  if (!only_batch_) train_.start_epoch(epoch_, batch_);
  if (progress_ != nullptr) progress_->clear();
  log_warning(
      text("out of memory: each batch is now learned from in ", pieces_,
           " pieces (same gradients, slower); data.batch_size lower and trainer.accumulate_steps higher "
           "would do the same"));
}

}  // namespace athanor
