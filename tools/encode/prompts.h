// What is put around texts before a model reads them: the prompts of a folder, by name.
#pragma once

#include <optional>
#include <string>

#include "models/encoders/encoder.h"

namespace athanor {

struct Prompt {
  std::string before, after;
};

// `asked`: the name of a prompt (query, passage, …) or the prompt itself. Without it: config_sentence_
// transformers.json's default_prompt_name; "query" for texts and "passage" for pairs where an encoder.json
// or ColModernVBERT has prompts; else none. Throws usage Error for a query or passage that the folder has no
// prompt for.
Prompt find_prompt(const Encoder& encoder, InputKind input, const std::optional<std::string>& asked);

// "<|begin_of_text|>User:<image>TEXT<end_of_utterance>\nAssistant:": how ColModernVBERT is shown an image. A
// text of a pair that has its own <image> is left as it is.
std::string around_image(const Encoder& encoder, InputKind input, const std::string& text);

}  // namespace athanor
