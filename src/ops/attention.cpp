#include "src/ops/attention.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace athanor {
namespace {

double dot(const float* a, const float* b, int64_t count) {
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

// [L]: what a query gives each key, summing to 1.
std::vector<double> shares(const Attention& a, int64_t at, const float* mask, int64_t query) {
  std::vector<double> out;
  for (int64_t key = 0; key < a.length; ++key)
    out.push_back(dot(a.q + at + query * a.row_stride, a.k + at + key * a.row_stride, a.width) /
                      std::sqrt(static_cast<double>(a.width)) +
                  (mask == nullptr ? 0 : mask[query * a.mask_row_stride + key]));
  const double most = *std::max_element(out.begin(), out.end());
  double sum = 0;
  for (double& x : out) sum += x = std::exp(x - most);
  for (double& x : out) x /= sum;
  return out;
}

}  // namespace

void attend_plain(const Attention& a) {
  for (int64_t i = 0; i < a.batch * a.heads * a.length; ++i) {
    const int64_t query = i % a.length, head = i / a.length % a.heads, batch = i / a.length / a.heads;
    const int64_t at = batch * a.batch_stride + head * a.head_stride;
    const float* mask = a.mask == nullptr ? nullptr : a.mask + batch * a.mask_batch_stride;
    const std::vector<double> given = shares(a, at, mask, query);
    float* out = a.out + ((batch * a.length + query) * a.heads + head) * a.width;
    for (int64_t d = 0; d < a.width; ++d) {
      double sum = 0;
      for (int64_t key = 0; key < a.length; ++key)
        sum += given[static_cast<size_t>(key)] * a.v[at + key * a.row_stride + d];
      out[d] = static_cast<float>(sum);
    }
  }
}

}  // namespace athanor
