// What training does to a batch before the model sees it, on the batch's device. Evaluation never augments.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "src/core/batch.h"
#include "src/core/component.h"

namespace athanor {

class Augmentation {
 public:
  virtual ~Augmentation() = default;
  // The batch with its inputs and labels changed; the given one's tensors stay as they are. What is drawn for
  // a sample depends on (seed, epoch, batch.samples[i]) alone: not on threads, batch size or device.
  virtual Batch apply(const Batch& batch, uint64_t seed, int64_t epoch) const = 0;
  // One line for the plan and the log, e.g. "flip p 0.5, rotate 15 deg p 0.3".
  virtual std::string describe(int64_t epoch) const = 0;
  // What it does to one sample (seed, epoch, sample), e.g. "flip, rotate"; "" where nothing.
  virtual std::string describe_sample(uint64_t, int64_t, int64_t) const { return ""; }
};

using AugmentationComponent = Component<Augmentation, const DataSpec&>;
const std::vector<AugmentationComponent>& augmentation_components();
using AugmentationChoice = Choice<Augmentation, const DataSpec&>;

}  // namespace athanor
