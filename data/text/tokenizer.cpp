#include "data/text/tokenizer.h"

#include <algorithm>
#include <mutex>

#include "data/text/text_encoder.h"
#include "data/text/unicode.h"
#include "src/core/error.h"
#include "src/core/text.h"
#include "src/core/thread_pool.h"

namespace athanor {
namespace {

constexpr int64_t kTextsATask = 64;

int64_t special_tokens_of(const std::vector<TemplatePart>& parts) {
  int64_t count = 0;
  for (const TemplatePart& part : parts) count += static_cast<int64_t>(part.ids.size());
  return count;
}

void cut(std::vector<int32_t>& ids, int64_t length, Side side) {
  if (static_cast<int64_t>(ids.size()) <= length) return;
  if (side == Side::kLeft) ids.erase(ids.begin(), ids.end() - length);
  ids.resize(static_cast<size_t>(length));
}

}  // namespace

// Memories that no thread uses just now.
struct Tokenizer::Shelf {
  std::mutex mutex;
  std::vector<std::unique_ptr<TextMemory>> free;
};

class Tokenizer::Borrowed {
 public:
  explicit Borrowed(Shelf& shelf) : shelf_(shelf) {
    const std::lock_guard lock(shelf_.mutex);
    if (!shelf_.free.empty()) {
      memory_ = std::move(shelf_.free.back());
      shelf_.free.pop_back();
    }
  }
  ~Borrowed() {
    if (memory_ == nullptr) return;
    const std::lock_guard lock(shelf_.mutex);
    shelf_.free.push_back(std::move(memory_));
  }
  Borrowed(const Borrowed&) = delete;
  Borrowed& operator=(const Borrowed&) = delete;
  TextMemory& get() {
    if (memory_ == nullptr) memory_ = std::make_unique<TextMemory>();
    return *memory_;
  }

 private:
  Shelf& shelf_;
  std::unique_ptr<TextMemory> memory_;
};

Tokenizer::Tokenizer(TokenizerParts parts, const TokenizerOptions& options)
    : parts_(std::move(parts)),
      special_tokens_(options.special_tokens),
      refuse_invalid_(options.refuse_invalid_utf8),
      shelf_(std::make_unique<Shelf>()) {
  Truncation& truncation = parts_.truncation;
  Padding& padding = parts_.padding;
  if (options.max_length) truncation.max_length = *options.max_length;
  if (options.truncation_side) truncation.side = *options.truncation_side;
  if (options.padding) padding.to = *options.padding;
  if (options.padding_side) padding.side = *options.padding_side;
  if (options.padding_length) padding.length = *options.padding_length;
  if (options.padding_multiple) padding.multiple = *options.padding_multiple;
  const int64_t special = special_tokens_ ? special_tokens_of(parts_.single) : 0;
  if (truncation.max_length != 0 && truncation.max_length < special)
    throw usage_error({"tokenizer", "texts are cut off before their special tokens fit",
                       text("a length of at least ", special), std::to_string(truncation.max_length)});
}

Tokenizer::~Tokenizer() = default;

int64_t Tokenizer::ids() const {
  int64_t count = parts_.encoder->vocabulary().ids();
  for (const auto& [id, token] : parts_.added) count = std::max<int64_t>(count, id + 1);
  return count;
}

std::string Tokenizer::token(int32_t id) const {
  for (const auto& [added, token] : parts_.added)
    if (added == id) return token;
  const Vocabulary& vocabulary = parts_.encoder->vocabulary();
  return id >= 0 && id < vocabulary.ids() ? vocabulary.token(id) : "";
}

bool Tokenizer::is_fast() const { return parts_.encoder->uses_chunks(); }

std::string_view Tokenizer::checked(std::string_view text, std::string& memory) const {
  const size_t at = find_invalid_utf8(text);
  if (at == std::string_view::npos) return text;
  if (refuse_invalid_) throw Error({"text", athanor::text("its byte ", at, " is no UTF-8")});
  memory = replace_invalid_utf8(text);
  return memory;
}

void Tokenizer::encode_into(const TextPair& input, TextMemory& memory,
                            std::vector<int32_t> (&sequences)[2]) const {
  const Truncation& truncation = parts_.truncation;
  const int64_t special = special_tokens_ ? special_tokens_of(input.pair ? parts_.pair : parts_.single) : 0;
  const bool cuts = truncation.max_length != 0;
  if (cuts && truncation.max_length < special)
    throw Error({"tokenizer", "texts are cut off before their special tokens fit",
                 text("a length of at least ", special), std::to_string(truncation.max_length)});
  // What is cut off on the right need not be looked at; of pairs the whole lengths are compared.
  const bool early = cuts && !input.pair && truncation.side == Side::kRight;
  const size_t limit = early ? static_cast<size_t>(truncation.max_length) : TextEncoder::kNoLimit;
  parts_.encoder->encode(checked(input.text, memory.text), limit, memory, sequences[0]);
  if (input.pair) parts_.encoder->encode(checked(*input.pair, memory.text), limit, memory, sequences[1]);
  if (!cuts) return;
  if (input.pair)
    truncate_pair(truncation.max_length - special, sequences);
  else if (truncation.strategy == Truncation::Strategy::kOnlySecond)
    throw Error({"tokenizer", "the second text is to be cut off, and there is none"});
  else
    cut(sequences[0], truncation.max_length - special, truncation.side);
}

void Tokenizer::truncate_pair(int64_t most, std::vector<int32_t> (&sequences)[2]) const {
  const Truncation& truncation = parts_.truncation;
  const int64_t lengths[2] = {static_cast<int64_t>(sequences[0].size()),
                              static_cast<int64_t>(sequences[1].size())};
  const int64_t too_many = lengths[0] + lengths[1] - most;
  if (too_many <= 0) return;
  if (most == 0) return sequences[0].clear(), sequences[1].clear();
  if (truncation.strategy != Truncation::Strategy::kLongestFirst) {
    const size_t target = truncation.strategy == Truncation::Strategy::kOnlyFirst ? 0 : 1;
    if (lengths[target] <= too_many)
      throw Error({"tokenizer", "the text that is to be cut off is too short for that", "",
                   text(lengths[target], " tokens")});
    return cut(sequences[target], lengths[target] - too_many, truncation.side);
  }
  const size_t shorter = lengths[0] > lengths[1] ? 1 : 0;
  int64_t less = lengths[shorter];
  int64_t more = less > most ? less : std::max(less, most - less);
  if (less + more > most) {
    less = most / 2;
    more = less + most % 2;
  }
  cut(sequences[shorter], less, truncation.side);
  cut(sequences[1 - shorter], more, truncation.side);
}

Encoding Tokenizer::assembled(const std::vector<TemplatePart>& parts,
                              const std::vector<int32_t> (&sequences)[2]) const {
  Encoding out;
  size_t total = 0;
  for (const TemplatePart& part : parts)
    total += part.sequence >= 0 ? sequences[part.sequence].size() : special_tokens_ ? part.ids.size() : 0;
  out.ids.reserve(total);
  for (const TemplatePart& part : parts) {
    const std::vector<int32_t>& ids = part.sequence >= 0 ? sequences[part.sequence] : part.ids;
    if (part.sequence < 0 && !special_tokens_) continue;
    if ((part.type_id != 0 && !ids.empty()) || !out.type_ids.empty()) {
      out.type_ids.resize(out.ids.size());
      out.type_ids.resize(out.ids.size() + ids.size(), part.type_id);
    }
    out.ids.insert(out.ids.end(), ids.begin(), ids.end());
  }
  out.attention_length = static_cast<int64_t>(out.ids.size());
  return out;
}

Encoding Tokenizer::encode(const TextPair& input, TextMemory& memory) const {
  // The encoder appends to memory that is kept.
  auto& sequences = memory.sequences;
  for (auto& ids : sequences) ids.clear();
  encode_into(input, memory, sequences);
  return assembled(input.pair ? parts_.pair : parts_.single, sequences);
}

int64_t Tokenizer::padded_length(int64_t longest) const {
  const Padding& padding = parts_.padding;
  if (padding.to == Padding::To::kNone) return 0;
  const int64_t length = padding.to == Padding::To::kLength ? padding.length : longest;
  return padding.multiple > 1 ? (length + padding.multiple - 1) / padding.multiple * padding.multiple
                              : length;
}

void Tokenizer::pad(Encoding& encoding, int64_t length) const {
  const Padding& padding = parts_.padding;
  const int64_t more = length - static_cast<int64_t>(encoding.ids.size());
  if (more <= 0) return;
  const auto add = [&](std::vector<int32_t>& values, int32_t value) {
    values.insert(padding.side == Side::kLeft ? values.begin() : values.end(), static_cast<size_t>(more),
                  value);
  };
  if (padding.type_id != 0 && encoding.type_ids.empty()) encoding.type_ids.resize(encoding.ids.size());
  if (!encoding.type_ids.empty() || padding.type_id != 0) add(encoding.type_ids, padding.type_id);
  add(encoding.ids, padding.id);
  if (padding.side == Side::kLeft) encoding.attention_begin += more;
}

Encoding Tokenizer::encode(const TextPair& input) const {
  Borrowed memory(*shelf_);
  Encoding out = encode(input, memory.get());
  pad(out, padded_length(static_cast<int64_t>(out.ids.size())));
  return out;
}

std::vector<Encoding> Tokenizer::encode_batch(const std::vector<TextPair>& inputs, ThreadPool& pool) const {
  const auto count = static_cast<int64_t>(inputs.size());
  std::vector<Encoding> out(inputs.size());
  pool.parallel_for((count + kTextsATask - 1) / kTextsATask, [&](int64_t task) {
    Borrowed memory(*shelf_);
    for (int64_t i = task * kTextsATask; i < std::min(count, (task + 1) * kTextsATask); ++i)
      out[static_cast<size_t>(i)] = encode(inputs[static_cast<size_t>(i)], memory.get());
  });
  int64_t longest = 0;
  for (const Encoding& encoding : out) longest = std::max(longest, static_cast<int64_t>(encoding.ids.size()));
  const int64_t length = padded_length(longest);
  for (Encoding& encoding : out) pad(encoding, length);
  return out;
}

}  // namespace athanor
