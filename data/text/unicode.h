// What a tokenizer asks of Unicode: decoding, properties, lower case, normal forms, grapheme clusters.
// Properties are those of the `tokenizers` library, point by point (unicode_tables.inc); normal forms come
// from utf8proc, less what is newer than that library's tables. Left out: the clusters of Indic conjuncts
// (rule GB9c).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace athanor {

// In the order of scripts/golden/make_unicode.py; the general category stands above them.
enum CharBits : uint32_t {
  kSpace = 1,              // White_Space
  kPunctuation = 2,        // ASCII punctuation and the categories P
  kCleaned = 4,            // removed by BertNormalizer's clean_text
  kNonspacingMark = 8,     // removed by BertNormalizer's strip_accents
  kCombiningMark = 16,     // removed by StripAccents
  kNumeric = 32,           // Nd, Nl, No
  kWordOfWhitespace = 64,  // \w of the pre-tokenizer Whitespace
  kWord = 128,             // \w of patterns
  kJoinsPrevious = 256,    // Extend, SpacingMark and the zero-width joiner
  kPrepends = 512,
  kCategoryShift = 10,
  kNewer = 1 << 15,  // normalises to itself: newer than the library's tables
  kHasLower = 1 << 16,
  kStaysInNfc = 1 << 17,  // and in NFD, NFKC, NFKD: the three bits above it
};

enum class Category : uint8_t {
  Cn,
  Lu,
  Ll,
  Lt,
  Lm,
  Lo,
  Mn,
  Mc,
  Me,
  Nd,
  Nl,
  No,
  Pc,
  Pd,
  Ps,
  Pe,
  Pi,
  Pf,
  Po,
  Sm,
  Sc,
  Sk,
  So,
  Zs,
  Zl,
  Zp,
  Cc,
  Cf,
  Co,
  Cs,
};

class CharTable {
 public:
  CharTable();
  uint32_t operator[](char32_t c) const {
    return c < 0x110000 ? values_[static_cast<size_t>(page_of_[c >> 8]) << 8 | (c & 255)] : 0;
  }

 private:
  void set(char32_t first, char32_t last, uint32_t bits);
  std::vector<uint16_t> page_of_;
  std::vector<uint32_t> values_;
  std::vector<bool> own_;  // by page of values: whether one page of points uses it alone
};

inline uint32_t bits_of(char32_t c) {
  static const CharTable table;
  return table[c];
}
inline Category category_of(char32_t c) { return static_cast<Category>(bits_of(c) >> kCategoryShift & 31); }
inline bool is_ascii_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// The character at text[at], moving `at` behind it. Texts are valid UTF-8; of others some character, within
// the text.
inline char32_t decode(std::string_view text, size_t& at) {
  const auto byte = [&](size_t i) { return static_cast<char32_t>(static_cast<unsigned char>(text[at + i])); };
  const char32_t lead = byte(0);
  const size_t left = text.size() - at;
  if (lead < 0x80) return ++at, lead;
  if (lead >= 0xE0 && lead < 0xF0 && left > 2) {
    const char32_t c = (lead & 15) << 12 | (byte(1) & 63) << 6 | (byte(2) & 63);
    return at += 3, c;
  }
  if (lead >= 0xC2 && lead < 0xE0 && left > 1) {
    const char32_t c = (lead & 31) << 6 | (byte(1) & 63);
    return at += 2, c;
  }
  if (lead >= 0xF0 && lead < 0xF5 && left > 3) {
    const char32_t c = (lead & 7) << 18 | (byte(1) & 63) << 12 | (byte(2) & 63) << 6 | (byte(3) & 63);
    return at += 4, c;
  }
  return ++at, 0xFFFD;
}
// The character that ends before text[at], at > 0.
char32_t decode_before(std::string_view text, size_t at);
void append_utf8(std::string& out, char32_t c);

bool is_ascii(std::string_view text);
// The offset of the first byte that is no UTF-8, or npos.
size_t find_invalid_utf8(std::string_view text);
// Each maximal part of what is no UTF-8 becomes U+FFFD, as Python's errors="replace" and Rust's
// from_utf8_lossy do.
std::string replace_invalid_utf8(std::string_view text);

// Each character of which `is` is true becomes what `put(out, c)` appends; whether the first one was such.
template <class Is, class Put>
bool rewrite(std::string& text, const Is& is, const Put& put) {
  std::string out;
  size_t kept = 0;  // text[kept, at) is still to be copied
  bool any = false, first = false;
  for (size_t at = 0; at < text.size();) {
    const size_t begin = at;
    const char32_t c = decode(text, at);
    if (!is(c)) continue;
    if (!any) out.reserve(text.size() + text.size() / 4);
    any = true;
    first = first || begin == 0;
    out.append(text, kept, begin - kept);
    put(out, c);
    kept = at;
  }
  if (any) {
    out.append(text, kept);
    text.swap(out);
  }
  return first;
}

// Of one character, without regard to its neighbours; U+0130 becomes two.
void lower_case(std::string& text);

enum class NormalForm { kNfc, kNfd, kNfkc, kNfkd };
void normalize(std::string& text, NormalForm form);

// Where the extended grapheme cluster that begins at text[at] ends.
size_t grapheme_end(std::string_view text, size_t at);

}  // namespace athanor
