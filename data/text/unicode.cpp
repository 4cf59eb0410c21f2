#include "data/text/unicode.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstring>

namespace athanor {
namespace {

struct PropertyRun {
  char32_t first;
  uint32_t bits;
};
struct LowerRun {
  char32_t first, last, step;
  int32_t difference;
};
struct PointRange {
  char32_t first, last;
};
#include "data/text/unicode_tables.inc"

// Categories whose characters have no combining class.
constexpr uint32_t kLetters = 1U << static_cast<int>(Category::Lu) | 1U << static_cast<int>(Category::Ll) |
                              1U << static_cast<int>(Category::Lo) | 1U << static_cast<int>(Category::Lm);
constexpr char32_t kReplacement = 0xFFFD, kCodePoints = 0x110000;
// The one composite that normal forms C make and the library's tables do not have yet.
constexpr int32_t kNewComposite = 0x11938, kItsFirst = 0x11935, kItsSecond = 0x11930;

struct Sequence {
  int length = 1;
  bool valid = false;
};

// The well-formed sequence at text[at], or the maximal part of one (Unicode, table 3-7).
Sequence sequence_at(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[at + i]); };
  const unsigned lead = byte(0);
  if (lead < 0x80) return {1, true};
  const int length = lead >= 0xC2 && lead < 0xE0   ? 2
                     : lead >= 0xE0 && lead < 0xF0 ? 3
                     : lead >= 0xF0 && lead < 0xF5 ? 4
                                                   : 0;
  if (length == 0) return {1, false};
  unsigned low = 0x80, high = 0xBF;
  if (lead == 0xE0) low = 0xA0;
  if (lead == 0xED) high = 0x9F;
  if (lead == 0xF0) low = 0x90;
  if (lead == 0xF4) high = 0x8F;
  for (int i = 1; i < length; ++i) {
    if (at + static_cast<size_t>(i) >= text.size() || byte(static_cast<size_t>(i)) < low ||
        byte(static_cast<size_t>(i)) > high)
      return {i, false};
    low = 0x80;
    high = 0xBF;
  }
  return {length, true};
}

char32_t lower_of(char32_t c) {
  const LowerRun* run = std::upper_bound(std::begin(kLowerRuns), std::end(kLowerRuns), c,
                                         [](char32_t point, const LowerRun& r) { return point < r.first; });
  // Runs of step 2 interleave: the one that holds c may be the one before.
  for (int back = 0; back < 2 && run != std::begin(kLowerRuns); ++back) {
    --run;
    if (c <= run->last && (c - run->first) % run->step == 0)
      return static_cast<char32_t>(static_cast<int32_t>(c) + run->difference);
  }
  return c;
}

int combining_class(char32_t c) {
  if (c < 0x300 || (bits_of(c) & kNewer) != 0) return 0;
  return utf8proc_get_property(static_cast<utf8proc_int32_t>(c))->combining_class;
}

void decompose(std::string_view text, bool compatible, std::vector<int32_t>& out) {
  const auto option = static_cast<utf8proc_option_t>(UTF8PROC_DECOMPOSE | (compatible ? UTF8PROC_COMPAT : 0));
  utf8proc_int32_t parts[32];
  for (size_t at = 0; at < text.size();) {
    const char32_t c = decode(text, at);
    const auto point = static_cast<utf8proc_int32_t>(c);
    int unused = 0;
    const utf8proc_ssize_t count = c < 0xA0 || (bits_of(c) & kNewer) != 0
                                       ? 0
                                       : utf8proc_decompose_char(point, parts, 32, option, &unused);
    if (count > 0 && count <= 32)
      out.insert(out.end(), parts, parts + count);
    else
      out.push_back(point);
  }
}

void order_marks(std::vector<int32_t>& points) {
  for (size_t begin = 0; begin < points.size();) {
    size_t end = begin;
    while (end < points.size() && combining_class(static_cast<char32_t>(points[end])) != 0) ++end;
    if (end - begin > 1)
      std::stable_sort(points.begin() + static_cast<int64_t>(begin),
                       points.begin() + static_cast<int64_t>(end), [](int32_t a, int32_t b) {
                         return combining_class(static_cast<char32_t>(a)) <
                                combining_class(static_cast<char32_t>(b));
                       });
    begin = std::max(end, begin + 1);
  }
}

// Composes between the characters that the library does not know, which it takes for starters without
// partners.
void compose(std::vector<int32_t>& points) {
  std::vector<int32_t> out;
  out.reserve(points.size());
  for (size_t begin = 0; begin < points.size();) {
    size_t end = begin;
    while (end < points.size() && (bits_of(static_cast<char32_t>(points[end])) & kNewer) == 0) ++end;
    utf8proc_ssize_t count = 0;
    if (end > begin)
      count = utf8proc_normalize_utf32(points.data() + begin, static_cast<utf8proc_ssize_t>(end - begin),
                                       static_cast<utf8proc_option_t>(UTF8PROC_COMPOSE | UTF8PROC_STABLE));
    for (utf8proc_ssize_t i = 0; i < count; ++i) {
      const int32_t point = points[begin + static_cast<size_t>(i)];
      if (point == kNewComposite)
        out.insert(out.end(), {kItsFirst, kItsSecond});
      else
        out.push_back(point);
    }
    if (end < points.size()) out.push_back(points[end]);
    begin = end + 1;
  }
  points.swap(out);
}

// Every character stands for itself, and marks are in order.
bool unchanged_by(std::string_view text, NormalForm form) {
  const uint32_t stays = kStaysInNfc << static_cast<int>(form);
  int last = 0;
  for (size_t at = 0; at < text.size();) {
    if (static_cast<signed char>(text[at]) >= 0) {
      ++at;
      last = 0;
      continue;
    }
    const char32_t c = decode(text, at);
    const uint32_t bits = bits_of(c);
    if ((bits & stays) == 0) return false;
    const bool is_letter =
        (1U << (bits >> kCategoryShift & 31) & kLetters) != 0;  // never of a combining class
    const int now = is_letter ? 0 : combining_class(c);
    if (now != 0 && last > now) return false;
    last = now;
  }
  return true;
}

int bound_class(char32_t c) {
  return static_cast<int>(utf8proc_get_property(static_cast<utf8proc_int32_t>(c))->boundclass);
}

bool is_boundary_control(char32_t c) {
  if (c < 0x80) return c < 0x20 || c == 0x7F;
  const uint32_t bits = bits_of(c);
  const auto category = static_cast<Category>(bits >> kCategoryShift & 31);
  if ((bits & (kJoinsPrevious | kPrepends)) != 0) return false;
  // Unassigned ones count where they are ignored by default, which utf8proc does not say.
  if (category == Category::Cn)
    return c == 0x2065 || (c >= 0xFFF0 && c <= 0xFFF8) || (c >= 0xE0000 && c <= 0xE0FFF);
  return category >= Category::Zl && bound_class(c) == UTF8PROC_BOUNDCLASS_CONTROL;
}

bool joins_as_hangul(char32_t a, char32_t b) {
  const auto is_hangul = [](char32_t c) {
    return (c >= 0x1100 && c < 0x1200) || (c >= 0xA960 && c < 0xA980) || (c >= 0xAC00 && c < 0xD800);
  };
  if (!is_hangul(a) || !is_hangul(b)) return false;
  const int left = bound_class(a), right = bound_class(b);
  const bool right_v = right == UTF8PROC_BOUNDCLASS_V, right_t = right == UTF8PROC_BOUNDCLASS_T;
  if (left == UTF8PROC_BOUNDCLASS_L)
    return right == UTF8PROC_BOUNDCLASS_L || right_v || right == UTF8PROC_BOUNDCLASS_LV ||
           right == UTF8PROC_BOUNDCLASS_LVT;
  if (left == UTF8PROC_BOUNDCLASS_LV || left == UTF8PROC_BOUNDCLASS_V) return right_v || right_t;
  return (left == UTF8PROC_BOUNDCLASS_LVT || left == UTF8PROC_BOUNDCLASS_T) && right_t;
}

bool is_pictographic(char32_t c) {
  return c >= 0xA9 && bound_class(c) == UTF8PROC_BOUNDCLASS_EXTENDED_PICTOGRAPHIC;
}
bool is_regional(char32_t c) { return c >= 0x1F1E6 && c <= 0x1F1FF; }

}  // namespace

CharTable::CharTable() : page_of_(kCodePoints >> 8, 0), values_(256, 0), own_(1, false) {
  const size_t count = std::size(kPropertyRuns);
  for (size_t i = 0; i < count; ++i)
    set(kPropertyRuns[i].first, i + 1 < count ? kPropertyRuns[i + 1].first - 1 : kCodePoints - 1,
        kPropertyRuns[i].bits);
  for (const PointRange& range : kUnknownToNormalizer) set(range.first, range.last, kNewer);
  for (const LowerRun& run : kLowerRuns)
    for (char32_t c = run.first; c <= run.last; c += run.step) set(c, c, kHasLower);
  set(0x130, 0x130, kHasLower);
}

// Ors the bits in. The pages that one run fills share a page of values.
void CharTable::set(char32_t first, char32_t last, uint32_t bits) {
  size_t shared = 0;
  for (char32_t c = first; c <= last;) {
    uint16_t& page = page_of_[c >> 8];
    if ((c & 255) == 0 && last - c >= 255 && page == 0) {
      if (shared == 0) {
        shared = own_.size();
        own_.push_back(false);
        values_.resize(values_.size() + 256, bits);
      }
      page = static_cast<uint16_t>(shared);
      c += 256;
      continue;
    }
    if (!own_[page]) {
      const size_t from = static_cast<size_t>(page) << 8;
      page = static_cast<uint16_t>(own_.size());
      own_.push_back(true);
      values_.resize(values_.size() + 256);
      std::copy_n(values_.begin() + static_cast<int64_t>(from), 256, values_.end() - 256);
    }
    const char32_t end = std::min<char32_t>(last, c | 255);
    for (; c <= end; ++c) values_[static_cast<size_t>(page) << 8 | (c & 255)] |= bits;
  }
}

char32_t decode_before(std::string_view text, size_t at) {
  size_t begin = at - 1;
  while (begin > 0 && at - begin < 4 && (static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80) --begin;
  return decode(text, begin);
}

void append_utf8(std::string& out, char32_t c) {
  const auto put = [&](char32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (c < 0x80) return put(c);
  if (c < 0x800) return put(0xC0 | c >> 6), put(0x80 | (c & 63));
  if (c < 0x10000) return put(0xE0 | c >> 12), put(0x80 | (c >> 6 & 63)), put(0x80 | (c & 63));
  put(0xF0 | c >> 18), put(0x80 | (c >> 12 & 63)), put(0x80 | (c >> 6 & 63)), put(0x80 | (c & 63));
}

bool is_ascii(std::string_view text) {
  size_t at = 0;
  for (; at + 8 <= text.size(); at += 8) {
    uint64_t word = 0;
    std::memcpy(&word, text.data() + at, 8);
    if ((word & 0x8080808080808080U) != 0) return false;
  }
  for (; at < text.size(); ++at)
    if (static_cast<signed char>(text[at]) < 0) return false;
  return true;
}

size_t find_invalid_utf8(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    if (static_cast<signed char>(text[at]) >= 0) {
      ++at;
      continue;
    }
    const Sequence sequence = sequence_at(text, at);
    if (!sequence.valid) return at;
    at += static_cast<size_t>(sequence.length);
  }
  return std::string_view::npos;
}

std::string replace_invalid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const Sequence sequence = sequence_at(text, at);
    if (sequence.valid)
      out.append(text.substr(at, static_cast<size_t>(sequence.length)));
    else
      append_utf8(out, kReplacement);
    at += static_cast<size_t>(sequence.length);
  }
  return out;
}

void lower_case(std::string& text) {
  if (is_ascii(text)) {
    for (char& c : text)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    return;
  }
  rewrite(
      text, [](char32_t c) { return (bits_of(c) & kHasLower) != 0; },
      [](std::string& out, char32_t c) {
        if (c == 0x130)
          out += "i\u0307";
        else
          append_utf8(out, lower_of(c));
      });
}

void normalize(std::string& text, NormalForm form) {
  if (is_ascii(text) || unchanged_by(text, form)) return;
  const bool composed = form == NormalForm::kNfc || form == NormalForm::kNfkc;
  std::vector<int32_t> points;
  points.reserve(text.size());
  decompose(text, form == NormalForm::kNfkc || form == NormalForm::kNfkd, points);
  order_marks(points);
  if (composed) compose(points);
  text.clear();
  for (const int32_t point : points) append_utf8(text, static_cast<char32_t>(point));
}

size_t grapheme_end(std::string_view text, size_t at) {
  char32_t last = decode(text, at), base = last;
  bool odd_regional = is_regional(last);
  while (at < text.size()) {
    size_t next = at;
    const char32_t c = decode(text, next);
    if (last == '\r' && c == '\n') return next;
    if (is_boundary_control(last) || is_boundary_control(c)) break;
    const bool joins = (bits_of(c) & kJoinsPrevious) != 0;
    const bool pictographs = last == 0x200D && is_pictographic(c) && is_pictographic(base);
    const bool regionals = odd_regional && is_regional(c);
    if (!joins && (bits_of(last) & kPrepends) == 0 && !pictographs && !regionals && !joins_as_hangul(last, c))
      break;
    if (!joins) base = c;
    odd_regional = is_regional(c) && !regionals;
    last = c;
    at = next;
  }
  return at;
}

}  // namespace athanor
