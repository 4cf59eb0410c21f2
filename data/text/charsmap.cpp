#include "data/text/charsmap.h"

#include <cstring>

#include "data/text/unicode.h"
#include "src/core/error.h"
#include "src/core/text.h"

namespace athanor {
namespace {

constexpr size_t kLongestCluster = 5;  // bytes; longer clusters are read character by character

// darts-clone's unit.
bool has_leaf(uint32_t unit) { return (unit >> 8 & 1) != 0; }
uint32_t value_of(uint32_t unit) { return unit & 0x7FFFFFFF; }
uint32_t label_of(uint32_t unit) { return unit & 0x800000FF; }
uint32_t offset_of(uint32_t unit) { return unit >> 10 << ((unit & 512) >> 6); }

}  // namespace

Charsmap::Charsmap(std::string_view blob, const std::string& where) {
  uint32_t bytes = 0;
  if (blob.size() > sizeof bytes) std::memcpy(&bytes, blob.data(), sizeof bytes);
  if (blob.size() <= sizeof bytes || bytes % 4 != 0 || bytes < 1024 || bytes > blob.size() - sizeof bytes)
    throw Error({where, "a broken precompiled character map",
                 "an array of at least 256 units and a pool of texts",
                 text(blob.size(), " bytes that announce an array of ", bytes)});
  units_.resize(bytes / 4);
  std::memcpy(units_.data(), blob.data() + sizeof bytes, bytes);
  pool_ = blob.substr(sizeof bytes + bytes);
  if (const size_t at = find_invalid_utf8(pool_); at != std::string::npos)
    throw Error({where, text("a broken precompiled character map: byte ", at, " of its texts is no UTF-8")});
  for (uint32_t c = 1; c < 128; ++c) {
    uint32_t at = offset_of(units_[0]) ^ c;
    keeps_[c] = at >= units_.size() || label_of(units_[at]) != c;
    if (keeps_[c] || has_leaf(units_[at])) continue;
    at ^= offset_of(units_[at]);
    keeps_[c] = true;
    for (uint32_t next = 1; next < 128; ++next)
      if ((at ^ next) < units_.size() && label_of(units_[at ^ next]) == next) keeps_[c] = false;
  }
}

Charsmap::Rule Charsmap::find(std::string_view text, bool longest) const {
  Rule rule;
  if (units_.empty()) return rule;
  uint32_t at = offset_of(units_[0]);
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    at ^= byte;
    if (byte == 0 || at >= units_.size() || label_of(units_[at]) != byte) break;
    const uint32_t unit = units_[at];
    at ^= offset_of(unit);
    if (!has_leaf(unit) || at >= units_.size()) continue;
    const uint32_t place = value_of(units_[at]);
    if (place >= pool_.size()) continue;  // of a broken file
    rule = {i + 1, std::string_view(pool_.c_str() + place)};
    if (!longest) break;
  }
  return rule;
}

Charsmap::Rule Charsmap::longest(std::string_view text) const { return find(text, true); }
Charsmap::Rule Charsmap::shortest(std::string_view text) const { return find(text, false); }

bool Charsmap::apply_to(std::string_view cluster, std::string& out) const {
  const Rule rule = shortest(cluster);
  if (rule.length > 0) out += rule.by;
  return rule.length > 0;
}

void Charsmap::apply(std::string& text) const {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    if (keeps(text, at)) {
      out.push_back(text[at++]);
      continue;
    }
    const size_t end = grapheme_end(text, at);
    const std::string_view cluster = std::string_view(text).substr(at, end - at);
    if (cluster.size() > kLongestCluster || !apply_to(cluster, out)) {
      for (size_t next = 0; next < cluster.size();) {
        const size_t begin = next;
        decode(cluster, next);
        const std::string_view character = cluster.substr(begin, next - begin);
        if (!apply_to(character, out)) out += character;
      }
    }
    at = end;
  }
  text.swap(out);
}

}  // namespace athanor
