// The activations that follow a linear layer.
#pragma once

namespace athanor {

enum class Activation { kNone, kGelu, kGeluTanh, kQuickGelu, kRelu, kSilu };

}  // namespace athanor
