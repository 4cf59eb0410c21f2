// Blocks of kLanes pixels, turned so that loops run along pixels and become vectors; compiled for AVX-512,
// AVX2 and without either, the loader picks at start. exp is Cephes' expf (Moshier 1989), within 2 ulp.
#include "src/ops/mask_sums.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "src/ops/clones.h"

namespace athanor {
namespace {

constexpr int64_t kLanes = 64, kPartial = 16;
using Lanes = std::array<float, kLanes>;

// x in (-inf, 0]; below -87 it is exp(-87).
inline float exp_of(float x) {
  constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: adding it leaves no room for a fraction
  x = x < -87.0f ? -87.0f : x;
  const float n = (x * 1.44269504f + kRound) - kRound;
  const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  float y = 1.9875691500e-4f;
  y = y * r + 1.3981999507e-3f;
  y = y * r + 8.3334519073e-3f;
  y = y * r + 4.1665795894e-2f;
  y = y * r + 1.6666665459e-1f;
  y = y * r + 5.0000001201e-1f;
  y = y * r * r + r + 1.0f;
  return y * std::bit_cast<float>((static_cast<int32_t>(n) + 127) << 23);
}

// logits [count,C] -> p [C,kLanes], the softmax, and log_sum: log p_c = logit_c - log_sum. Lanes past `count`
// hold the softmax of zeros.
ATHANOR_CLONES void softmax_block(const float* __restrict logits, int64_t count, int64_t classes,
                                  float* __restrict p, float* __restrict log_sum) {
  for (int64_t c = 0; c < classes; ++c)
    for (int64_t i = 0; i < kLanes; ++i) p[c * kLanes + i] = i < count ? logits[i * classes + c] : 0;
  Lanes top, sum{};
  for (int64_t i = 0; i < kLanes; ++i) top[i] = p[i];
  for (int64_t c = 1; c < classes; ++c)
    for (int64_t i = 0; i < kLanes; ++i) top[i] = p[c * kLanes + i] > top[i] ? p[c * kLanes + i] : top[i];
  for (int64_t c = 0; c < classes; ++c)
    for (int64_t i = 0; i < kLanes; ++i) {
      const float e = exp_of(p[c * kLanes + i] - top[i]);
      p[c * kLanes + i] = e;
      sum[i] += e;
    }
  for (int64_t i = 0; i < kLanes; ++i) log_sum[i] = top[i] + std::log(sum[i]);
  for (int64_t i = 0; i < kLanes; ++i) sum[i] = 1 / sum[i];
  for (int64_t c = 0; c < classes; ++c)
    for (int64_t i = 0; i < kLanes; ++i) p[c * kLanes + i] *= sum[i];
}

// said [C] += the sums along lanes of share * p.
ATHANOR_CLONES void add_said(const float* __restrict p, const float* __restrict share, int64_t classes,
                             double* __restrict said) {
  for (int64_t c = 0; c < classes; ++c) {
    std::array<float, kPartial> partial{};
    for (int64_t i = 0; i < kLanes; i += kPartial)
      for (int64_t k = 0; k < kPartial; ++k) partial[k] += share[i + k] * p[c * kLanes + i + k];
    double sum = 0;
    for (const float value : partial) sum += value;
    said[c] += sum;
  }
}

// dot = share * the sums along classes of by_said * p.
ATHANOR_CLONES void dot_said(const float* __restrict p, const float* __restrict share, int64_t classes,
                             const float* __restrict by_said, float* __restrict dot) {
  for (int64_t i = 0; i < kLanes; ++i) dot[i] = 0;
  for (int64_t c = 0; c < classes; ++c)
    for (int64_t i = 0; i < kLanes; ++i) dot[i] += by_said[c] * p[c * kLanes + i];
  for (int64_t i = 0; i < kLanes; ++i) dot[i] *= share[i];
}

// gradient [count,C] = p * (share * by_said + rest), turned back.
ATHANOR_CLONES void put_gradient(float* __restrict p, const float* __restrict share,
                                 const float* __restrict rest, const float* __restrict by_said, int64_t count,
                                 int64_t classes, float* __restrict gradient) {
  for (int64_t c = 0; c < classes; ++c)
    for (int64_t i = 0; i < kLanes; ++i) p[c * kLanes + i] *= share[i] * by_said[c] + rest[i];
  for (int64_t i = 0; i < count; ++i)
    for (int64_t c = 0; c < classes; ++c) gradient[i * classes + c] = p[c * kLanes + i];
}

// A true class of a pixel and how much of the pixel it is.
struct Truth {
  int64_t lane, pixel, label;
  float share;
};

// Calls with each Truth of pixels [first, first+count) that counts; those of a pixel in the layers' order.
template <class Use>
void each_truth(const MaskPixels& pixels, int64_t first, int64_t count, const Use& use) {
  if (pixels.shares == nullptr) {
    for (int64_t i = 0; i < count; ++i)
      if (pixels.layers[first + i] != pixels.ignore) use(Truth{i, first + i, pixels.layers[first + i], 1});
    return;
  }
  const int64_t size = pixels.pixels_a_sample, step = pixels.pixels_a_share == 1 ? 1 : 0;
  for (int64_t done = 0, run = 0; done < count; done += run) {  // a run ends where its sample does
    const int64_t sample = (first + done) / size, place = (first + done) % size;
    run = std::min(count - done, size - place);
    for (int64_t n = 0; n < pixels.layer_count; ++n) {
      const int64_t from = (sample * pixels.layer_count + n) * size + place;
      const uint8_t* labels = pixels.layers + from;
      const float* shares = pixels.shares + from / pixels.pixels_a_share;
      for (int64_t i = 0; i < run; ++i)
        if (shares[i * step] > 0 && labels[i] != pixels.ignore)
          use(Truth{done + i, first + done + i, labels[i], shares[i * step]});
    }
  }
}

// 1 - p, kept off 0 where its powers are asked for.
float miss_of(float p) { return std::max(1 - p, 1e-7f); }

}  // namespace

MaskSums mask_sums(const MaskPixels& pixels, int64_t first, int64_t last) {
  const int64_t classes = pixels.classes;
  MaskSums sums;
  sums.said.resize(classes);
  sums.both.resize(classes);
  sums.truth.resize(classes);
  std::vector<float> p(classes * kLanes);
  Lanes log_sum;
  for (; first < last; first += kLanes) {
    const int64_t count = std::min(kLanes, last - first);
    softmax_block(pixels.logits + first * classes, count, classes, p.data(), log_sum.data());
    Lanes share{};
    each_truth(pixels, first, count, [&](const Truth& t) {
      const float p_true = p[t.label * kLanes + t.lane], weight = t.share * pixels.class_weight[t.label];
      const float factor = pixels.focal_gamma > 0 ? std::pow(miss_of(p_true), pixels.focal_gamma) : 1.0f;
      sums.entropy += weight * factor * (log_sum[t.lane] - pixels.logits[t.pixel * classes + t.label]);
      sums.weight += weight;
      sums.both[t.label] += t.share * p_true;
      sums.truth[t.label] += t.share;
      share[t.lane] += t.share;
    });
    add_said(p.data(), share.data(), classes, sums.said.data());
  }
  return sums;
}

void mask_sums_gradient(const MaskPixels& pixels, const MaskSumsGradient& by_sums, int64_t first,
                        int64_t last, float* gradient) {
  const int64_t classes = pixels.classes;
  std::vector<float> p(classes * kLanes);
  std::vector<Truth> truths(pixels.layer_count * kLanes);
  std::vector<float> at_label(truths.size());
  Lanes log_sum, rest;
  for (; first < last; first += kLanes) {
    const int64_t count = std::min(kLanes, last - first);
    softmax_block(pixels.logits + first * classes, count, classes, p.data(), log_sum.data());
    // at_label is added to the derivative by the true class's logit, `own` to all in the part of their p.
    Lanes share{}, own{};
    size_t found = 0;
    each_truth(pixels, first, count, [&](const Truth& t) {
      const float p_true = p[t.label * kLanes + t.lane];
      float slope = by_sums.entropy * t.share * pixels.class_weight[t.label];
      if (pixels.focal_gamma > 0) {
        const float miss = miss_of(p_true), power = std::pow(miss, pixels.focal_gamma);
        const float log_p = pixels.logits[t.pixel * classes + t.label] - log_sum[t.lane];
        slope *= power - pixels.focal_gamma * p_true * power / miss * log_p;
      }
      const float by_both = t.share * by_sums.both[t.label] * p_true;
      share[t.lane] += t.share;
      own[t.lane] += slope - by_both;
      at_label[found] = by_both - slope;
      truths[found++] = t;
    });
    dot_said(p.data(), share.data(), classes, by_sums.said.data(), rest.data());
    for (int64_t i = 0; i < kLanes; ++i) rest[i] = own[i] - rest[i];
    put_gradient(p.data(), share.data(), rest.data(), by_sums.said.data(), count, classes,
                 gradient + first * classes);
    for (size_t k = 0; k < found; ++k) gradient[truths[k].pixel * classes + truths[k].label] += at_label[k];
  }
}

}  // namespace athanor
