// What a batch on a GPU is handed over as: held against the CPU's pass, with a library that does the GPU's
// arithmetic in the CPU's memory. The kernels themselves are in tests/ops/augment_cuda_test.cpp.
#include "data/augment/gpu_pass.h"

#include <ATen/ATen.h>

#include <catch2/catch.hpp>
#include <numeric>

#include "src/core/error.h"
#include "src/core/thread_pool.h"
#include "src/ops/cuda/augment_cuda.h"

using namespace athanor;

namespace {

const char* augment_in_host_memory(const CudaAugmentCall& call) {
  const AugmentShape& s = call.shape;
  const int64_t pixels = s.out_height * s.out_width;
  for (int64_t b = 0; b < s.batch; ++b) {
    const PixelChange& change = call.changes[b];
    for (int64_t i = 0; i < pixels; ++i) {
      const PixelPlace place = place_of(change.map, i % s.out_width, i / s.out_width, s, call.rule.border);
      const Colour colour =
          finished(brightened(warped_colour(call.image + b * 3 * s.height * s.width, s, place, call.rule),
                              change.brightness),
                   change, 0, call.rule);
      for (int64_t c = 0; c < 3; ++c)
        static_cast<float*>(call.out_image)[(b * 3 + c) * pixels + i] = colour.rgb[c];
      if (call.mask != nullptr)
        call.out_mask[b * pixels + i] =
            warped_class(call.mask + b * s.height * s.width, s, place, call.rule, change.mirrored);
    }
  }
  return nullptr;
}

const char* out_of_memory(const CudaAugmentCall& /*call*/) { return "out of memory"; }

struct Case {
  AugmentShape shape{3, 9, 13, 7, 20};
  std::vector<uint8_t> mirror = std::vector<uint8_t>(256);
  AugmentRule rule;
  std::vector<PictureChange> changes{3};
  DevicePictures in{at::randint(0, 256, {3, 3, 9, 13}, at::kByte), at::randint(0, 5, {3, 9, 13}, at::kByte)};

  Case() {
    std::iota(mirror.begin(), mirror.end(), uint8_t{0});
    std::swap(mirror[1], mirror[2]);
    rule.class_mirror = mirror.data();
    rule.mask_fill = 4;
    rule.mean[1] = 0.4F, rule.std[2] = 0.3F;
    changes[0] = {.map = {.xx = -1, .x0 = 12}, .mirrored = true};
    changes[1] = {.map = {.xx = 0.9, .xy = 0.2, .x0 = -3}, .brightness = 1.3F};
    changes[2].saturation = 0.3F;
  }
};

}  // namespace

CATCH_TEST_CASE("augment on a GPU: a batch that is handed over comes back as from the CPU's pass", "[unit]") {
  Case given;
  for (const bool has_mask : {true, false}) {
    if (!has_mask) given.in.mask = at::Tensor();
    const CudaAugmentLibrary library{augment_in_host_memory, nullptr};
    const DevicePictures got =
        augment_on_device(library, given.in, given.changes, given.shape, given.rule, at::kFloat);
    const at::Tensor image = at::empty({3, 3, 7, 20}), mask = at::empty({3, 7, 20}, at::kByte);
    ThreadPool pool(0);
    augment_images({.shape = given.shape,
                    .image = given.in.image.const_data_ptr<uint8_t>(),
                    .mask = has_mask ? given.in.mask.const_data_ptr<uint8_t>() : nullptr,
                    .changes = given.changes.data(),
                    .out_image = image.mutable_data_ptr(),
                    .out_mask = has_mask ? mask.mutable_data_ptr<uint8_t>() : nullptr},
                   given.rule, pool);
    CATCH_CHECK((got.image - image).abs().max().item<float>() < 1e-4);
    CATCH_CHECK(got.mask.defined() == has_mask);
    if (has_mask) CATCH_CHECK(got.mask.equal(mask));
  }
}

CATCH_TEST_CASE("augment on a GPU: what the library cannot do is said", "[unit]") {
  const Case given;
  const CudaAugmentLibrary library{out_of_memory, nullptr};
  CATCH_CHECK_THROWS_WITH(
      augment_on_device(library, given.in, given.changes, given.shape, given.rule, at::kFloat),
      Catch::Contains("augmentation on the GPU") && Catch::Contains("out of memory"));
}
