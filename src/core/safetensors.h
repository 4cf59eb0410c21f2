// The safetensors format (github.com/huggingface/safetensors): an 8-byte length, a JSON header, raw
// little-endian tensors without holes. Files of Python's library load here and ours load there.
#pragma once

#include <map>
#include <string>

#include "src/core/batch.h"

namespace athanor {

struct Safetensors {
  TensorMap tensors;  // views of the mapped file, in the file's order; they keep the mapping alive
  std::map<std::string, std::string> metadata;
};

// Writes `path` in place (wrap it in AtomicPath). Tensors may be on any device. Throws Error (disk full, …).
void write_safetensors(const std::string& path, const TensorMap& tensors,
                       const std::map<std::string, std::string>& metadata = {});

// Maps the file; nothing is copied. f32 f64 f16 bf16 i64 i32 u8 bool. Throws Error for a file that is cut,
// whose header is not what it should be, whose tensors overlap or leave holes.
Safetensors read_safetensors(const std::string& path);

}  // namespace athanor
