// A float32 is not finite where its exponent is all ones. SSE2, which every x86-64 has; plain code elsewhere.
#include "data/hdf5/finite.h"

#include <algorithm>
#include <cstring>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace athanor {
namespace {

constexpr uint32_t kExponent = 0x7f800000;

bool finite(const char* value) {
  uint32_t bits = 0;
  std::memcpy(&bits, value, sizeof bits);
  return (bits & kExponent) != kExponent;
}

}  // namespace

bool all_finite(const char* values, int64_t count) {
  // A fixed block with a lane each lets the compiler vectorise.
  constexpr int64_t kLanes = 32;
  uint32_t found[kLanes] = {}, block[kLanes];
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    std::memcpy(block, values + i * 4, sizeof block);
    for (int64_t lane = 0; lane < kLanes; ++lane)
      found[lane] |= static_cast<uint32_t>((block[lane] & kExponent) == kExponent);
  }
  bool good = std::all_of(found, found + kLanes, [](uint32_t lane) { return lane == 0; });
  for (; i < count; ++i) good = good && finite(values + i * 4);
  return good;
}

#ifdef __SSE2__

bool copy_and_check(const char* from, char* to, int64_t bytes) {
  bool good = true;
  int64_t i = 0;
  for (; i < bytes && reinterpret_cast<uintptr_t>(to + i) % 16 != 0; i += 4) {
    std::memcpy(to + i, from + i, 4);
    good = good && finite(from + i);
  }
  const __m128i exponent = _mm_set1_epi32(kExponent);
  __m128i found = _mm_setzero_si128();
  for (; i + 64 <= bytes; i += 64)
    for (int64_t part = i; part < i + 64; part += 16) {
      const __m128i four = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + part));
      found = _mm_or_si128(found, _mm_cmpeq_epi32(_mm_and_si128(four, exponent), exponent));
      _mm_stream_si128(reinterpret_cast<__m128i*>(to + part), four);
    }
  _mm_sfence();
  std::memcpy(to + i, from + i, static_cast<size_t>(bytes - i));
  return good && _mm_movemask_epi8(found) == 0 && all_finite(from + i, (bytes - i) / 4);
}

#else

bool copy_and_check(const char* from, char* to, int64_t bytes) {
  std::memcpy(to, from, static_cast<size_t>(bytes));
  return all_finite(to, bytes / 4);
}

#endif

}  // namespace athanor
