#include "data/text/pipeline.h"

#include <algorithm>

#include "data/text/unicode.h"

namespace athanor {
namespace {

constexpr std::string_view kMetaspace = "\u2581";
// Circumstances of a chunk that its ids may depend on.
enum Salt : uint8_t { kFirst = 1, kLast = 2, kAtStart = 4, kWholeWord = 8 };
// What a chunk's normalised text was like: cuts before and behind it are right only if so.
enum Flags : uint8_t { kBeginsWithSpace = 1, kEndsVisibly = 2 };

// Whether a word may begin at a space behind this: nothing that joins it or that normalisation tends to
// remove.
bool is_visible(std::string_view text, size_t end) {
  const char byte = text[end - 1];
  if (static_cast<signed char>(byte) >= 0) return byte > ' ' && byte < 0x7F;
  const char32_t c = decode_before(text, end);
  const Category category = category_of(c);
  return category >= Category::Lu && category <= Category::So && (bits_of(c) & kPrepends) == 0;
}

size_t chunk_end(std::string_view text, size_t begin) {
  for (size_t at = begin + 1; at < text.size(); ++at) {
    at = text.find(' ', at);
    if (at == std::string_view::npos) break;
    if (is_visible(text, at)) return at;
  }
  return text.size();
}

uint8_t flags_of(std::string_view normal) {
  uint8_t flags = 0;
  if (normal.starts_with(' ') || normal.starts_with(kMetaspace)) flags |= kBeginsWithSpace;
  if (!normal.empty() && !normal.ends_with(kMetaspace) &&
      (bits_of(decode_before(normal, normal.size())) & kSpace) == 0)
    flags |= kEndsVisibly;
  return flags;
}

class Pipeline : public TextEncoder {
 public:
  Pipeline(PipelineParts parts, bool chunks) : parts_(std::move(parts)) {
    const Normalizer* normalizer = parts_.normalizer.get();
    chunks_ = chunks && parts_.pre_tokenizer != nullptr && parts_.pre_tokenizer->cuts_at_spaces() &&
              (normalizer == nullptr || normalizer->in_parts()) && !parts_.after_has_spaces;
    keeps_words_ = chunks && parts_.model->is_slow();
    minds_ends_ = normalizer != nullptr && normalizer->minds_ends();
  }

  void encode(std::string_view text, size_t limit, TextMemory& memory,
              std::vector<int32_t>& ids) const override {
    const size_t end = limit == kNoLimit ? kNoLimit : ids.size() + limit;
    parts_.before.split(text, memory.parts);
    for (size_t i = 0; i < memory.parts.size() && ids.size() < end; ++i) {
      const TokenFinder::Part part = memory.parts[i];
      const std::string_view bytes = text.substr(part.begin, part.end - part.begin);
      if (part.token >= 0)
        ids.push_back(part.token);
      else if (!chunks_ || !encode_chunks(bytes, part.begin == 0, end, memory, ids))
        encode_part(bytes, kFirst | kLast | (part.begin == 0 ? kAtStart : 0), end, memory, ids);
    }
  }

  const Vocabulary& vocabulary() const override { return parts_.model->vocabulary(); }
  bool uses_chunks() const override { return chunks_; }

 private:
  // The plain way.
  void encode_part(std::string_view bytes, int salt, size_t end, TextMemory& memory,
                   std::vector<int32_t>& ids) const {
    split(bytes, salt, memory);
    for (const Words::Word& word : memory.words.list) {
      if (word.token >= 0)
        ids.push_back(word.token);
      else
        encode_word(word, memory, ids);
      if (ids.size() >= end) break;
    }
  }

  void encode_word(const Words::Word& word, TextMemory& memory, std::vector<int32_t>& ids) const {
    const std::string_view bytes = memory.words.of(word);
    if (!keeps_words_ || bytes.size() > ChunkCache::kLongest)
      return parts_.model->tokenize(bytes, memory.model, ids);
    const auto key = ChunkCache::key(memory.words.text, word.begin, bytes.size(), kWholeWord);
    const size_t before = ids.size();
    if (const ChunkCache::Entry* entry = memory.chunks.find(key)) return entry->append(ids);
    parts_.model->tokenize(bytes, memory.model, ids);
    memory.chunks.insert(key, ids.data() + before, ids.size() - before, 0);
  }

  void split(std::string_view bytes, int salt, TextMemory& memory) const {
    NormalText& normal = memory.normal;
    normal.bytes.assign(bytes);
    normal.start_chars = 1;
    normal.first = (salt & kFirst) != 0;
    normal.last = (salt & kLast) != 0;
    normal.at_start = (salt & kAtStart) != 0;
    if (parts_.normalizer != nullptr) parts_.normalizer->apply(normal);
    Words& words = memory.words;
    words.list.clear();
    words.text.assign(normal.bytes);
    if (words.text.empty()) return;
    parts_.after.split(words.text, memory.inner_parts);
    for (const TokenFinder::Part& part : memory.inner_parts)
      words.list.push_back({static_cast<uint32_t>(part.begin), static_cast<uint32_t>(part.end), part.token,
                            normal.at_start && part.begin == 0});
    if (parts_.pre_tokenizer != nullptr) parts_.pre_tokenizer->apply(words, memory.spare);
  }

  // Chunk by chunk, as long as each chunk shows that its text could be cut there; false: it could not,
  // nothing is added.
  bool encode_chunks(std::string_view text, bool at_start, size_t end, TextMemory& memory,
                     std::vector<int32_t>& ids) const {
    const size_t before = ids.size();
    for (size_t begin = 0, behind = 0; begin < text.size() && ids.size() < end; begin = behind) {
      behind = chunk_end(text, begin);
      const bool first = begin == 0, last = behind == text.size();
      const int salt = (first ? kFirst : 0) | (last ? kLast : 0) | (first && at_start ? kAtStart : 0);
      const uint8_t flags = encode_chunk(text, begin, behind, salt, memory, ids);
      if ((!first && (flags & kBeginsWithSpace) == 0) || (!last && (flags & kEndsVisibly) == 0)) {
        ids.resize(before);
        return false;
      }
    }
    return true;
  }

  uint8_t encode_chunk(std::string_view text, size_t begin, size_t end, int salt, TextMemory& memory,
                       std::vector<int32_t>& ids) const {
    const std::string_view chunk = text.substr(begin, end - begin);
    const bool kept = chunk.size() <= ChunkCache::kLongest;
    const int told_apart = minds_ends_ ? salt : salt & kAtStart;
    ChunkCache::Key key;
    if (kept) {
      key = ChunkCache::key(text, begin, chunk.size(), static_cast<uint8_t>(told_apart));
      if (const ChunkCache::Entry* entry = memory.chunks.find(key)) {
        entry->append(ids);
        return entry->flags;
      }
    }
    const size_t before = ids.size();
    encode_part(chunk, salt, kNoLimit, memory, ids);
    const uint8_t flags = flags_of(memory.normal.bytes);
    if (kept) memory.chunks.insert(key, ids.data() + before, ids.size() - before, flags);
    return flags;
  }

  PipelineParts parts_;
  bool chunks_ = false, keeps_words_ = false, minds_ends_ = false;
};

}  // namespace

std::unique_ptr<TextEncoder> make_pipeline(PipelineParts parts, bool chunks) {
  return std::make_unique<Pipeline>(std::move(parts), chunks);
}

}  // namespace athanor
