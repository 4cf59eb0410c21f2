// What the operations draw. Definitions: ops/augment_reference.h; mixup: Zhang et al. 2018; cutmix: Yun et
// al. 2019; the box of resized_crop: Szegedy et al. 2015, as torchvision draws it but not rounded to whole
// pixels.
#include "data/augment/operations.h"

#include <cmath>
#include <numbers>

#include "src/core/error.h"
#include "src/core/text.h"

namespace athanor {
namespace {

double between_draw(Rng& rng, double low, double high) { return low + (high - low) * rng.uniform(); }

// About the picture's centre: forward, the picture turns by `radians` (counter-clockwise as seen), grows by
// `scale` and moves by (dx,dy) pixels; the map goes backward.
void turn(SampleChange& change, double radians, double scale, double dx, double dy) {
  const double cx = static_cast<double>(change.width - 1) / 2,
               cy = static_cast<double>(change.height - 1) / 2;
  const double c = std::cos(radians) / scale, s = std::sin(radians) / scale;
  const Affine back{.xx = c,
                    .xy = -s,
                    .x0 = cx - c * (cx + dx) + s * (cy + dy),
                    .yx = s,
                    .yy = c,
                    .y0 = cy - s * (cx + dx) - c * (cy + dy)};
  change.picture.map = compose(change.picture.map, back);
}

double radians_draw(Rng& rng, double degrees) {
  return between_draw(rng, -degrees, degrees) * std::numbers::pi / 180;
}

// In [1-amount, 1+amount], never negative.
float factor_draw(Rng& rng, double amount) {
  return static_cast<float>(between_draw(rng, std::max(0.0, 1 - amount), 1 + amount));
}

// Marsaglia & Tsang 2000.
double gamma_draw(Rng& rng, double shape) {
  if (shape < 1) return gamma_draw(rng, shape + 1) * std::pow(1 - rng.uniform(), 1 / shape);
  const double d = shape - 1.0 / 3, c = 1 / std::sqrt(9 * d);
  for (;;) {
    const double x = rng.normal(), v = std::pow(1 + c * x, 3);
    if (v > 0 && std::log(1 - rng.uniform()) < 0.5 * x * x + d - d * v + d * std::log(v)) return d * v;
  }
}

double beta_draw(Rng& rng, double alpha) {
  const double a = gamma_draw(rng, alpha), b = gamma_draw(rng, alpha);
  return a + b > 0 ? a / (a + b) : 0.5;
}

// An operation as functions of its config.
template <class Config>
struct Functions {
  void (*draw)(const Config&, Rng&, SampleChange&);
  std::string (*describe)(const Config&);
  void (*check)(const Config&) = nullptr;  // throws usage Error where fields contradict each other
  bool mixes = false;
};

template <class Config>
class Drawn : public Operation {
 public:
  Drawn(const Config& config, const Functions<Config>& functions) : config_(config), functions_(functions) {
    if (functions_.check != nullptr) functions_.check(config_);
  }
  void draw(Rng& rng, SampleChange& change) const override { functions_.draw(config_, rng, change); }
  std::string describe() const override { return functions_.describe(config_); }
  bool mixes() const override { return functions_.mixes; }

 private:
  Config config_;
  Functions<Config> functions_;
};

template <class Config>
OperationComponent operation(const char* name, const char* summary, const Functions<Config>& functions) {
  return component<Config, Operation>(name, summary, [functions](const Config& config) {
    return std::make_unique<Drawn<Config>>(config, functions);
  });
}

void check_order(const char* operation, const char* what, double smallest, double largest) {
  if (smallest > largest)
    throw usage_error({text("augment.operations: ", operation),
                       text("smallest_", what, " is above largest_", what), "",
                       text(shortest(smallest), " > ", shortest(largest)), ""});
}

PixelBox drawn_box(const ResizedCropConfig& config, Rng& rng, const SampleChange& change) {
  const auto width = static_cast<double>(change.width), height = static_cast<double>(change.height);
  double w = width, h = height;
  for (int tries = 0; tries < 10; ++tries) {
    const double area = width * height * between_draw(rng, config.smallest_area, config.largest_area);
    const double ratio =
        std::exp(between_draw(rng, std::log(config.smallest_ratio), std::log(config.largest_ratio)));
    w = std::sqrt(area * ratio);
    h = std::sqrt(area / ratio);
    if (w <= width && h <= height)
      return {between_draw(rng, 0, width - w), between_draw(rng, 0, height - h), w, h};
  }
  const double ratio = std::clamp(width / height, config.smallest_ratio, config.largest_ratio);
  w = std::min(width, height * ratio);
  h = std::min(height, width / ratio);
  return {(width - w) / 2, (height - h) / 2, w, h};
}

void draw_paste(const MixConfig& config, Rng& rng, SampleChange& change) {
  const double share = std::sqrt(1 - beta_draw(rng, config.alpha));
  const auto width = static_cast<double>(change.out_width), height = static_cast<double>(change.out_height);
  const double cx = std::floor(rng.uniform() * width), cy = std::floor(rng.uniform() * height);
  const double left = std::max(0.0, std::round(cx - width * share / 2)),
               right = std::min(width, std::round(cx + width * share / 2)),
               top = std::max(0.0, std::round(cy - height * share / 2)),
               bottom = std::min(height, std::round(cy + height * share / 2));
  change.paste = {left, top, right - left, bottom - top};
}

std::string amount_text(const char* name, double amount) { return text(name, " ", shortest(amount)); }

void draw_affine(const AffineConfig& config, Rng& rng, SampleChange& change) {
  const double radians = radians_draw(rng, config.degrees);
  const double scale = between_draw(rng, config.smallest_scale, config.largest_scale);
  const double dx = between_draw(rng, -1, 1) * config.translate * static_cast<double>(change.width);
  const double dy = between_draw(rng, -1, 1) * config.translate * static_cast<double>(change.height);
  turn(change, radians, scale, dx, dy);
}

void draw_crop(const CropConfig&, Rng& rng, SampleChange& change) {
  const auto room = [&](int64_t from, int64_t to) {
    return from <= to ? static_cast<double>(from - to) / 2
                      : static_cast<double>(rng.below(static_cast<uint64_t>(from - to + 1)));
  };
  // One after the other: the order of evaluation is the order of the draws.
  const double x = room(change.width, change.out_width);
  const double y = room(change.height, change.out_height);
  change.crop = {x, y, static_cast<double>(change.out_width), static_cast<double>(change.out_height)};
}

std::string describe_jitter(const JitterConfig& config) {
  std::vector<std::string> parts;
  if (config.brightness > 0) parts.push_back(amount_text("brightness", config.brightness));
  if (config.contrast > 0) parts.push_back(amount_text("contrast", config.contrast));
  if (config.saturation > 0) parts.push_back(amount_text("saturation", config.saturation));
  if (config.hue > 0) parts.push_back(amount_text("hue", config.hue));
  return "jitter (" + join(parts, ", ") + ")";
}

}  // namespace

void FlipConfig::list_fields(Fields& fields) { list_common_fields(fields); }

void RotateConfig::list_fields(Fields& fields) {
  list_common_fields(fields);
  fields.field("degrees", degrees, "at most so far to either side", between(0, 180));
}

void AffineConfig::list_fields(Fields& fields) {
  list_common_fields(fields);
  fields.field("degrees", degrees, "turned at most so far to either side", between(0, 180));
  fields.field("smallest_scale", smallest_scale, "factor of the picture's size", between(0.01, 100));
  fields.field("largest_scale", largest_scale, "factor of the picture's size", between(0.01, 100));
  fields.field("translate", translate, "moved at most so far, parts of the width and of the height",
               kFraction);
}

void CropConfig::list_fields(Fields& fields) { list_common_fields(fields); }

void ResizedCropConfig::list_fields(Fields& fields) {
  list_common_fields(fields);
  fields.field("smallest_area", smallest_area, "part of the picture's area", between(0.001, 1));
  fields.field("largest_area", largest_area, "part of the picture's area", between(0.001, 1));
  fields.field("smallest_ratio", smallest_ratio, "width by height of the box", between(0.01, 100));
  fields.field("largest_ratio", largest_ratio, "width by height of the box", between(0.01, 100));
}

void JitterConfig::list_fields(Fields& fields) {
  list_common_fields(fields);
  fields.field("brightness", brightness, "factor in [1-x, 1+x]", kNonNegative);
  fields.field("contrast", contrast, "factor in [1-x, 1+x]", kNonNegative);
  fields.field("saturation", saturation, "factor in [1-x, 1+x]", kNonNegative);
  fields.field("hue", hue, "turns of the colour circle, in [-x, x]", between(0, 0.5));
}

void AmountConfig::list_fields(Fields& fields) {
  list_common_fields(fields);
  fields.field("amount", amount, "x: factor in [1-x, 1+x]", kNonNegative);
}

void HueConfig::list_fields(Fields& fields) {
  list_common_fields(fields);
  fields.field("amount", amount, "x: turns of the colour circle, in [-x, x]", between(0, 0.5));
}

void BlurConfig::list_fields(Fields& fields) {
  list_common_fields(fields);
  fields.field("smallest_sigma_px", smallest_sigma_px, "pixels", between(0.01, 10));
  fields.field("largest_sigma_px", largest_sigma_px, "pixels", between(0.01, 10));
}

void MixConfig::list_fields(Fields& fields) {
  list_common_fields(fields);
  fields.field("alpha", alpha, "the share is drawn from Beta(alpha, alpha)", kPositive);
}

OperationComponent make_flip_operation() {
  return operation<FlipConfig>("flip", "mirror left and right, with the classes that are one or the other",
                               {.draw =
                                    [](const FlipConfig&, Rng&, SampleChange& change) {
                                      change.picture.map =
                                          compose(change.picture.map,
                                                  {.xx = -1, .x0 = static_cast<double>(change.width - 1)});
                                      change.picture.mirrored = !change.picture.mirrored;
                                    },
                                .describe = [](const FlipConfig&) -> std::string { return "flip"; }});
}

OperationComponent make_rotate_operation() {
  return operation<RotateConfig>(
      "rotate", "turn about the centre",
      {.draw = [](const RotateConfig& config, Rng& rng,
                  SampleChange& change) { turn(change, radians_draw(rng, config.degrees), 1, 0, 0); },
       .describe =
           [](const RotateConfig& config) { return text("rotate ", shortest(config.degrees), " deg"); }});
}

OperationComponent make_affine_operation() {
  return operation<AffineConfig>(
      "affine", "turn, scale and move about the centre",
      {.draw = draw_affine,
       .describe =
           [](const AffineConfig& config) {
             return text("affine ", config.degrees > 0 ? shortest(config.degrees) + " deg " : "", "scale ",
                         shortest(config.smallest_scale), "-", shortest(config.largest_scale), " translate ",
                         shortest(config.translate));
           },
       .check =
           [](const AffineConfig& config) {
             check_order("affine", "scale", config.smallest_scale, config.largest_scale);
           }});
}

OperationComponent make_crop_operation() {
  return operation<CropConfig>(
      "crop", "a box of augment.height x augment.width at a random place, at its own scale",
      {.draw = draw_crop, .describe = [](const CropConfig&) -> std::string { return "crop"; }});
}

OperationComponent make_resized_crop_operation() {
  return operation<ResizedCropConfig>(
      "resized_crop", "a box of random size, shape and place, scaled to the whole output",
      {.draw = [](const ResizedCropConfig& config, Rng& rng,
                  SampleChange& change) { change.crop = drawn_box(config, rng, change); },
       .describe =
           [](const ResizedCropConfig& config) {
             return text("resized_crop area ", shortest(config.smallest_area), "-",
                         shortest(config.largest_area));
           },
       .check =
           [](const ResizedCropConfig& config) {
             check_order("resized_crop", "area", config.smallest_area, config.largest_area);
             check_order("resized_crop", "ratio", config.smallest_ratio, config.largest_ratio);
           }});
}

OperationComponent make_jitter_operation() {
  return operation<JitterConfig>("jitter", "brightness, contrast, saturation and hue together",
                                 {.draw =
                                      [](const JitterConfig& config, Rng& rng, SampleChange& change) {
                                        change.picture.brightness *= factor_draw(rng, config.brightness);
                                        change.picture.contrast *= factor_draw(rng, config.contrast);
                                        change.picture.saturation *= factor_draw(rng, config.saturation);
                                        change.picture.hue_turns +=
                                            static_cast<float>(between_draw(rng, -config.hue, config.hue));
                                      },
                                  .describe = describe_jitter});
}

OperationComponent make_brightness_operation() {
  return operation<AmountConfig>(
      "brightness", "multiply by a factor",
      {.draw = [](const AmountConfig& config, Rng& rng,
                  SampleChange& change) { change.picture.brightness *= factor_draw(rng, config.amount); },
       .describe = [](const AmountConfig& config) { return amount_text("brightness", config.amount); }});
}

OperationComponent make_contrast_operation() {
  return operation<AmountConfig>(
      "contrast", "away from or towards the picture's mean grey",
      {.draw = [](const AmountConfig& config, Rng& rng,
                  SampleChange& change) { change.picture.contrast *= factor_draw(rng, config.amount); },
       .describe = [](const AmountConfig& config) { return amount_text("contrast", config.amount); }});
}

OperationComponent make_saturation_operation() {
  return operation<AmountConfig>(
      "saturation", "away from or towards each pixel's grey",
      {.draw = [](const AmountConfig& config, Rng& rng,
                  SampleChange& change) { change.picture.saturation *= factor_draw(rng, config.amount); },
       .describe = [](const AmountConfig& config) { return amount_text("saturation", config.amount); }});
}

OperationComponent make_hue_operation() {
  return operation<HueConfig>(
      "hue", "turn the colour circle",
      {.draw =
           [](const HueConfig& config, Rng& rng, SampleChange& change) {
             change.picture.hue_turns += static_cast<float>(between_draw(rng, -config.amount, config.amount));
           },
       .describe = [](const HueConfig& config) { return amount_text("hue", config.amount); }});
}

OperationComponent make_blur_operation() {
  return operation<BlurConfig>(
      "blur", "Gaussian blur",
      {.draw =
           [](const BlurConfig& config, Rng& rng, SampleChange& change) {
             change.picture.blur_sigma_px =
                 std::hypot(change.picture.blur_sigma_px,
                            between_draw(rng, config.smallest_sigma_px, config.largest_sigma_px));
           },
       .describe =
           [](const BlurConfig& config) {
             return text("blur sigma ", shortest(config.smallest_sigma_px), "-",
                         shortest(config.largest_sigma_px), " px");
           },
       .check =
           [](const BlurConfig& config) {
             check_order("blur", "sigma_px", config.smallest_sigma_px, config.largest_sigma_px);
           }});
}

OperationComponent make_mixup_operation() {
  return operation<MixConfig>(
      "mixup", "blend with the next sample of the batch; the loss weighs both masks",
      {.draw =
           [](const MixConfig& config, Rng& rng, SampleChange& change) {
             const double share = beta_draw(rng, config.alpha);
             change.mix = std::min(share, 1 - share);  // a sample stays mostly itself
           },
       .describe = [](const MixConfig& config) { return amount_text("mixup alpha", config.alpha); },
       .mixes = true});
}

OperationComponent make_cutmix_operation() {
  return operation<MixConfig>(
      "cutmix", "paste a box of the next sample of the batch, mask included",
      {.draw = draw_paste,
       .describe = [](const MixConfig& config) { return amount_text("cutmix alpha", config.alpha); },
       .mixes = true});
}

}  // namespace athanor
