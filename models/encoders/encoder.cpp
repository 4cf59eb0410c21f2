#include "models/encoders/encoder.h"

#include <ATen/core/Tensor.h>

#include <filesystem>

#include "models/encoders/hf_folder.h"
#include "models/encoders/linear.h"
#include "models/encoders/modern_vbert.h"
#include "models/encoders/two_tower.h"
#include "src/core/error.h"

namespace athanor {
namespace {

at::Tensor projected(const std::shared_ptr<Linear>& projection, const at::Tensor& pooled) {
  return l2_normalized((projection == nullptr ? pooled : projection->forward(pooled)).to(at::kFloat));
}

}  // namespace

Encoder::Encoder(const std::string& folder) : folder_(folder), text_folder_(folder), vision_folder_(folder) {
  if (is_two_tower_folder(folder))
    read_two_towers();
  else
    read_one_folder();
  const auto keep = [&](const char* name, const auto& part) {
    if (part != nullptr) register_module(name, part);
  };
  keep("joint", joint_);
  if (joint_ == nullptr) keep("text", text_), keep("vision", vision_);
  keep("text_projection", text_projection_);
  keep("vision_projection", vision_projection_);
  keep("head", head_);
  keep("heads", heads_);
}

Encoder::~Encoder() = default;

void Encoder::read_two_towers() {
  const TwoTowerConfig config(folder_);
  text_folder_ = config.text;
  vision_folder_ = config.vision;
  prompts_ = config.prompts;
  const Towers left = read_towers(text_folder_);
  const Towers right = vision_folder_ == text_folder_ ? left : read_towers(vision_folder_);
  if (left.text == nullptr) throw usage_error({text_folder_, "reads no text", "a text tower"});
  if (right.vision == nullptr) throw usage_error({vision_folder_, "sees no images", "a vision tower"});
  text_ = left.text;
  vision_ = right.vision;
  heads_ = std::make_shared<TwoTowerHeads>(config, *text_, *vision_);
}

void Encoder::read_one_folder() {
  const std::string model_type = HfConfig(folder_ + "/config.json").word("model_type");
  if (model_type == "colmodernvbert") {
    joint_ = std::make_shared<ColModernVbert>(folder_);
    text_ = joint_->text_tower();
    vision_ = joint_->vision_tower();
    return;
  }
  const Towers towers = read_towers(folder_);
  text_ = towers.text;
  vision_ = towers.vision;
  text_projection_ = towers.text_projection;
  vision_projection_ = towers.vision_projection;
  const bool means = model_type == "bert" || model_type == "xlm-roberta" || model_type == "modernbert";
  if (vision_ == nullptr && (means || std::filesystem::exists(folder_ + "/modules.json")))
    head_ = std::make_shared<SentenceHead>(folder_, text_->width());
}

void Encoder::expect_output(InputKind input, VectorMode mode, VectorKind kind) const {
  if (mode == VectorMode::kMulti && kind == VectorKind::kPooled)
    throw usage_error({"--output-kind pooled", "is a vector an input", "--mode single", "multi"});
  if (input == InputKind::kPairs && !fuses_pairs())
    throw usage_error({folder_, "makes no vectors of pairs", "a folder of two towers, or ColModernVBERT", "",
                       "encode --text and --images apart"});
  const bool joint_only = joint_ != nullptr && kind != VectorKind::kEncoder;
  if (joint_only || (input == InputKind::kPairs && kind != VectorKind::kEncoder))
    throw usage_error({"--output-kind", "pooled and hidden are outputs of one tower", "encoder"});
  if (joint_ != nullptr && mode == VectorMode::kSingle)
    throw usage_error({folder_, "has no vector an input, but one a token", "--mode multi", "single"});
  const bool own = kind == VectorKind::kEncoder && mode == VectorMode::kSingle && heads_ == nullptr;
  if (!own && kind != VectorKind::kPooled) return;
  const bool is_text = input == InputKind::kTexts,
             pools = is_text ? text_->pools() || (own && head_ != nullptr) : vision_->pools();
  if (!pools) throw usage_error({folder_, "has no pooled output", "", "", "--output-kind encoder or hidden"});
}

// Of a vector an input, kEncoder.
int64_t Encoder::own_width(InputKind input) const {
  if (heads_ != nullptr) return heads_->width();
  if (input == InputKind::kImages)
    return vision_projection_ != nullptr ? vision_projection_->outputs() : vision_->width();
  if (head_ != nullptr) return head_->width();
  return text_projection_ != nullptr ? text_projection_->outputs() : text_->pooled_width();
}

int64_t Encoder::width(InputKind input, VectorMode mode, VectorKind kind) const {
  expect_output(input, mode, kind);
  if (joint_ != nullptr) return joint_->width();
  const bool is_text = input == InputKind::kTexts;
  if (kind == VectorKind::kPooled) return is_text ? text_->pooled_width() : vision_->width();
  if (kind == VectorKind::kEncoder && (mode == VectorMode::kSingle || heads_ != nullptr))
    return own_width(input);
  return is_text ? text_->width() : vision_->width();
}

at::Tensor Encoder::forward(InputKind input, const EncoderBatch& batch, VectorMode mode,
                            VectorKind kind) const {
  if (joint_ != nullptr)
    return joint_
        ->forward(batch.ids, batch.mask, batch.pixels.defined() ? batch.pixels.to(type_) : batch.pixels)
        .to(at::kFloat);
  if (input == InputKind::kTexts) return texts(batch.ids, batch.mask, mode, kind, batch.counts);
  if (input == InputKind::kImages) return images(batch.pixels, mode, kind);
  return pairs(text_->forward(batch.ids, batch.mask), batch.counts.defined() ? batch.counts : batch.mask,
               vision_->forward(batch.pixels.to(type_)), mode);
}

at::Tensor Encoder::pairs(const TowerOutput& text, const at::Tensor& counts, const TowerOutput& image,
                          VectorMode mode) const {
  return l2_normalized(heads_->pairs(text, counts, image, mode == VectorMode::kMulti).to(at::kFloat));
}

at::Tensor Encoder::texts(const at::Tensor& ids, const at::Tensor& mask, VectorMode mode, VectorKind kind,
                          const at::Tensor& counts) const {
  return texts(text_->forward(ids, mask), counts.defined() ? counts : mask, mode, kind);
}

at::Tensor Encoder::texts(const TowerOutput& out, const at::Tensor& counts, VectorMode mode,
                          VectorKind kind) const {
  const bool each = mode == VectorMode::kMulti;
  if (kind == VectorKind::kHidden) return out.hidden.to(at::kFloat);
  if (kind == VectorKind::kPooled) return out.pooled.to(at::kFloat);
  if (heads_ != nullptr) return l2_normalized(heads_->texts(out, counts, each).to(at::kFloat));
  if (each) return l2_normalized(out.hidden.to(at::kFloat));
  if (head_ != nullptr) return head_->forward(out.hidden, counts).to(at::kFloat);
  return projected(text_projection_, out.pooled);
}

at::Tensor Encoder::images(const at::Tensor& pixels, VectorMode mode, VectorKind kind) const {
  const at::Tensor seen = pixels.to(type_);
  if (mode == VectorMode::kSingle && kind != VectorKind::kHidden && heads_ == nullptr)
    return images({at::Tensor(), vision_->pooled(seen)}, mode, kind);
  return images(vision_->forward(seen), mode, kind);
}

at::Tensor Encoder::images(const TowerOutput& out, VectorMode mode, VectorKind kind) const {
  const bool each = mode == VectorMode::kMulti;
  if (kind == VectorKind::kHidden) return out.hidden.to(at::kFloat);
  if (kind == VectorKind::kPooled) return out.pooled.to(at::kFloat);
  if (heads_ != nullptr) return l2_normalized(heads_->images(out, each).to(at::kFloat));
  if (each) return l2_normalized(out.hidden.to(at::kFloat));
  return projected(vision_projection_, out.pooled);
}

EncoderPrecision encoder_precision(const std::string& name) {
  constexpr std::pair<const char*, EncoderPrecision> kKnown[] = {{"fp32", EncoderPrecision::kFp32},
                                                                 {"bf16", EncoderPrecision::kBf16},
                                                                 {"fp16", EncoderPrecision::kFp16},
                                                                 {"int8", EncoderPrecision::kInt8}};
  for (const auto& [known, precision] : kKnown)
    if (name == known) return precision;
  throw usage_error({"--precision", "not known", "fp32, bf16, fp16 or int8", name});
}

void Encoder::prepare(at::Device device, EncoderPrecision precision) {
  const bool is_int8 = precision == EncoderPrecision::kInt8, is_bf16 = precision == EncoderPrecision::kBf16;
  if (is_int8 && !device.is_cpu()) throw usage_error({"--precision int8", "needs a CPU", "--device cpu"});
  const bool multiplies_packed = device.is_cpu() && can_multiply_packed();
  precision_ = precision;
  type_ = precision == EncoderPrecision::kFp16 ? at::kHalf
          : is_bf16 && !multiplies_packed      ? at::kBFloat16
                                               : at::kFloat;
  to(device, type_);
  if (!device.is_cpu() || type_ == at::kHalf) return;
  pack_linears(*this, is_int8   ? ProductPrecision::kInt8
                      : is_bf16 ? ProductPrecision::kBf16
                                : ProductPrecision::kFp32);
}

int64_t Encoder::weight_bytes() const {
  int64_t bytes = 0;
  for (const auto& part : modules(/*include_self=*/false))
    if (const auto* layer = part->as<Linear>()) bytes += layer->weight_bytes();
  return bytes;
}

}  // namespace athanor
