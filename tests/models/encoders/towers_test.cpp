// The towers against transformers: tests/models/golden/towers, written by scripts/golden/make_towers.py.
#include "models/encoders/tower.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <catch2/catch.hpp>

#include "models/encoders/linear.h"
#include "models/encoders/modern_vbert.h"
#include "tests/models/encoders/golden_cases.h"

using namespace athanor;

namespace {

void compare(const TowerOutput& got, const Cases& cases, int i, const at::Tensor& mask) {
  const at::Tensor hidden = mask.defined() ? got.hidden * mask.unsqueeze(-1) : got.hidden;
  CATCH_CHECK(largest_difference(hidden, cases.get(i, "hidden")) < 1e-5);
  const at::Tensor pooled = cases.get(i, "pooled");
  CATCH_CHECK(got.pooled.defined() == pooled.defined());
  if (pooled.defined()) CATCH_CHECK(largest_difference(got.pooled, pooled) < 1e-5);
}

}  // namespace

CATCH_TEST_CASE("towers: equal transformers' outputs, packed or not", "[unit]") {
  const c10::InferenceMode no_gradients;
  for (const char* name : {"bert", "bert_without_pooler", "xlm_roberta", "clip_text", "clip_text_old",
                           "siglip_text", "modernbert", "clip_vision", "siglip_vision", "blip_vision"}) {
    const Towers towers = read_towers(kGolden + name);
    const Cases cases(name);
    for (const bool packed : {false, true})
      for (int i = 0; i < 6; ++i) {
        CATCH_INFO(name << ", case " << i << (packed ? ", packed" : ""));
        if (towers.text != nullptr) {
          if (packed) pack_linears(*towers.text);
          const at::Tensor mask = cases.get(i, "mask");
          compare(towers.text->forward(cases.get(i, "ids"), mask), cases, i, mask);
        } else {
          if (packed) pack_linears(*towers.vision);
          const at::Tensor pixels = cases.get(i, "pixels");
          TowerOutput out = towers.vision->forward(pixels);
          compare(out, cases, i, {});
          if (towers.vision->pools()) out.pooled = towers.vision->pooled(pixels);  // the shorter way
          compare(out, cases, i, {});
        }
      }
  }
}

CATCH_TEST_CASE("towers: CLIP's projections carry both sides into one space", "[unit]") {
  const c10::InferenceMode no_gradients;
  const Towers clip = read_towers(kGolden + "clip");
  const Cases cases("clip");
  for (int i = 0; i < 6; ++i) {
    const at::Tensor texts =
        clip.text_projection->forward(clip.text->forward(cases.get(i, "ids"), cases.get(i, "mask")).pooled);
    const at::Tensor images =
        clip.vision_projection->forward(clip.vision->forward(cases.get(i, "pixels")).pooled);
    CATCH_CHECK(largest_difference(texts, cases.get(i, "text_vectors")) < 1e-5);
    CATCH_CHECK(largest_difference(images, cases.get(i, "image_vectors")) < 1e-5);
  }
}

CATCH_TEST_CASE("towers: ColModernVBERT puts images among the text as transformers does", "[unit]") {
  const c10::InferenceMode no_gradients;
  ColModernVbert model(kGolden + "colmodernvbert");
  const Cases cases("colmodernvbert");
  CATCH_CHECK(model.image_tokens() == 4);
  for (int i = 0; i < 8; ++i) {
    CATCH_INFO("case " << i);
    const at::Tensor got = model.forward(cases.get(i, "ids"), cases.get(i, "mask"), cases.get(i, "pixels"));
    CATCH_CHECK(largest_difference(got, cases.get(i, "vectors")) < 1e-5);
  }
  CATCH_CHECK_THROWS_WITH(model.forward(cases.get(1, "ids"), cases.get(1, "mask"), {}),
                          Catch::Contains("images and their tokens: do not match"));
}
