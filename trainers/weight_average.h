// Exponential moving average of a model's weights (Polyak & Juditsky 1992; the decay's warm-up is
// TensorFlow's ExponentialMovingAverage with num_updates): what is evaluated and kept, while training goes on
// with the weights themselves.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "models/model.h"

namespace athanor {

class WeightAverage {
 public:
  // Keeps a reference to the model; begins at its weights.
  WeightAverage(Model& model, double decay);

  // Takes in the weights after update `step` (from 0): average += (1-d) (weights - average) with
  // d = min(decay, (1+step)/(10+step)). Buffers (BatchNorm's statistics) are averaged too where they are
  // floating point, else copied.
  void add(int64_t step);
  // By the model's names; their contents change with add().
  TensorMap weights() const { return average_; }
  // Copies; the names and shapes are the model's (load_weights has checked them).
  void load(const TensorMap& weights);

  // The model computes with the average as long as this lives. nullptr: nothing happens.
  class Scope {
   public:
    explicit Scope(WeightAverage* average);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    WeightAverage* average_;
  };

 private:
  void exchange();

  double decay_;
  TensorMap live_, average_;  // live_: the model's own tensors
  std::vector<at::Tensor> floating_live_, floating_average_, other_live_, other_average_;
};

}  // namespace athanor
