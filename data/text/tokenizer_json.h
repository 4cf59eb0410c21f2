// The parts of a tokenizer from tokenizer.json.
#pragma once

#include <string>

#include "data/text/tokenizer.h"

namespace athanor {

// Throws Error with the place in the file.
TokenizerParts read_tokenizer_json(const std::string& path, bool fast);

}  // namespace athanor
