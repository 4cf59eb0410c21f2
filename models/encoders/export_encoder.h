// An encoder of a Hugging Face folder as TorchScript, f32: what it makes of texts, of images, or of pairs.
// Inputs have the names that transformers' tokenizers and image processors give them. Left out: tokenizing
// and image processing.
#pragma once

#include <string>

#include "models/encoders/encoder.h"

namespace athanor {

// Writes a module `forward(input_ids, attention_mask) -> Dict[str, Tensor]` (texts), `forward(pixel_values)`
// (images) or of all three (pairs), for any batch and any length of text:
//   input_ids, attention_mask [B,L] i64; pixel_values [B,3,H,W] f32, normalised
//   hidden [B,L,D], pooled [B,P], vectors [B,W], token_vectors [B,L,W]: what the encoder has of VectorKind
//   and VectorMode; rows of padding mean nothing
// Facts, with the lengths and sizes that it takes, are in its extra file "athanor.json" and in `path`.json.
// Before the file appears it is loaded and compared with the encoder at several batches and lengths (1e-5).
// `folder`: what it is called there. Throws Error: the encoder has none of these, or they differ.
void export_encoder(const Encoder& encoder, const std::string& folder, InputKind input,
                    const std::string& path);

}  // namespace athanor
