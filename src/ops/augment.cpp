// The pass over a batch. A picture's rows are read from the source, interpolated or copied, into uint16 with
// their brightness; what needs the whole picture first (the mean for contrast, the rows around for blur)
// keeps them, the rest goes straight on to the output.
#include "src/ops/augment.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstring>
#include <functional>
#include <vector>

#if defined(__x86_64__)
#include <emmintrin.h>
#endif

#include "src/core/thread_pool.h"
#include "src/ops/augment_position.h"
#include "src/ops/augment_reference.h"
#include "src/ops/augment_rows.h"

namespace athanor {
namespace {

int64_t padded(int64_t width) { return (width + kRowPadding - 1) / kRowPadding * kRowPadding; }

// What a thread keeps from picture to picture, so that memory is not asked for again.
struct Scratch {
  std::vector<uint32_t> interleaved;
  std::vector<uint16_t> planes, blurred;  // [3,H',padded(W')]
  std::vector<uint16_t> row;              // [3,padded(W')]
  std::vector<float> float_row;           // [3,W'], or one row and the blur's margins
  std::vector<float> out_row;             // [W'], as float or bf16
};
Scratch& own_scratch() {
  thread_local Scratch scratch;
  return scratch;
}
template <class T>
T* room(std::vector<T>& memory, int64_t size) {
  if (static_cast<int64_t>(memory.size()) < size) memory.resize(static_cast<size_t>(size));
  return memory.data();
}

// Output so large that it would push everything else out of the caches before anybody reads it goes past
// them.
constexpr int64_t kPastCachesBytes = int64_t{4} << 20;
void send_past_caches(const void* in, int64_t bytes, void* out) {
#if defined(__x86_64__)
  const auto* from = static_cast<const char*>(in);
  auto* to = static_cast<char*>(out);
  const auto before = static_cast<int64_t>(-reinterpret_cast<uintptr_t>(to) & 63U);
  const int64_t head = std::min(bytes, before), lines = (bytes - head) / 64 * 64;
  std::memcpy(to, from, static_cast<size_t>(head));
  for (int64_t i = head; i < head + lines; i += 16)
    _mm_stream_si128(reinterpret_cast<__m128i*>(to + i),
                     _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i)));
  std::memcpy(to + head + lines, from + head + lines, static_cast<size_t>(bytes - head - lines));
#else
  std::memcpy(out, in, static_cast<size_t>(bytes));
#endif
}
// Before another thread is told that they are there.
void finish_sending() {
#if defined(__x86_64__)
  _mm_sfence();
#endif
}

// Runs a picture's rows: all at once, or in bands on the pool.
struct Bands {
  ThreadPool* pool;
  void for_rows(int64_t rows, const std::function<void(int64_t, int64_t)>& body) const {
    if (pool == nullptr) return body(0, rows);
    const int64_t bands = std::min<int64_t>(rows, 4 * (pool->threads() + 1));
    pool->parallel_for(bands, [&](int64_t i) { body(i * rows / bands, (i + 1) * rows / bands); });
  }
};

// A map that only picks pixels: output (x,y) is source (left + x, top + y), or with `flip` (left + W' - 1 -
// x).
struct Window {
  bool found = false, flip = false;
  int64_t left = 0, top = 0;
};
Window find_window(const FixedMap& map, const AugmentShape& s) {
  constexpr int64_t kOne = int64_t{1} << 32;
  const bool straight = map.xy == 0 && map.yx == 0 && map.yy == kOne && (map.xx == kOne || map.xx == -kOne);
  if (!straight || map.x0 % kOne != 0 || map.y0 % kOne != 0) return {};
  const bool flip = map.xx < 0;
  const int64_t left = map.x0 / kOne - (flip ? s.out_width - 1 : 0), top = map.y0 / kOne;
  const bool inside =
      left >= 0 && left + s.out_width <= s.width && top >= 0 && top + s.out_height <= s.height;
  return {inside, flip, left, top};
}

// One picture on its way through.
class PicturePass {
 public:
  PicturePass(const AugmentKernel& kernel, const AugmentBatch& batch, const AugmentRule& rule, int64_t b,
              Bands bands)
      : kernel_(kernel),
        shape_(batch.shape),
        rule_(rule),
        change_(batch.changes[b]),
        map_(fixed_map(change_.map)),
        window_(find_window(map_, shape_)),
        bands_(bands),
        image_(batch.image + b * 3 * shape_.height * shape_.width),
        mask_(batch.mask == nullptr ? nullptr : batch.mask + b * shape_.height * shape_.width),
        out_mask_(batch.mask == nullptr ? nullptr
                                        : batch.out_mask + b * shape_.out_height * shape_.out_width),
        stride_(padded(shape_.out_width)) {
    const int64_t pixel_bytes = batch.out_type == PixelType::kFloat32 ? 4 : 2;
    out_ = static_cast<char*>(batch.out_image) + b * 3 * shape_.out_height * shape_.out_width * pixel_bytes;
    bf16_ = batch.out_type == PixelType::kBFloat16;
    past_caches_ = shape_.batch * 3 * shape_.out_height * shape_.out_width * pixel_bytes >= kPastCachesBytes;
  }

  void run() {
    if (!window_.found) interleave();
    const bool has_blur = change_.blur_sigma_px > 0, has_contrast = change_.contrast != 1;
    if (!has_blur && !has_contrast) return straight_through();
    uint16_t* planes = keep_rows(!has_blur);
    if (has_blur) planes = blur(planes);
    finish_planes(planes);
  }

 private:
  using Row = std::array<uint16_t*, 3>;

  Row row_of(uint16_t* planes, int64_t y) const {
    const int64_t size = shape_.out_height * stride_;
    return {planes + y * stride_, planes + size + y * stride_, planes + 2 * size + y * stride_};
  }
  int64_t plane_size() const { return shape_.out_height * stride_; }

  // The picture as four bytes a pixel, with its border around.
  void interleave() {
    const int64_t height = shape_.height, width = shape_.width, stride = width + 2 * kRing;
    uint32_t* all = room(own_scratch().interleaved, (height + 2 * kRing) * stride);
    uint32_t* inside = all + kRing * stride + kRing;
    const uint32_t fill = static_cast<uint32_t>(rule_.fill[0]) | static_cast<uint32_t>(rule_.fill[1]) << 8 |
                          static_cast<uint32_t>(rule_.fill[2]) << 16 |
                          static_cast<uint32_t>(rule_.mask_fill) << 24;
    const bool constant = rule_.border == Border::kConstant;
    bands_.for_rows(height, [&](int64_t begin, int64_t end) {
      for (int64_t y = begin; y < end; ++y) {
        const uint8_t* red = image_ + y * width;
        uint32_t* row = inside + y * stride;
        kernel_.interleave_row(red, red + height * width, red + 2 * height * width,
                               mask_ == nullptr ? nullptr : mask_ + y * width, width, row);
        std::fill(row - kRing, row, constant ? fill : row[0]);
        std::fill(row + width, row + width + kRing, constant ? fill : row[width - 1]);
      }
    });
    for (int64_t i = 0; i < kRing; ++i)
      for (const auto& [to, from] : {std::pair{i, kRing}, std::pair{height + kRing + i, height + kRing - 1}})
        if (constant)
          std::fill_n(all + to * stride, stride, fill);
        else
          std::copy_n(all + from * stride, stride, all + to * stride);
    source_ = {inside, stride, static_cast<int32_t>(height), static_cast<int32_t>(width)};
  }

  // Row y of the changed picture, times `brightness`, and of the mask.
  void read_row(int64_t y, float brightness, const Row& row) const {
    uint8_t* mask = out_mask_ == nullptr ? nullptr : out_mask_ + y * shape_.out_width;
    warp_row(y, brightness, row, mask);
    if (mask == nullptr || !change_.mirrored || rule_.class_mirror == nullptr) return;
    for (int64_t x = 0; x < shape_.out_width; ++x) mask[x] = rule_.class_mirror[mask[x]];
  }

  void warp_row(int64_t y, float brightness, const Row& row, uint8_t* mask) const {
    if (!window_.found) {
      const RowWalk walk{map_.xy * y + map_.x0, map_.yy * y + map_.y0, map_.xx, map_.yx,
                         rule_.border == Border::kReflect};
      kernel_.warp_row(source_, walk, brightness, shape_.out_width, {{row[0], row[1], row[2]}, mask});
      return;
    }
    const int64_t from = (window_.top + y) * shape_.width + window_.left;
    for (int64_t c = 0; c < 3; ++c)
      kernel_.copy_row(image_ + c * shape_.height * shape_.width + from, window_.flip, brightness,
                       shape_.out_width, row[static_cast<size_t>(c)]);
    if (mask == nullptr) return;
    if (window_.flip)
      kernel_.mirror_row(mask_ + from, shape_.out_width, mask);
    else
      std::memcpy(mask, mask_ + from, static_cast<size_t>(shape_.out_width));
  }

  void straight_through() {
    const Levels plain = levels(0);
    bands_.for_rows(shape_.out_height, [&](int64_t begin, int64_t end) {
      uint16_t* memory = room(own_scratch().row, 3 * stride_);
      const Row row = {memory, memory + stride_, memory + 2 * stride_};
      for (int64_t y = begin; y < end; ++y) {
        read_row(y, change_.brightness, row);
        finish_row(row, plain, y);
      }
      finish_sending();
    });
  }

  void add_sums(const Row& row, std::array<int64_t, 3>& sums) const {
    for (size_t c = 0; c < 3; ++c) sums[c] += kernel_.sum_row(row[c], shape_.out_width);
  }
  void gather_sums(const std::array<int64_t, 3>& sums) {
    for (size_t c = 0; c < 3; ++c) sums_[c] += sums[c];
  }

  // All rows, kept; with brightness and their sums if nothing comes before it.
  uint16_t* keep_rows(bool is_final) {
    uint16_t* planes = room(own_scratch().planes, 3 * plane_size());
    bands_.for_rows(shape_.out_height, [&](int64_t begin, int64_t end) {
      std::array<int64_t, 3> sums{};
      for (int64_t y = begin; y < end; ++y) {
        const Row row = row_of(planes, y);
        read_row(y, is_final ? change_.brightness : 1, row);
        if (is_final) add_sums(row, sums);
      }
      gather_sums(sums);
    });
    return planes;
  }

  uint16_t* blur(const uint16_t* planes) {
    const std::vector<float> weights = blur_weights(change_.blur_sigma_px);
    uint16_t* blurred = room(own_scratch().blurred, 3 * plane_size());
    bands_.for_rows(shape_.out_height, [&](int64_t begin, int64_t end) {
      std::array<int64_t, 3> sums{};
      for (int64_t y = begin; y < end; ++y) {
        const Row row = row_of(blurred, y);
        for (int64_t c = 0; c < 3; ++c)
          blur_row(planes + c * plane_size(), y, weights, row[static_cast<size_t>(c)]);
        add_sums(row, sums);
      }
      gather_sums(sums);
    });
    return blurred;
  }

  void blur_row(const uint16_t* plane, int64_t y, const std::vector<float>& weights, uint16_t* out) const {
    const auto taps = static_cast<int64_t>(weights.size()), radius = taps / 2;
    std::array<const uint16_t*, 2 * kLargestBlurRadius + 1> rows;
    for (int64_t k = 0; k < taps; ++k)
      rows[static_cast<size_t>(k)] = plane + mirrored(y + k - radius, shape_.out_height) * stride_;
    const int64_t width = shape_.out_width;
    float* row = room(own_scratch().float_row, width + 2 * radius) + radius;
    kernel_.blur_down(rows.data(), weights.data(), taps, width, row);
    for (int64_t k = 1; k <= radius; ++k) {
      row[-k] = row[mirrored(-k, width)];
      row[width - 1 + k] = row[mirrored(width - 1 + k, width)];
    }
    kernel_.blur_across(row, weights.data(), radius, change_.brightness, width, out);
  }

  void finish_planes(uint16_t* planes) {
    double mean = 0;
    for (size_t c = 0; c < 3; ++c) mean += static_cast<double>(kGrey[c]) * static_cast<double>(sums_[c]);
    mean /= static_cast<double>(shape_.out_height * shape_.out_width) * kUnit;
    const Levels contrast = levels(static_cast<float>(mean));
    bands_.for_rows(shape_.out_height, [&](int64_t begin, int64_t end) {
      for (int64_t y = begin; y < end; ++y) finish_row(row_of(planes, y), contrast, y);
      finish_sending();
    });
  }

  Levels levels(float mean_grey) const {
    const float factor = change_.contrast;
    return {.gain = factor / kUnit, .offset = mean_grey * (1 - factor), .scale = 1, .shift = 0};
  }

  void finish_row(const Row& row, const Levels& contrast, int64_t y) const {
    const bool has_colour = change_.saturation != 1 || change_.hue_turns != 0;
    const int64_t width = shape_.out_width;
    std::array<float*, 3> colours{};
    if (has_colour) {
      float* memory = room(own_scratch().float_row, 3 * width);
      colours = {memory, memory + width, memory + 2 * width};
      for (size_t c = 0; c < 3; ++c) kernel_.level_row(row[c], contrast, width, colours[c]);
      if (change_.saturation != 1) kernel_.saturate_row(colours.data(), change_.saturation, width);
      if (change_.hue_turns != 0)
        kernel_.turn_hue_row(colours.data(), change_.hue_turns - std::floor(change_.hue_turns), width);
    }
    for (size_t c = 0; c < 3; ++c) write_row(row[c], colours[c], contrast, c, y);
  }

  // Channel c of row y from `colours`, or where that is null from `row` by way of `contrast`: normalised.
  void write_row(const uint16_t* row, const float* colours, const Levels& contrast, size_t c,
                 int64_t y) const {
    Levels last = contrast;
    last.scale = 1 / rule_.std[c];
    last.shift = -rule_.mean[c] / rule_.std[c];
    const int64_t width = shape_.out_width, bytes = width * (bf16_ ? 2 : 4);
    char* out = out_ + (static_cast<int64_t>(c) * shape_.out_height + y) * bytes;
    void* to = past_caches_ ? static_cast<void*>(room(own_scratch().out_row, width)) : out;
    if (colours != nullptr && bf16_)
      kernel_.scale_row_bf16(colours, last.scale, last.shift, width, static_cast<uint16_t*>(to));
    else if (colours != nullptr)
      kernel_.scale_row(colours, last.scale, last.shift, width, static_cast<float*>(to));
    else if (bf16_)
      kernel_.level_row_bf16(row, last, width, static_cast<uint16_t*>(to));
    else
      kernel_.level_row(row, last, width, static_cast<float*>(to));
    if (past_caches_) send_past_caches(to, bytes, out);
  }

  const AugmentKernel& kernel_;
  AugmentShape shape_;
  const AugmentRule& rule_;
  const PictureChange& change_;
  FixedMap map_;
  Window window_;
  Bands bands_;
  const uint8_t* image_;
  const uint8_t* mask_;
  uint8_t* out_mask_;
  int64_t stride_;
  char* out_;
  bool bf16_, past_caches_;
  InterleavedPicture source_{};
  std::array<std::atomic<int64_t>, 3> sums_{};  // of whole numbers: the same in any order
};

}  // namespace

void augment_images_by(const AugmentKernel& kernel, const AugmentBatch& batch, const AugmentRule& rule,
                       ThreadPool& pool) {
  const int64_t threads = pool.threads() + 1, alone = batch.shape.batch / threads * threads;
  pool.parallel_for(alone, [&](int64_t b) { PicturePass(kernel, batch, rule, b, {nullptr}).run(); });
  for (int64_t b = alone; b < batch.shape.batch; ++b) PicturePass(kernel, batch, rule, b, {&pool}).run();
}

void augment_images(const AugmentBatch& batch, const AugmentRule& rule, ThreadPool& pool) {
  augment_images_by(*augment_kernels().front(), batch, rule, pool);
}

}  // namespace athanor
