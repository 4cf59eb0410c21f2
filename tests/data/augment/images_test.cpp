// Claims about augmented batches: what goes in comes out aligned, mirrored classes included, whatever the
// batch.
#include <ATen/ATen.h>

#include <catch2/catch.hpp>
#include <cmath>

#include "data/augment/operation.h"
#include "src/core/error.h"
#include "tests/data/augment/augment_fixtures.h"

using namespace athanor;
using namespace athanor::testing;
using Catch::Matchers::Contains;

namespace {

const at::Tensor& image_of(const Batch& batch) { return batch.inputs.at("image"); }
const at::Tensor& mask_of(const Batch& batch) { return batch.labels.at("mask"); }

bool near(const at::Tensor& a, const at::Tensor& b) { return at::allclose(a, b, 0, 1e-5); }

// Sample i of a batch, alone.
Batch sample_of(const Batch& batch, int64_t i) {
  Batch one;
  one.size = 1;
  one.samples = {batch.samples[static_cast<size_t>(i)]};
  one.inputs.set("image", image_of(batch).narrow(0, i, 1));
  one.labels.set("mask", mask_of(batch).narrow(0, i, 1));
  return one;
}

const char* const kGeometry =
    "operations=[{name: flip}, {name: rotate, degrees: 40}, {name: affine, translate: 0.2}, "
    "{name: resized_crop, p: 0.5}]";

}  // namespace

CATCH_TEST_CASE("augmentation: without operations pictures are normalised and masks stay", "[unit]") {
  DataSpec spec = picture_spec();
  spec.constants = {{"mean/image", at::tensor({0.5F, 0.25F, 0.1F})},
                    {"std/image", at::tensor({0.2F, 0.5F, 2.0F})}};
  const Batch batch = noise_batch(3);
  const at::Tensor before = image_of(batch).clone();
  const Batch out = make_augmentation({"policy=none"}, spec)->apply(batch, 1, 0);
  const at::Tensor mean = spec.constants.at("mean/image").view({3, 1, 1});
  const at::Tensor std = spec.constants.at("std/image").view({3, 1, 1});
  CATCH_CHECK(near(image_of(out), (before.to(at::kFloat) / 255 - mean) / std));
  CATCH_CHECK(at::equal(mask_of(out), mask_of(batch)));
  CATCH_CHECK(out.samples == batch.samples);
  CATCH_CHECK(image_of(batch).scalar_type() == at::kByte);
  CATCH_CHECK(at::equal(image_of(batch), before));
}

CATCH_TEST_CASE("augmentation: `none` gives the batch as it is", "[unit]") {
  const Batch batch = noise_batch(2);
  const Batch out = make_augmentation({"name=none"})->apply(batch, 1, 0);
  CATCH_CHECK(image_of(out).is_same(image_of(batch)));
  CATCH_CHECK(make_augmentation({"name=none"})->describe(0) == "none");
}

CATCH_TEST_CASE("augmentation: batch size and threads change no bit", "[unit]") {
  const Batch batch = noise_batch(7);
  const Batch whole = make_augmentation({"policy=strong", "threads=1"})->apply(batch, 5, 3);
  for (const char* threads : {"threads=1", "threads=3"}) {
    const auto augmentation = make_augmentation({"policy=strong", threads});
    const Batch again = augmentation->apply(batch, 5, 3);
    CATCH_CHECK(at::equal(image_of(again), image_of(whole)));
    CATCH_CHECK(at::equal(mask_of(again), mask_of(whole)));
    for (int64_t i = 6; i >= 0; --i) {
      const Batch alone = augmentation->apply(sample_of(batch, i), 5, 3);
      CATCH_CHECK(at::equal(image_of(alone)[0], image_of(whole)[i]));
      CATCH_CHECK(at::equal(mask_of(alone)[0], mask_of(whole)[i]));
    }
  }
  CATCH_CHECK_FALSE(
      at::equal(image_of(make_augmentation({"policy=strong"})->apply(batch, 5, 4)), image_of(whole)));
  CATCH_CHECK_FALSE(
      at::equal(image_of(make_augmentation({"policy=strong"})->apply(batch, 6, 3)), image_of(whole)));
}

CATCH_TEST_CASE("augmentation: a flip mirrors picture, mask and the classes that are left or right",
                "[unit]") {
  const Batch batch = noise_batch(2);
  const Batch out = make_augmentation({"operations=[{name: flip, p: 1}]"})->apply(batch, 1, 0);
  CATCH_CHECK(near(image_of(out), image_of(batch).flip({3}).to(at::kFloat) / 255));
  const at::Tensor becomes = at::tensor({0, 1, 3, 2}, at::kByte);
  CATCH_CHECK(at::equal(mask_of(out), becomes.index({mask_of(batch).flip({2}).to(at::kLong)})));

  const Batch twice =
      make_augmentation({"operations=[{name: flip, p: 1}, {name: flip, p: 1}]"})->apply(batch, 1, 0);
  CATCH_CHECK(at::equal(mask_of(twice), mask_of(batch)));

  DataSpec plain = picture_spec();
  plain.class_mirrors.clear();
  const Batch unnamed = make_augmentation({"operations=[{name: flip, p: 1}]"}, plain)->apply(batch, 1, 0);
  CATCH_CHECK(at::equal(mask_of(unnamed), mask_of(batch).flip({2})));
}

CATCH_TEST_CASE("augmentation: some samples of a batch are mirrored, each with its classes", "[unit]") {
  const Batch batch = noise_batch(32);
  const Batch out = make_augmentation({"policy=minimal"})->apply(batch, 1, 0);
  const at::Tensor becomes = at::tensor({0, 1, 3, 2}, at::kByte);
  int64_t mirrored = 0;
  for (int64_t i = 0; i < 32; ++i) {
    const at::Tensor given = mask_of(batch)[i], got = mask_of(out)[i];
    if (at::equal(got, given)) continue;
    ++mirrored;
    CATCH_CHECK(at::equal(got, becomes.index({given.flip({1}).to(at::kLong)})));
  }
  CATCH_CHECK(mirrored > 6);
  CATCH_CHECK(mirrored < 26);
}

CATCH_TEST_CASE("augmentation: image and mask stay aligned to the pixel through all geometry", "[unit]") {
  // The picture shows its mask: white where class 1 is. A bilinear value then counts the nearest pixel for at
  // least a quarter, so that a mask one pixel off would be found out in noise.
  DataSpec spec = picture_spec(33, 47);
  Batch batch = noise_batch(16, 0, spec);
  const at::Tensor shape = mask_of(batch).remainder(2).contiguous();
  batch.labels.set("mask", shape);
  batch.inputs.set("image", shape.mul(255).unsqueeze(1).expand({-1, 3, -1, -1}).contiguous());
  for (const std::vector<std::string>& more : {std::vector<std::string>{"mask_fill=0"},
                                               {"border=replicate"},
                                               {"border=reflect"},
                                               {"mask_fill=1", "fill=[255,255,255]"},
                                               {"mask_fill=0", "height=60", "width=20"}}) {
    std::vector<std::string> overrides = {kGeometry};
    overrides.insert(overrides.end(), more.begin(), more.end());
    spec.class_mirrors.clear();
    const Batch out = make_augmentation(overrides, spec)->apply(batch, 1, 0);
    const at::Tensor value = image_of(out).select(1, 0), is_one = mask_of(out) == 1;
    CATCH_CAPTURE(more[0]);
    CATCH_CHECK(value.masked_select(is_one).min().item<float>() > 0.2499F);
    CATCH_CHECK(value.masked_select(is_one.logical_not()).max().item<float>() < 0.7501F);
    CATCH_CHECK(value.masked_select(is_one).mean().item<float>() > 0.6F);
    CATCH_CHECK(is_one.to(at::kFloat).mean().item<float>() > 0.2F);
    CATCH_CHECK_FALSE(at::equal(is_one.to(at::kByte), shape));
  }
}

CATCH_TEST_CASE("augmentation: outside the picture lie the fill colour and the ignored class", "[unit]") {
  DataSpec spec = picture_spec(20, 20);
  spec.constants = {{"mean/image", at::tensor({0.5F, 0.5F, 0.5F})},
                    {"std/image", at::tensor({0.5F, 0.5F, 0.5F})}};
  const Batch batch = noise_batch(1, 0, spec);
  // Half the size about the centre: a border of five pixels on every side.
  const std::string shrink =
      "operations=[{name: affine, smallest_scale: 0.5, largest_scale: 0.5, translate: 0}]";
  const Batch out = make_augmentation({shrink, "fill=[255,0,51]"}, spec)->apply(batch, 1, 0);
  for (const int64_t corner : {0, 19}) {
    CATCH_CHECK(image_of(out)[0][0][corner][corner].item<float>() == Approx(1));
    CATCH_CHECK(image_of(out)[0][1][corner][corner].item<float>() == Approx(-1));
    CATCH_CHECK(image_of(out)[0][2][corner][corner].item<float>() == Approx(-0.6));
    CATCH_CHECK(mask_of(out)[0][corner][corner].item<int64_t>() == 255);
  }
  CATCH_CHECK(mask_of(out)[0][10][10].item<int64_t>() < 4);
  const Batch as_face = make_augmentation({shrink, "mask_fill=1"}, spec)->apply(batch, 1, 0);
  CATCH_CHECK(mask_of(as_face)[0][0][0].item<int64_t>() == 1);
  spec.ignore_index = -1;
  CATCH_CHECK(mask_of(make_augmentation({shrink}, spec)->apply(batch, 1, 0))[0][0][0].item<int64_t>() == 0);
}

CATCH_TEST_CASE("augmentation: crops show a part of the picture as it is", "[unit]") {
  const Batch batch = noise_batch(6);
  const Batch out =
      make_augmentation({"operations=[{name: crop}]", "height=5", "width=7"})->apply(batch, 1, 0);
  CATCH_CHECK(image_of(out).sizes() == at::IntArrayRef({6, 3, 5, 7}));
  for (int64_t i = 0; i < 6; ++i) {
    int64_t found = 0;
    for (int64_t y = 0; y <= 12 - 5; ++y)
      for (int64_t x = 0; x <= 20 - 7; ++x) {
        const auto part = [&](const at::Tensor& plane) { return plane.narrow(-2, y, 5).narrow(-1, x, 7); };
        if (!at::equal(mask_of(out)[i], part(mask_of(batch)[i]))) continue;
        ++found;
        CATCH_CHECK(near(image_of(out)[i], part(image_of(batch)[i]).to(at::kFloat) / 255));
      }
    CATCH_CHECK(found == 1);
  }
}

CATCH_TEST_CASE("augmentation: another size shows the whole picture", "[unit]") {
  const Batch batch = noise_batch(2);
  const Batch out = make_augmentation({"policy=none", "height=24", "width=40"})->apply(batch, 1, 0);
  CATCH_CHECK(at::equal(mask_of(out), mask_of(batch).repeat_interleave(2, 1).repeat_interleave(2, 2)));
  // Between pixel centres; the outermost half pixel is blended with what lies outside.
  const at::Tensor a = image_of(batch)[0][0].to(at::kFloat) / 255;
  CATCH_CHECK(image_of(out)[0][0][1][1].item<float>() ==
              Approx(0.5625 * a[0][0].item<float>() + 0.1875 * (a[0][1] + a[1][0]).item<float>() +
                     0.0625 * a[1][1].item<float>())
                  .margin(1e-5));
}

CATCH_TEST_CASE("augmentation: mixup blends with the next sample and hands on both masks and their shares",
                "[unit]") {
  const Batch batch = noise_batch(5);
  const std::string flip = "{name: flip}";
  const Batch alone = make_augmentation({"operations=[" + flip + "]"})->apply(batch, 1, 0);
  const Batch out = make_augmentation({"operations=[" + flip + ", {name: mixup}]"})->apply(batch, 1, 0);
  const at::Tensor shares = out.labels.at("mask_shares"), layers = out.labels.at("mask_layers");
  CATCH_CHECK(shares.sizes() == at::IntArrayRef({5, 2, 1, 1}));
  const at::Tensor share = shares.narrow(1, 1, 1);
  CATCH_CHECK(share.min().item<float>() > 0);
  CATCH_CHECK(share.max().item<float>() <= 0.5F);
  CATCH_CHECK(near(shares.sum(1), at::ones({5, 1, 1})));
  CATCH_CHECK(at::equal(mask_of(out), mask_of(alone)));
  CATCH_CHECK(at::equal(layers, at::stack({mask_of(alone), mask_of(alone).roll(-1, 0)}, 1)));
  CATCH_CHECK(near(image_of(out), image_of(alone) * (1 - share) + image_of(alone).roll(-1, 0) * share));
}

CATCH_TEST_CASE("augmentation: mixup that was drawn for some samples leaves the others alone", "[unit]") {
  const Batch batch = noise_batch(16);
  const auto augmentation = make_augmentation({"operations=[{name: mixup, p: 0.4}]"});
  const Batch out = augmentation->apply(batch, 1, 0);
  const at::Tensor share = out.labels.at("mask_shares").select(1, 1).flatten();
  int64_t untouched = 0;
  for (int64_t i = 0; i < 16; ++i) {
    const bool same = near(image_of(out)[i], image_of(batch)[i].to(at::kFloat) / 255);
    CATCH_CHECK(same == (share[i].item<float>() == 0));
    untouched += same ? 1 : 0;
  }
  CATCH_CHECK(untouched > 3);
  CATCH_CHECK(untouched < 16);
  // Where none of a batch is blended, and before it is on, the loss has nothing to weigh.
  const Batch before = make_augmentation({"operations=[{name: mixup, from_epoch: 1}]"})->apply(batch, 1, 0);
  CATCH_CHECK(before.labels.names() == std::vector<std::string>{"mask"});
}

CATCH_TEST_CASE("augmentation: cutmix pastes a box of the next sample's image and mask", "[unit]") {
  const Batch batch = noise_batch(8);
  const Batch out = make_augmentation({"operations=[{name: cutmix}]"})->apply(batch, 1, 0);
  CATCH_CHECK(out.labels.find("mask_layers") == nullptr);
  const at::Tensor own = image_of(batch).to(at::kFloat) / 255, other = own.roll(-1, 0);
  const at::Tensor from_other = ((image_of(out) - other).abs().amax(1) < 1e-5);
  const at::Tensor from_own = ((image_of(out) - own).abs().amax(1) < 1e-5);
  CATCH_CHECK(from_other.logical_or(from_own).all().item<bool>());
  CATCH_CHECK(at::equal(mask_of(out), at::where(from_other, mask_of(batch).roll(-1, 0), mask_of(batch))));
  for (int64_t i = 0; i < 8; ++i) {  // one box each: its rows and columns span it fully
    const at::Tensor pasted = from_other[i];
    CATCH_CHECK(at::equal(pasted, pasted.any(1, true).logical_and(pasted.any(0, true))));
  }
  CATCH_CHECK(from_other[7].any().item<bool>());  // the last one's partner is the first
  CATCH_CHECK(from_own.any().item<bool>());
}

CATCH_TEST_CASE("augmentation: bf16 is fp32 rounded, mixed or not", "[unit]") {
  const Batch batch = noise_batch(4);
  for (const char* operations : {"policy=strong", "operations=[{name: mixup}, {name: cutmix}]"}) {
    const Batch fine = make_augmentation({operations})->apply(batch, 1, 0);
    const Batch coarse = make_augmentation({operations, "precision=bf16"})->apply(batch, 1, 0);
    CATCH_CHECK(image_of(coarse).scalar_type() == at::kBFloat16);
    CATCH_CHECK(at::allclose(image_of(coarse).to(at::kFloat), image_of(fine), 1.0 / 128, 1e-3));
    CATCH_CHECK(at::equal(mask_of(coarse), mask_of(fine)));
  }
}

CATCH_TEST_CASE("augmentation: pictures without masks are augmented too, but not mixed", "[unit]") {
  DataSpec spec = picture_spec();
  spec.labels.clear();
  Batch batch = noise_batch(2);
  batch.labels = {{"kind", at::tensor({3, 4}, at::kLong)}};
  const Batch out = make_augmentation({"operations=[{name: flip, p: 1}]"}, spec)->apply(batch, 1, 0);
  CATCH_CHECK(near(image_of(out), image_of(batch).flip({3}).to(at::kFloat) / 255));
  CATCH_CHECK(out.labels.names() == std::vector<std::string>{"kind"});
  CATCH_CHECK_THROWS_WITH(make_augmentation({"operations=[{name: cutmix}]"}, spec), Contains("want masks"));
  CATCH_CHECK_THROWS_WITH(make_augmentation({"masks=soft"}, spec), Contains("augment.masks: soft"));
}

CATCH_TEST_CASE("augmentation: the log says what is on", "[unit]") {
  const std::string standard = "flip p 0.5, rotate 15 deg p 0.3, jitter (brightness 0.2, contrast 0.2) p 0.5";
  CATCH_CHECK(make_augmentation({})->describe(0) == standard);
  CATCH_CHECK(make_augmentation({"operations=[{name: hue, p: 0.5}]"})->describe(0) == "hue 0.1 p 0.5");
  CATCH_CHECK(make_augmentation({"policy=standard", "operations=[{name: cutmix, p: 0.3}]"})->describe(0) ==
              standard + ", cutmix alpha 1 p 0.3");
  CATCH_CHECK(make_augmentation({"policy=none", "height=8", "precision=bf16"})->describe(0) ==
              "nothing; to the data's x 8 pixels; in bf16");
  CATCH_CHECK(make_augmentation({"policy=minimal", "masks=soft"})->describe(0) == "flip p 0.5; soft masks");
  const auto progressive = make_augmentation({"policy=progressive", "strong_from_epoch=2"});
  CATCH_CHECK(progressive->describe(1) == "flip p 0.5");
  CATCH_CHECK_THAT(progressive->describe(2), Contains("affine scale 0.85-1.15"));
}

CATCH_TEST_CASE("augmentation: what cannot be is refused in one line", "[unit]") {
  struct Case {
    std::vector<std::string> overrides;
    std::string fragment;
  };
  const std::vector<Case> cases = {
      {{"policy=standrad"}, "did you mean 'standard'?"},
      {{"operations=[{name: rotat}]"}, "did you mean 'rotate'?"},
      {{"operations=[{name: rotate, degree: 5}]"}, "unknown key 'augment.operations[0].degree'"},
      {{"operations=[rotate]"}, "'augment.operations[0]' has no name"},
      {{"operations={name: rotate}"}, "a list"},
      {{"fill=[1,2]"}, "red, green, blue"},
      {{"fill=[1,2,300]"}, "in [0,255]"},
      {{"height=20000"}, "in [0,16384]"},
      {{"border=wrap"}, "one of: constant, replicate, reflect"},
      {{"precision=fp16"}, "one of: fp32, bf16"},
      {{"mask_fill=2"}, "changes in a mirror"},
      {{"masks=bilinear"}, "one of: nearest, soft"},
      {{"operations=[{name: crop}]"}, "has no size"},
      {{"operations=[{name: flip, until_epoch: 3, from_epoch: 3}]"}, "is never on"},
      {{"strong_from_epoch=-1"}, ">= 0"}};
  for (const Case& one : cases) {
    CATCH_CAPTURE(one.overrides[0]);
    CATCH_CHECK_THROWS_WITH(make_augmentation(one.overrides), Contains(one.fragment) && !Contains("\n"));
  }
  DataSpec bars = picture_spec();
  bars.inputs = {{"M1", {480, 11}, at::kFloat}};
  CATCH_CHECK_THROWS_WITH(make_augmentation({}, bars), Contains("the data has no pictures"));
  DataSpec wide = picture_spec(8, 20000);
  CATCH_CHECK_THROWS_WITH(make_augmentation({}, wide), Contains("too large"));
}
