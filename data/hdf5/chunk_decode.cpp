#include "data/hdf5/chunk_decode.h"

#include <libdeflate.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "src/core/text.h"

namespace athanor {
namespace {

constexpr size_t kChecksumBytes = 4;

struct Inflater {
  libdeflate_decompressor* state = libdeflate_alloc_decompressor();
  ~Inflater() { libdeflate_free_decompressor(state); }
};

std::string inflate(const ByteBuffer& stored, size_t raw_bytes, ByteBuffer& out) {
  static thread_local const Inflater inflater;
  size_t written = 0;
  const libdeflate_result result = libdeflate_zlib_decompress(inflater.state, stored.data(), stored.size(),
                                                              out.resize(raw_bytes), raw_bytes, &written);
  if (result == LIBDEFLATE_SUCCESS && written == raw_bytes) return "";
  if (result == LIBDEFLATE_BAD_DATA) return "the deflate stream is corrupt";
  return text("the deflate stream does not hold ", raw_bytes, " bytes");
}

// All first bytes, then all second bytes, … -> elements. Bytes beyond the last whole element stay in place.
template <size_t kBytes>
void unshuffle_fixed(const char* from, char* to, size_t count) {
  for (size_t i = 0; i < count; ++i)
    for (size_t b = 0; b < kBytes; ++b) to[i * kBytes + b] = from[b * count + i];
}

void unshuffle(const ByteBuffer& stored, size_t element_bytes, ByteBuffer& out) {
  const size_t count = stored.size() / element_bytes;
  const char* from = stored.data();
  char* to = out.resize(stored.size());
  if (element_bytes == 4) {
    unshuffle_fixed<4>(from, to, count);
  } else if (element_bytes == 8) {
    unshuffle_fixed<8>(from, to, count);
  } else {
    for (size_t i = 0; i < count; ++i)
      for (size_t b = 0; b < element_bytes; ++b) to[i * element_bytes + b] = from[b * count + i];
  }
  const size_t whole = count * element_bytes;
  std::memcpy(to + whole, from + whole, stored.size() - whole);
}

// HDF5's H5_checksum_fletcher32: sums of big-endian 16-bit words, folded every 360 words.
uint32_t fletcher32(const unsigned char* data, size_t bytes) {
  uint32_t sum1 = 0, sum2 = 0;
  const auto fold = [&] {
    sum1 = (sum1 & 0xffff) + (sum1 >> 16);
    sum2 = (sum2 & 0xffff) + (sum2 >> 16);
  };
  for (size_t words = bytes / 2; words > 0;) {
    const size_t run = std::min<size_t>(words, 360);
    words -= run;
    for (const unsigned char* end = data + 2 * run; data < end; data += 2) {
      sum1 += static_cast<uint32_t>(data[0] << 8 | data[1]);
      sum2 += sum1;
    }
    fold();
  }
  if (bytes % 2 != 0) {
    sum1 += static_cast<uint32_t>(*data << 8);
    sum2 += sum1;
    fold();
  }
  fold();
  return sum2 << 16 | sum1;
}

std::string strip_checksum(ByteBuffer& stored) {
  if (stored.size() < kChecksumBytes) return "shorter than its checksum";
  const size_t bytes = stored.size() - kChecksumBytes;
  uint32_t expected = 0;
  std::memcpy(&expected, stored.data() + bytes, kChecksumBytes);
  if (fletcher32(reinterpret_cast<const unsigned char*>(stored.data()), bytes) != expected)
    return "the Fletcher-32 checksum does not match";
  stored.resize(bytes);
  return "";
}

}  // namespace

char* ByteBuffer::resize(size_t bytes) {
  if (bytes > capacity_) {
    auto larger = std::make_unique_for_overwrite<char[]>(bytes);
    std::copy_n(bytes_.get(), size_, larger.get());
    bytes_ = std::move(larger);
    capacity_ = bytes;
  }
  size_ = bytes;
  return bytes_.get();
}

std::string decode_chunk(const ChunkFilters& filters, uint32_t mask, ByteBuffer& bytes, ByteBuffer& spare) {
  const auto applied = [&](size_t step) { return (mask >> step & 1) == 0; };
  for (size_t step = filters.steps.size(); step-- > 0;) {
    if (!applied(step)) continue;
    std::string problem;
    if (filters.steps[step] == ChunkFilter::kFletcher32) {
      problem = strip_checksum(bytes);
    } else if (filters.steps[step] == ChunkFilter::kShuffle) {
      unshuffle(bytes, filters.element_bytes, spare);
      std::swap(bytes, spare);
    } else {
      // Checksums that were appended before deflating are part of what comes out.
      size_t raw_bytes = filters.raw_bytes;
      for (size_t before = 0; before < step; ++before)
        if (filters.steps[before] == ChunkFilter::kFletcher32 && applied(before)) raw_bytes += kChecksumBytes;
      problem = inflate(bytes, raw_bytes, spare);
      std::swap(bytes, spare);
    }
    if (!problem.empty()) return problem;
  }
  if (bytes.size() != filters.raw_bytes)
    return text("the chunk holds ", bytes.size(), " bytes instead of ", filters.raw_bytes);
  return "";
}

}  // namespace athanor
