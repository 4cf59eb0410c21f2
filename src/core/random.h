// Random numbers that are the same on every machine and thread count: a counter-mixed seed (SplitMix64,
// Steele et al. 2014) and xoshiro256** (Blackman and Vigna 2018). Not for cryptography.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace athanor {

// A well-mixed 64-bit seed from up to three counters, e.g. mix_seed(seed, epoch, sample).
uint64_t mix_seed(uint64_t seed, uint64_t a, uint64_t b = 0);

class Rng {
 public:
  explicit Rng(uint64_t seed);
  uint64_t next();
  double uniform();                // [0,1), 53 bits
  double normal();                 // mean 0, variance 1 (Box-Muller, both values used)
  uint64_t below(uint64_t limit);  // [0,limit), unbiased

 private:
  std::array<uint64_t, 4> state_;
  double spare_ = 0;
  bool has_spare_ = false;
};

// A permutation of 0..count-1 that depends on the seed alone (Fisher-Yates).
std::vector<int64_t> permutation(int64_t count, uint64_t seed);

}  // namespace athanor
