// HDF5's filter pipeline run backwards outside the library and its lock: deflate (by libdeflate), byte
// shuffle, Fletcher-32 (checked and stripped). Formats: "HDF5 File Format Specification", Filter Pipeline
// message.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace athanor {

// Bytes that are not cleared when they grow and are kept for the next chunk.
class ByteBuffer {
 public:
  char* resize(size_t bytes);
  char* data() { return bytes_.get(); }
  const char* data() const { return bytes_.get(); }
  size_t size() const { return size_; }

 private:
  std::unique_ptr<char[]> bytes_;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

enum class ChunkFilter { kDeflate, kShuffle, kFletcher32 };

// What a chunk of `raw_bytes` went through, in the order of writing.
struct ChunkFilters {
  std::vector<ChunkFilter> steps;
  size_t element_bytes = 1;
  size_t raw_bytes = 0;
};

// Turns the stored chunk in `bytes` into its raw_bytes; `spare` is scratch. A bit set in `mask` skips that
// step. Returns "" or what is wrong ("the deflate stream is corrupt", …).
std::string decode_chunk(const ChunkFilters& filters, uint32_t mask, ByteBuffer& bytes, ByteBuffer& spare);

}  // namespace athanor
