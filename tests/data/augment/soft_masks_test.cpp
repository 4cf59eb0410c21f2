// Claims about `masks: soft`: the classes around each pixel, through all geometry, mirrors and mixing.
#include <ATen/ATen.h>

#include <catch2/catch.hpp>

#include "tests/data/augment/augment_fixtures.h"

using namespace athanor;
using namespace athanor::testing;

namespace {

const std::string kGeometry =
    "{name: flip}, {name: rotate, degrees: 40}, {name: affine, translate: 0.2}, {name: resized_crop, p: 0.5}";

Batch augmented(const Batch& batch, const std::string& operations, std::vector<std::string> more = {},
                const DataSpec& spec = picture_spec()) {
  more.push_back("operations=[" + operations + "]");
  more.push_back("masks=soft");
  return make_augmentation(more, spec)->apply(batch, 1, 0);
}

// [B,256,H,W] f32: how much of each pixel each class is.
at::Tensor class_shares(const Batch& batch) {
  const at::Tensor layers = batch.labels.at("mask_layers").to(at::kLong),
                   shares = batch.labels.at("mask_shares").expand_as(layers);
  at::Tensor out = at::zeros({layers.size(0), 256, layers.size(2), layers.size(3)});
  return out.scatter_add_(1, layers, shares.contiguous());
}

bool near(const at::Tensor& a, const at::Tensor& b) { return at::allclose(a, b, 0, 1e-4); }

}  // namespace

CATCH_TEST_CASE("soft masks: each class is spread as a picture of it would be", "[unit]") {
  DataSpec spec = picture_spec(33, 47);
  Batch batch = noise_batch(16, 0, spec);
  // Red, green and blue show classes 0, 1 and 2; nothing tells left from right.
  spec.class_mirrors.clear();
  const at::Tensor mask = batch.labels.at("mask");
  batch.inputs.set("image", at::stack({mask.eq(0), mask.eq(1), mask.eq(2)}, 1).to(at::kByte) * 255);
  for (const std::vector<std::string>& more : {std::vector<std::string>{"mask_fill=3"},
                                               {"mask_fill=1", "fill=[0,255,0]"},
                                               {"border=replicate"},
                                               {"border=reflect"},
                                               {"mask_fill=3", "height=60", "width=20"}}) {
    CATCH_CAPTURE(more[0]);
    const Batch out = augmented(batch, kGeometry, more, spec);
    const at::Tensor shares = class_shares(out);
    CATCH_CHECK(near(shares.narrow(1, 0, 3), out.inputs.at("image")));
    CATCH_CHECK(near(shares.sum(1), at::ones_like(shares.select(1, 0))));
    CATCH_CHECK((shares.gt(0.01).sum(1) > 1).to(at::kFloat).mean().item<float>() > 0.3F);
  }
}

CATCH_TEST_CASE("soft masks: the nearest class is one of a pixel's, and for a quarter of it at least",
                "[unit]") {
  const Batch out = augmented(noise_batch(16), kGeometry);
  const at::Tensor nearest = out.labels.at("mask").to(at::kLong).unsqueeze(1);
  CATCH_CHECK(class_shares(out).gather(1, nearest).min().item<float>() > 0.2499F);
  CATCH_CHECK(class_shares(out).select(1, 255).max().item<float>() > 0.99F);  // the ignored class outside
}

CATCH_TEST_CASE("soft masks: without geometry, or in a mirror, they are the masks themselves", "[unit]") {
  const Batch batch = noise_batch(8);
  for (const char* operations : {"{name: jitter}", "{name: flip}"}) {
    const Batch out = augmented(batch, operations);
    const at::Tensor shares = class_shares(out), ids = out.labels.at("mask").to(at::kLong).unsqueeze(1);
    CATCH_CHECK((shares.gather(1, ids) == 1).all().item<bool>());
  }
}

CATCH_TEST_CASE("soft masks: a mirrored sample's left and right change places in every layer", "[unit]") {
  DataSpec unnamed = picture_spec();
  unnamed.class_mirrors.clear();
  const Batch batch = noise_batch(6);
  const std::string operations = "{name: flip, p: 1}, {name: rotate, p: 1, degrees: 30}";
  const at::Tensor shares = class_shares(augmented(batch, operations)),
                   plain = class_shares(augmented(batch, operations, {}, unnamed));
  CATCH_CHECK(at::equal(shares.select(1, 2), plain.select(1, 3)));
  CATCH_CHECK(at::equal(shares.select(1, 3), plain.select(1, 2)));
  CATCH_CHECK(at::equal(shares.select(1, 1), plain.select(1, 1)));
}

CATCH_TEST_CASE("soft masks: blended samples have both their layers, by their shares", "[unit]") {
  const Batch batch = noise_batch(5);
  const at::Tensor alone = class_shares(augmented(batch, kGeometry));
  const Batch nearest =
      make_augmentation({"operations=[" + kGeometry + ", {name: mixup}]"})->apply(batch, 1, 0);
  const at::Tensor share = nearest.labels.at("mask_shares").narrow(1, 1, 1);
  const Batch out = augmented(batch, kGeometry + ", {name: mixup}");
  CATCH_CHECK(out.labels.at("mask_layers").size(1) == 8);
  CATCH_CHECK(near(class_shares(out), alone * (1 - share) + alone.roll(-1, 0) * share));
}

CATCH_TEST_CASE("soft masks: a pasted box is the partner's alone, blended samples or not", "[unit]") {
  const Batch batch = noise_batch(8);
  const at::Tensor alone = class_shares(augmented(batch, kGeometry));
  const std::string cutmix = kGeometry + ", {name: cutmix}";
  for (const std::string& operations : {cutmix, cutmix + ", {name: mixup}"}) {
    const at::Tensor got = class_shares(augmented(batch, operations));
    const at::Tensor pasted = (got - alone.roll(-1, 0)).abs().amax(1) < 1e-5;
    CATCH_CHECK(pasted.any().item<bool>());
    CATCH_CHECK_FALSE(pasted.all().item<bool>());
    CATCH_CHECK(near(got.sum(1), at::ones_like(got.select(1, 0))));
    if (operations != cutmix) continue;
    const at::Tensor own = (got - alone).abs().amax(1) < 1e-5;
    CATCH_CHECK(pasted.logical_or(own).all().item<bool>());
  }
}

CATCH_TEST_CASE("soft masks: batch size and threads change no bit", "[unit]") {
  const Batch batch = noise_batch(5);
  const Batch whole = augmented(batch, kGeometry, {"threads=1"}),
              again = augmented(batch, kGeometry, {"threads=3"});
  for (const char* label : {"mask_layers", "mask_shares"})
    CATCH_CHECK(at::equal(whole.labels.at(label), again.labels.at(label)));
}
