#include "models/encoders/encoder.h"

#include <ATen/core/Tensor.h>

#include <filesystem>

#include "models/encoders/linear.h"
#include "src/core/error.h"

namespace athanor {
namespace {

[[noreturn]] void refuse_pooled(const std::string& folder) {
  throw usage_error({folder, "has no pooled output", "", "", "--output-kind encoder or hidden"});
}

[[noreturn]] void refuse_mode(const std::string& kind) {
  throw usage_error({"--output-kind " + kind, "is a vector an input", "--mode single", "multi"});
}

}  // namespace

Encoder::Encoder(const std::string& folder) : folder_(folder), towers_(read_towers(folder)) {
  const std::string& type = towers_.model_type;
  const bool means = type == "bert" || type == "xlm-roberta" || type == "modernbert";
  const bool is_text_only = towers_.text != nullptr && towers_.vision == nullptr;
  if (is_text_only && (means || std::filesystem::exists(folder + "/modules.json")))
    head_ = std::make_shared<SentenceHead>(folder, towers_.text->width());
  const auto keep = [&](const char* name, const auto& part) {
    if (part != nullptr) register_module(name, part);
  };
  keep("text", towers_.text);
  keep("vision", towers_.vision);
  keep("text_projection", towers_.text_projection);
  keep("vision_projection", towers_.vision_projection);
  keep("head", head_);
}

int64_t Encoder::text_width(VectorMode mode, VectorKind kind) const {
  if (mode == VectorMode::kMulti && kind == VectorKind::kPooled) refuse_mode("pooled");
  if (mode == VectorMode::kMulti || kind == VectorKind::kHidden) return towers_.text->width();
  if (kind == VectorKind::kPooled && towers_.text->pooled_width() == 0) refuse_pooled(folder_);
  if (kind == VectorKind::kPooled) return towers_.text->pooled_width();
  if (head_ != nullptr) return head_->width();
  return towers_.text_projection != nullptr ? towers_.text_projection->outputs()
                                            : towers_.text->pooled_width();
}

int64_t Encoder::image_width(VectorMode mode, VectorKind kind) const {
  if (mode == VectorMode::kMulti && kind == VectorKind::kPooled) refuse_mode("pooled");
  if (mode == VectorMode::kMulti || kind == VectorKind::kHidden) return towers_.vision->width();
  if (!towers_.vision->pools()) refuse_pooled(folder_);
  return kind == VectorKind::kEncoder && towers_.vision_projection != nullptr
             ? towers_.vision_projection->outputs()
             : towers_.vision->width();
}

at::Tensor Encoder::texts(const at::Tensor& ids, const at::Tensor& mask, VectorMode mode, VectorKind kind,
                          const at::Tensor& counts) const {
  const TowerOutput out = towers_.text->forward(ids, mask);
  if (kind == VectorKind::kHidden) return out.hidden.to(at::kFloat);
  if (mode == VectorMode::kMulti) return l2_normalized(out.hidden.to(at::kFloat));
  if (kind == VectorKind::kPooled) return out.pooled.to(at::kFloat);
  return text_vectors(out, counts.defined() ? counts : mask);
}

at::Tensor Encoder::text_vectors(const TowerOutput& out, const at::Tensor& counts) const {
  if (head_ != nullptr) return head_->forward(out.hidden, counts).to(at::kFloat);
  const auto& projection = towers_.text_projection;
  return l2_normalized((projection == nullptr ? out.pooled : projection->forward(out.pooled)).to(at::kFloat));
}

at::Tensor Encoder::images(const at::Tensor& pixels, VectorMode mode, VectorKind kind) const {
  const TowerOutput out = towers_.vision->forward(pixels.to(type_));
  if (kind == VectorKind::kHidden) return out.hidden.to(at::kFloat);
  if (mode == VectorMode::kMulti) return l2_normalized(out.hidden.to(at::kFloat));
  if (kind == VectorKind::kPooled) return out.pooled.to(at::kFloat);
  return image_vectors(out);
}

at::Tensor Encoder::image_vectors(const TowerOutput& out) const {
  const auto& projection = towers_.vision_projection;
  return l2_normalized((projection == nullptr ? out.pooled : projection->forward(out.pooled)).to(at::kFloat));
}

void Encoder::prepare(at::Device device, at::ScalarType type) {
  type_ = type;
  const auto prepared = [&](auto& part) {
    if (part == nullptr) return;
    part->to(device, type);
    if (device.is_cpu()) part->pack();
  };
  prepared(towers_.text);
  prepared(towers_.vision);
  prepared(towers_.text_projection);
  prepared(towers_.vision_projection);
  prepared(head_);
}

}  // namespace athanor
