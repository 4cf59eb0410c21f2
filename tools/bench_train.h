// The sides of `athanor bench train`: one step of training, by the product's own trainer and by a bare
// LibTorch loop.
#pragma once

#include <functional>
#include <memory>
#include <string>

namespace athanor {

struct StepCase {
  // lstm and attention: the default timeframes; faces: MicroSegFormer; tiny: 32-64-64-1
  std::string name = "lstm";
  std::string precision = "fp32";
  int64_t batch = 128;
  int64_t hidden = 128;
  int64_t size_px = 512;  // of a side of the faces
  int64_t steps = 1;      // a round
};

// "5 timeframes 480+288+192+96+48 x 16, hidden 128, batch 128"
std::string step_shape(const StepCase& one);

// How the LSTMs are trained: by the fused kernels, by them with model.checkpoint_activations, by at::lstm.
enum class LstmWay { kFused, kRecomputed, kAtLstm };

// Milliseconds a step of one round of training by the Trainer, on random data in memory, loader included.
// Throws Error.
std::function<double()> make_trainer_side(const StepCase& one, LstmWay way);

// The same for the tiny model by a loop written straight on LibTorch: torch::nn::Sequential, mse_loss, fused
// AdamW.
std::function<double()> make_bare_side(const StepCase& one);

}  // namespace athanor
