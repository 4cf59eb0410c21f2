// A text through the parts of a tokenizer.json: added tokens, normalizer, added tokens, pre-tokenizer, model.
#pragma once

#include <memory>

#include "data/text/text_encoder.h"

namespace athanor {

struct PipelineParts {
  TokenFinder before, after;  // added tokens of the text as it stands, and of the normalised one
  bool after_has_spaces = false;
  std::unique_ptr<Normalizer> normalizer;       // may be null
  std::unique_ptr<PreTokenizer> pre_tokenizer;  // may be null
  std::unique_ptr<TokenModel> model;
};

// With `chunks`, texts are cut at spaces where the parts allow it, and the ids of short chunks are kept;
// without, each text goes through the parts as a whole. The ids are the same.
std::unique_ptr<TextEncoder> make_pipeline(PipelineParts parts, bool chunks);

}  // namespace athanor
