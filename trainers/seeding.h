// Random numbers of a step from (seed, step) alone: generators are seeded anew before every batch, so that
// dropout needs no saved state and a resumed run draws what the uninterrupted one would have drawn.
#pragma once

#include <c10/core/Device.h>

#include <cstdint>

namespace athanor {

// Seeds the CPU's generator and that of `device`.
void seed_generators(uint64_t seed, c10::Device device);
// Asks LibTorch for deterministic kernels only, or for the fastest.
void set_deterministic(bool deterministic);

}  // namespace athanor
