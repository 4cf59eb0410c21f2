// Floating-point operations of a model's forward pass, counted while it runs.
#pragma once

#include <cstdint>

#include "models/model.h"

namespace athanor {

// Of one sample, a multiplication and an addition counted as two; matrix products, convolutions, LSTMs and
// attention alone, as torch.utils.flop_counter does (which leaves out LSTMs). Runs the model once on zeros,
// in evaluation mode, and leaves it there, with no carried state. The backward pass costs about twice as
// much.
int64_t forward_flops(Model& model, const DataSpec& spec);

}  // namespace athanor
