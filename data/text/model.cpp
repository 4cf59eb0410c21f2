#include "data/text/model.h"

#include <algorithm>

#include "src/core/error.h"
#include "src/core/text.h"

namespace athanor {

Vocabulary::Vocabulary(const std::vector<Entry>& entries, const std::string& where) {
  const int64_t most = 100'000 + 4 * static_cast<int64_t>(entries.size());
  std::vector<std::pair<std::string_view, int32_t>> keys;
  keys.reserve(entries.size());
  for (const Entry& entry : entries) {
    if (entry.id < 0 || entry.id >= most)
      throw Error({where, "the id of '" + entry.token + "' is out of range",
                   text("0 to ", most - 1, " for ", entries.size(), " tokens"), std::to_string(entry.id)});
    if (entry.id >= ids()) tokens_.resize(static_cast<size_t>(entry.id) + 1);
    tokens_[static_cast<size_t>(entry.id)] = entry.token;
    keys.emplace_back(entry.token, entry.id);
  }
  trie_ = Trie(std::move(keys));
  for (const Entry& entry : entries)
    if (!entry.token.empty() && find(entry.token) == entry.id) ++count_;
}

int32_t Vocabulary::get(std::string_view token, const std::string& where) const {
  const int32_t id = find(token);
  if (id == kNone) throw Error({where, text("'", token, "' is not in the vocabulary")});
  return id;
}

std::string byte_token(unsigned char byte) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  return std::string("<0x") + kDigits[byte >> 4] + kDigits[byte & 15] + ">";
}

std::vector<int32_t> byte_ids(const Vocabulary& vocabulary) {
  std::vector<int32_t> ids;
  for (int byte = 0; byte < 256; ++byte)
    ids.push_back(vocabulary.find(byte_token(static_cast<unsigned char>(byte))));
  return ids;
}

}  // namespace athanor
