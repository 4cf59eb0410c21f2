// Encoders of single folders: what they refuse, and vectors that do not depend on their batch.
#include "models/encoders/encoder.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <catch2/catch.hpp>

#include "src/core/text.h"

using namespace athanor;

namespace {

using Catch::Matchers::Contains;

const std::string kGolden = ATHANOR_SOURCE_DIR "/tests/models/golden/towers/";

double largest_difference(const at::Tensor& a, const at::Tensor& b) {
  CATCH_REQUIRE(a.sizes() == b.sizes());
  return (a - b).abs().max().item<double>();
}

// 64 texts of 1 to `length` tokens, of which rows `from` to `from + rows`, padded to `to`; the last token
// ends a text of CLIP.
EncoderBatch some_texts(const Encoder& encoder, int64_t from, int64_t rows, int64_t length, int64_t to) {
  const at::Tensor lengths = at::arange(64).remainder(length).narrow(0, from, rows).unsqueeze(1) + 1;
  const at::Tensor places = at::arange(to).unsqueeze(0), mask = (places < lengths).to(at::kLong);
  at::Tensor ids = (at::arange(from, from + rows).unsqueeze(1) * 7 + places * 5).remainder(50) + 4;
  ids = at::where(places == lengths - 1, encoder.joint() == nullptr ? 60 : 59, ids);
  ids = at::where(mask == 1, ids, encoder.text().padding_id());
  return {ids, encoder.text().is_full_length() ? at::ones_like(mask) : mask, mask, {}};
}

at::Tensor some_pixels(const Encoder& encoder, int64_t from, int64_t rows) {
  const int64_t side = encoder.vision().image_size(), values = 3 * side * side;
  return at::sin(at::arange(from * values, (from + rows) * values, at::kFloat)).view({rows, 3, side, side});
}

}  // namespace

CATCH_TEST_CASE("encoder: a text's vectors do not depend on its batch nor on the padding", "[unit]") {
  const c10::InferenceMode no_gradients;
  for (const char* name : {"bert", "xlm_roberta", "clip_text", "clip_text_old", "siglip_text", "modernbert",
                           "sentence", "clip", "colmodernvbert"})
    for (const VectorMode mode : {VectorMode::kSingle, VectorMode::kMulti}) {
      Encoder encoder(kGolden + name);
      if (encoder.joint() != nullptr && mode == VectorMode::kSingle) continue;  // it has none: tested below
      encoder.prepare(at::kCPU);
      const int64_t length = 11, longest = std::min<int64_t>(17, encoder.text().longest());
      const int64_t to = encoder.text().is_full_length() ? longest : length;
      const auto vectors = [&](const EncoderBatch& batch) {
        const at::Tensor got = encoder.forward(InputKind::kTexts, batch, mode, VectorKind::kEncoder);
        return got.dim() == 3 ? (got * batch.counts.unsqueeze(-1)).narrow(1, 0, length) : got;
      };
      const at::Tensor together = vectors(some_texts(encoder, 0, 64, length, to));
      for (const int64_t i : {0, 5, 10, 63}) {
        CATCH_INFO(name << ", text " << i << (mode == VectorMode::kMulti ? ", multi" : ""));
        const at::Tensor alone = vectors(some_texts(encoder, i, 1, length, longest));
        CATCH_CHECK(largest_difference(alone[0], together[i]) < 1e-6);
      }
    }
}

CATCH_TEST_CASE("encoder: an image's vectors do not depend on its batch", "[unit]") {
  const c10::InferenceMode no_gradients;
  for (const char* name : {"clip_vision", "siglip_vision", "blip_vision", "clip", "images"})
    for (const VectorMode mode : {VectorMode::kSingle, VectorMode::kMulti}) {
      Encoder encoder(kGolden + name);
      encoder.prepare(at::kCPU);
      const at::Tensor together = encoder.images(some_pixels(encoder, 0, 64), mode, VectorKind::kEncoder);
      for (const int64_t i : {0, 31, 63}) {
        CATCH_INFO(name << ", image " << i << (mode == VectorMode::kMulti ? ", multi" : ""));
        const at::Tensor alone = encoder.images(some_pixels(encoder, i, 1), mode, VectorKind::kEncoder);
        CATCH_CHECK(largest_difference(alone[0], together[i]) < 1e-6);
      }
    }
}

CATCH_TEST_CASE("encoder: outputs that a model does not have are refused", "[unit]") {
  const auto width = [](const char* name, InputKind input, VectorMode mode, VectorKind kind) {
    return Encoder(kGolden + name).width(input, mode, kind);
  };
  CATCH_CHECK(width("clip", InputKind::kTexts, VectorMode::kSingle, VectorKind::kEncoder) == 9);
  CATCH_CHECK(width("clip", InputKind::kTexts, VectorMode::kMulti, VectorKind::kHidden) == 24);
  CATCH_CHECK(width("colmodernvbert", InputKind::kPairs, VectorMode::kMulti, VectorKind::kEncoder) == 6);
  CATCH_CHECK_THROWS_WITH(width("clip", InputKind::kPairs, VectorMode::kSingle, VectorKind::kEncoder),
                          Contains("makes no vectors of pairs"));
  CATCH_CHECK_THROWS_WITH(
      width("colmodernvbert", InputKind::kTexts, VectorMode::kSingle, VectorKind::kEncoder),
      Contains("--mode multi"));
  CATCH_CHECK_THROWS_WITH(width("colmodernvbert", InputKind::kTexts, VectorMode::kMulti, VectorKind::kHidden),
                          Contains("outputs of one tower"));
  CATCH_CHECK_THROWS_WITH(width("modernbert", InputKind::kTexts, VectorMode::kSingle, VectorKind::kPooled),
                          Contains("has no pooled output"));
  CATCH_CHECK_THROWS_WITH(width("bert", InputKind::kTexts, VectorMode::kMulti, VectorKind::kPooled),
                          Contains("--mode single"));
}
