#include "src/ops/augment_reference.h"

#include <algorithm>
#include <cmath>

#include "src/ops/augment_position.h"

namespace athanor {

Affine compose(const Affine& inner, const Affine& outer) {
  return {.xx = inner.xx * outer.xx + inner.xy * outer.yx,
          .xy = inner.xx * outer.xy + inner.xy * outer.yy,
          .x0 = inner.xx * outer.x0 + inner.xy * outer.y0 + inner.x0,
          .yx = inner.yx * outer.xx + inner.yy * outer.yx,
          .yy = inner.yx * outer.xy + inner.yy * outer.yy,
          .y0 = inner.yx * outer.x0 + inner.yy * outer.y0 + inner.y0};
}

std::vector<float> blur_weights(double sigma_px) {
  const int radius = std::min(kLargestBlurRadius, static_cast<int>(std::ceil(3 * sigma_px)));
  std::vector<double> weights;
  double sum = 0;
  for (int i = -radius; i <= radius; ++i) {
    weights.push_back(std::exp(-0.5 * (i / sigma_px) * (i / sigma_px)));
    sum += weights.back();
  }
  std::vector<float> out;
  out.reserve(weights.size());
  for (const double weight : weights) out.push_back(static_cast<float>(weight / sum));
  return out;
}

namespace augment_reference {
namespace {

float clamp01(float x) { return std::clamp(x, 0.0F, 1.0F); }

template <class Change>
FloatImage each_pixel(const FloatImage& image, const Change& change) {
  FloatImage out = image;
  for (int64_t i = 0; i < image.height * image.width; ++i) {
    float rgb[3] = {image.plane(0)[i], image.plane(1)[i], image.plane(2)[i]};
    change(rgb);
    for (int64_t c = 0; c < 3; ++c) out.plane(c)[i] = rgb[c];
  }
  return out;
}

float grey_of(const float rgb[3]) { return kGrey[0] * rgb[0] + kGrey[1] * rgb[1] + kGrey[2] * rgb[2]; }

struct Source {
  int32_t x, y;  // in 2^-15 pixels
};

Source source_of(const FixedMap& map, int64_t x, int64_t y, int64_t height, int64_t width, Border border) {
  const bool reflect = border == Border::kReflect;
  return {position(map.xx * x + map.xy * y + map.x0, static_cast<int32_t>(width), reflect),
          position(map.yx * x + map.yy * y + map.y0, static_cast<int32_t>(height), reflect)};
}

// The pixel at (x,y), or what the border puts there.
template <class T>
T pixel_or(const T* plane, int64_t height, int64_t width, int64_t x, int64_t y, Border border, T fill) {
  const bool inside = x >= 0 && x < width && y >= 0 && y < height;
  if (!inside && border == Border::kConstant) return fill;
  return plane[std::clamp<int64_t>(y, 0, height - 1) * width + std::clamp<int64_t>(x, 0, width - 1)];
}

}  // namespace

FloatImage from_bytes(const uint8_t* image, int64_t height, int64_t width) {
  FloatImage out{height, width, {}};
  for (int64_t i = 0; i < 3 * height * width; ++i) out.pixels.push_back(static_cast<float>(image[i]) / 255);
  return out;
}

FloatImage warp(const FloatImage& image, const Affine& map, int64_t out_height, int64_t out_width,
                const AugmentRule& rule) {
  const FixedMap fixed = fixed_map(map);
  FloatImage out{out_height, out_width, std::vector<float>(static_cast<size_t>(3 * out_height * out_width))};
  for (int64_t y = 0; y < out_height; ++y)
    for (int64_t x = 0; x < out_width; ++x) {
      const Source from = source_of(fixed, x, y, image.height, image.width, rule.border);
      const int64_t left = from.x >> kPositionBits, top = from.y >> kPositionBits;
      const double right_part = static_cast<double>(from.x & (kOnePixel - 1)) / kOnePixel;
      const double lower_part = static_cast<double>(from.y & (kOnePixel - 1)) / kOnePixel;
      for (int64_t c = 0; c < 3; ++c) {
        const auto tap = [&](int64_t dy, int64_t dx) -> double {
          return pixel_or(image.plane(c), image.height, image.width, left + dx, top + dy, rule.border,
                          static_cast<float>(rule.fill[c]) / 255);
        };
        const double upper = tap(0, 0) + (tap(0, 1) - tap(0, 0)) * right_part;
        const double lower = tap(1, 0) + (tap(1, 1) - tap(1, 0)) * right_part;
        out.plane(c)[y * out_width + x] = static_cast<float>(upper + (lower - upper) * lower_part);
      }
    }
  return out;
}

std::vector<uint8_t> warp_mask(const uint8_t* mask, int64_t height, int64_t width, const Affine& map,
                               int64_t out_height, int64_t out_width, const AugmentRule& rule) {
  const FixedMap fixed = fixed_map(map);
  std::vector<uint8_t> out;
  for (int64_t y = 0; y < out_height; ++y)
    for (int64_t x = 0; x < out_width; ++x) {
      const Source from = source_of(fixed, x, y, height, width, rule.border);
      const int64_t column = (from.x + kOnePixel / 2) >> kPositionBits;
      const int64_t row = (from.y + kOnePixel / 2) >> kPositionBits;
      out.push_back(pixel_or(mask, height, width, column, row, rule.border, rule.mask_fill));
    }
  return out;
}

SoftMask warp_soft_mask(const uint8_t* mask, int64_t height, int64_t width, const Affine& map,
                        int64_t out_height, int64_t out_width, const AugmentRule& rule) {
  const FixedMap fixed = fixed_map(map);
  SoftMask out;
  for (int64_t dy = 0; dy < 2; ++dy)
    for (int64_t dx = 0; dx < 2; ++dx)
      for (int64_t y = 0; y < out_height; ++y)
        for (int64_t x = 0; x < out_width; ++x) {
          const Source from = source_of(fixed, x, y, height, width, rule.border);
          const int64_t column = (from.x >> kPositionBits) + dx, row = (from.y >> kPositionBits) + dy;
          const double right = static_cast<double>(from.x & (kOnePixel - 1)) / kOnePixel;
          const double lower = static_cast<double>(from.y & (kOnePixel - 1)) / kOnePixel;
          out.layers.push_back(pixel_or(mask, height, width, column, row, rule.border, rule.mask_fill));
          out.shares.push_back(
              static_cast<float>((dx == 1 ? right : 1 - right) * (dy == 1 ? lower : 1 - lower)));
        }
  return out;
}

FloatImage blur(const FloatImage& image, double sigma_px) {
  if (sigma_px <= 0) return image;
  const std::vector<float> weights = blur_weights(sigma_px);
  const auto radius = static_cast<int64_t>(weights.size() / 2);
  FloatImage across = image, out = image;
  const int64_t height = image.height, width = image.width;
  for (int64_t c = 0; c < 3; ++c) {
    for (int64_t y = 0; y < height; ++y)
      for (int64_t x = 0; x < width; ++x) {
        double sum = 0;
        for (int64_t k = -radius; k <= radius; ++k)
          sum +=
              weights[static_cast<size_t>(k + radius)] * image.plane(c)[y * width + mirrored(x + k, width)];
        across.plane(c)[y * width + x] = static_cast<float>(sum);
      }
    for (int64_t y = 0; y < height; ++y)
      for (int64_t x = 0; x < width; ++x) {
        double sum = 0;
        for (int64_t k = -radius; k <= radius; ++k)
          sum +=
              weights[static_cast<size_t>(k + radius)] * across.plane(c)[mirrored(y + k, height) * width + x];
        out.plane(c)[y * width + x] = static_cast<float>(sum);
      }
  }
  return out;
}

FloatImage brightness(const FloatImage& image, float factor) {
  return each_pixel(image, [&](float rgb[3]) {
    for (int c = 0; c < 3; ++c) rgb[c] = clamp01(rgb[c] * factor);
  });
}

FloatImage contrast(const FloatImage& image, float factor) {
  double sum = 0;
  each_pixel(image, [&](float rgb[3]) { sum += grey_of(rgb); });
  const auto mean = static_cast<float>(sum / static_cast<double>(image.height * image.width));
  return each_pixel(image, [&](float rgb[3]) {
    for (int c = 0; c < 3; ++c) rgb[c] = clamp01(mean + (rgb[c] - mean) * factor);
  });
}

FloatImage saturation(const FloatImage& image, float factor) {
  return each_pixel(image, [&](float rgb[3]) {
    const float grey = grey_of(rgb);
    for (int c = 0; c < 3; ++c) rgb[c] = clamp01(grey + (rgb[c] - grey) * factor);
  });
}

FloatImage hue(const FloatImage& image, float turns) {
  return each_pixel(image, [&](float rgb[3]) {
    const float red = rgb[0], green = rgb[1], blue = rgb[2];
    const float value = std::max({red, green, blue}), chroma = value - std::min({red, green, blue});
    if (chroma == 0) return;
    float sixth = value == red     ? (green - blue) / chroma
                  : value == green ? (blue - red) / chroma + 2
                                   : (red - green) / chroma + 4;
    sixth += turns * 6;
    for (int c = 0; c < 3; ++c) {  // each channel falls and rises once around the circle
      const float from = sixth + static_cast<float>(5 - 2 * c), at = from - 6 * std::floor(from / 6);
      rgb[c] = value - chroma * clamp01(std::min(at, 4 - at));
    }
  });
}

FloatImage normalise(const FloatImage& image, const float mean[3], const float std[3]) {
  return each_pixel(image, [&](float rgb[3]) {
    for (int c = 0; c < 3; ++c) rgb[c] = (rgb[c] - mean[c]) / std[c];
  });
}

FloatImage augment(const uint8_t* image, const AugmentShape& shape, const PictureChange& change,
                   const AugmentRule& rule) {
  FloatImage out = from_bytes(image, shape.height, shape.width);
  out = warp(out, change.map, shape.out_height, shape.out_width, rule);
  out = blur(out, change.blur_sigma_px);
  if (change.brightness != 1) out = brightness(out, change.brightness);
  if (change.contrast != 1) out = contrast(out, change.contrast);
  if (change.saturation != 1) out = saturation(out, change.saturation);
  if (change.hue_turns != 0) out = hue(out, change.hue_turns);
  return normalise(out, rule.mean, rule.std);
}

}  // namespace augment_reference
}  // namespace athanor
