#include "data/text/normalizer.h"

#include <algorithm>

#include "data/text/pattern.h"
#include "data/text/unicode.h"
#include "src/core/error.h"
#include "src/core/text.h"

namespace athanor {
namespace {

// Removes the characters with one of these bits. Where nothing of the text's first character is left, the
// text no longer begins at its start.
void remove_marks(NormalText& text, uint32_t bits) {
  if (is_ascii(text.bytes)) return;
  size_t leading = 0;
  for (size_t at = 0; at < text.bytes.size() && (bits_of(decode(text.bytes, at)) & bits) != 0;) ++leading;
  if (leading >= text.start_chars) text.at_start = false;
  rewrite(
      text.bytes, [&](char32_t c) { return (bits_of(c) & bits) != 0; }, [](std::string&, char32_t) {});
}

bool is_chinese(char32_t c) {
  return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x20000 && c <= 0x2A6DF) ||
         (c >= 0x2A700 && c <= 0x2B73F) || (c >= 0x2B740 && c <= 0x2B81F) || (c >= 0x2B920 && c <= 0x2CEAF) ||
         (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x2F800 && c <= 0x2FA1F);
}

class BertNormalizer : public Normalizer {
 public:
  explicit BertNormalizer(const JsonNode& node) {
    node.expect_keys({"type", "clean_text", "handle_chinese_chars", "strip_accents", "lowercase"});
    clean_ = node.at("clean_text").boolean();
    chinese_ = node.at("handle_chinese_chars").boolean();
    lower_ = node.at("lowercase").boolean();
    accents_ = node.boolean("strip_accents", lower_);
  }
  void apply(NormalText& text) const override {
    const uint32_t cleaned = clean_ ? kCleaned | kSpace : 0;
    const auto is = [&](char32_t c) {
      return (c != ' ' && (bits_of(c) & cleaned) != 0) || (chinese_ && is_chinese(c));
    };
    size_t begin = 0;
    if (clean_ && !text.bytes.empty() && (bits_of(decode(text.bytes, begin)) & kCleaned) != 0)
      text.at_start = false;
    rewrite(text.bytes, is, [&](std::string& out, char32_t c) {
      const uint32_t bits = bits_of(c) & cleaned;
      if ((bits & kCleaned) != 0) return;
      out += ' ';
      if (bits != 0) return;
      append_utf8(out, c);
      out += ' ';
    });
    if (accents_) {
      athanor::normalize(text.bytes, NormalForm::kNfd);
      remove_marks(text, kNonspacingMark);
    }
    if (lower_) lower_case(text.bytes);
  }

 private:
  bool clean_ = true, chinese_ = true, lower_ = true, accents_ = true;
};

class FormNormalizer : public Normalizer {
 public:
  explicit FormNormalizer(NormalForm form) : form_(form) {}
  void apply(NormalText& text) const override {
    if (!text.bytes.empty() && static_cast<signed char>(text.bytes[0]) < 0) {
      std::string first;
      size_t at = 0;
      append_utf8(first, decode(text.bytes, at));
      athanor::normalize(first, form_);
      text.start_chars = 0;
      for (at = 0; at < first.size(); ++text.start_chars) decode(first, at);
    }
    athanor::normalize(text.bytes, form_);
  }

 private:
  NormalForm form_;
};

class LowerCase : public Normalizer {
  void apply(NormalText& text) const override { lower_case(text.bytes); }
};

class StripAccents : public Normalizer {
  void apply(NormalText& text) const override { remove_marks(text, kCombiningMark); }
};

class Nmt : public Normalizer {
  void apply(NormalText& text) const override {
    const auto removed = [](char32_t c) {
      return (c >= 1 && c <= 8) || c == 0xB || (c >= 0xE && c <= 0x1F) || c == 0x7F || c == 0x8F || c == 0x9F;
    };
    const auto space = [](char32_t c) {
      return c == 9 || c == 0xA || c == 0xC || c == 0xD || c == 0x1680 || (c >= 0x200B && c <= 0x200F) ||
             c == 0x2028 || c == 0x2029 || c == 0x2581 || c == 0xFEFF || c == 0xFFFD;
    };
    if (rewrite(text.bytes, removed, [](std::string&, char32_t) {})) text.at_start = false;
    rewrite(text.bytes, space, [](std::string& out, char32_t) { out += ' '; });
  }
};

class Strip : public Normalizer {
 public:
  explicit Strip(const JsonNode& node) {
    node.expect_keys({"type", "strip_left", "strip_right"});
    left_ = node.at("strip_left").boolean();
    right_ = node.at("strip_right").boolean();
  }
  void apply(NormalText& text) const override {
    std::string& bytes = text.bytes;
    while (right_ && text.last && !bytes.empty() &&
           (bits_of(decode_before(bytes, bytes.size())) & kSpace) != 0) {
      size_t end = bytes.size() - 1;
      while (end > 0 && (static_cast<unsigned char>(bytes[end]) & 0xC0) == 0x80) --end;
      bytes.resize(end);
    }
    size_t begin = 0;
    for (size_t at = 0; left_ && text.first && at < bytes.size(); begin = at)
      if ((bits_of(decode(bytes, at)) & kSpace) == 0) break;
    if (begin > 0) text.at_start = false;
    bytes.erase(0, begin);
  }
  bool minds_ends() const override { return true; }

 private:
  bool left_ = true, right_ = true;
};

class Prepend : public Normalizer {
 public:
  explicit Prepend(const JsonNode& node) {
    node.expect_keys({"type", "prepend"});
    prefix_ = node.at("prepend").text();
  }
  void apply(NormalText& text) const override {
    if (text.first && !text.bytes.empty()) text.bytes.insert(0, prefix_);
  }
  bool minds_ends() const override { return true; }

 private:
  std::string prefix_;
};

class Replace : public Normalizer {
 public:
  explicit Replace(const JsonNode& node) : pattern_(read_pattern(node)) {
    node.expect_keys({"type", "pattern", "content"});
    content_ = node.at("content").text();
    is_regex_ = node.at("pattern").has("Regex");
  }
  static Pattern read_pattern(const JsonNode& node) {
    const JsonNode pattern = node.at("pattern");
    pattern.expect_keys({"String", "Regex"});
    if (pattern.has("Regex")) return Pattern::regex(pattern.at("Regex").text(), pattern.at("Regex").where());
    return Pattern::literal(pattern.at("String").text(), pattern.at("String").where());
  }
  void apply(NormalText& text) const override {
    std::string out;
    size_t done = 0;
    std::vector<Pattern::State> memory;
    for (Pattern::Match match; pattern_.find(text.bytes, done, match, memory); done = match.end) {
      const bool one_char = match.end - match.begin == 1;
      if (match.begin == 0 && !one_char) text.at_start = text.at_start && is_one_char(text.bytes, match.end);
      out.append(text.bytes, done, match.begin - done) += content_;
    }
    if (done == 0) return;
    out.append(text.bytes, done);
    text.bytes.swap(out);
  }
  // Runs of white space end where a part ends; what has no space in it lies within a part.
  bool in_parts() const override {
    const std::string& source = pattern_.source();
    if (is_regex_)
      return source == "\\s+" || source == "\\s" || source == " {2,}" || source == " +" || source == " ";
    return source == " " ||
           (source.find(' ') == std::string::npos && content_.find(' ') == std::string::npos);
  }

 private:
  static bool is_one_char(const std::string& text, size_t end) {
    size_t at = 0;
    decode(text, at);
    return at == end;
  }
  Pattern pattern_;
  std::string content_;
  bool is_regex_ = false;
};

class Precompiled : public Normalizer {
 public:
  explicit Precompiled(const JsonNode& node)
      : map_(decode_base64(map_of(node).text(), map_of(node).where()), map_of(node).where()) {
    node.expect_keys({"type", "precompiled_charsmap"});
  }
  void apply(NormalText& text) const override { map_.apply(text.bytes); }

 private:
  static JsonNode map_of(const JsonNode& node) { return node.at("precompiled_charsmap"); }
  Charsmap map_;
};

class ByteLevelNormalizer : public Normalizer {
  void apply(NormalText& text) const override {
    std::string out;
    out.reserve(text.bytes.size() * 2);
    for (const char byte : text.bytes) append_byte_char(out, static_cast<unsigned char>(byte));
    text.bytes.swap(out);
  }
  bool in_parts() const override { return false; }  // no space is left to begin a part with
};

class NormalizerSequence : public Normalizer {
 public:
  explicit NormalizerSequence(const JsonNode& node) {
    node.expect_keys({"type", "normalizers"});
    for (const JsonNode& one : node.at("normalizers").list()) parts_.push_back(read_normalizer(one));
  }
  void apply(NormalText& text) const override {
    for (const auto& part : parts_) part->apply(text);
  }
  bool in_parts() const override {
    return std::all_of(parts_.begin(), parts_.end(), [](const auto& part) { return part->in_parts(); });
  }
  bool minds_ends() const override {
    return std::any_of(parts_.begin(), parts_.end(), [](const auto& part) { return part->minds_ends(); });
  }

 private:
  std::vector<std::unique_ptr<Normalizer>> parts_;
};

std::unique_ptr<Normalizer> without_settings(const JsonNode& node, std::unique_ptr<Normalizer> normalizer) {
  node.expect_keys({"type"});
  return normalizer;
}

}  // namespace

std::unique_ptr<Normalizer> read_normalizer(const JsonNode& node) {
  const std::string& type = node.at("type").text();
  if (type == "BertNormalizer") return std::make_unique<BertNormalizer>(node);
  if (type == "NFC") return without_settings(node, std::make_unique<FormNormalizer>(NormalForm::kNfc));
  if (type == "NFD") return without_settings(node, std::make_unique<FormNormalizer>(NormalForm::kNfd));
  if (type == "NFKC") return without_settings(node, std::make_unique<FormNormalizer>(NormalForm::kNfkc));
  if (type == "NFKD") return without_settings(node, std::make_unique<FormNormalizer>(NormalForm::kNfkd));
  if (type == "Lowercase") return without_settings(node, std::make_unique<LowerCase>());
  if (type == "StripAccents") return without_settings(node, std::make_unique<StripAccents>());
  if (type == "Nmt") return without_settings(node, std::make_unique<Nmt>());
  if (type == "ByteLevel") return without_settings(node, std::make_unique<ByteLevelNormalizer>());
  if (type == "Strip") return std::make_unique<Strip>(node);
  if (type == "Prepend") return std::make_unique<Prepend>(node);
  if (type == "Replace") return std::make_unique<Replace>(node);
  if (type == "Precompiled") return std::make_unique<Precompiled>(node);
  if (type == "Sequence") return std::make_unique<NormalizerSequence>(node);
  node.at("type").refuse(
      "the normalizer '" + type + "' is not supported",
      "BertNormalizer, NFC, NFD, NFKC, NFKD, Lowercase, StripAccents, Nmt, ByteLevel, Strip, Prepend, "
      "Replace, Precompiled or Sequence");
}

void append_byte_char(std::string& out, unsigned char byte) {
  // Bytes that print stand for themselves, the others for the characters from U+0100 on, in their order.
  static const std::vector<std::string> kChars = [] {
    std::vector<std::string> chars;
    char32_t next = 0x100;
    for (char32_t b = 0; b < 256; ++b) {
      const bool prints = (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
      append_utf8(chars.emplace_back(), prints ? b : next++);
    }
    return chars;
  }();
  out += kChars[byte];
}

std::string decode_base64(const std::string& text, const std::string& where) {
  std::string out;
  uint32_t bits = 0, count = 0;
  for (const char c : text) {
    if (c == '=') break;
    const uint32_t value = c >= 'A' && c <= 'Z'   ? static_cast<uint32_t>(c - 'A')
                           : c >= 'a' && c <= 'z' ? static_cast<uint32_t>(c - 'a') + 26
                           : c >= '0' && c <= '9' ? static_cast<uint32_t>(c - '0') + 52
                           : c == '+'             ? 62
                           : c == '/'             ? 63
                                                  : 64;
    if (value == 64) throw Error({where, "is no base64"});
    bits = bits << 6 | value;
    if (++count % 4 != 1) out.push_back(static_cast<char>(bits >> (6 - 2 * ((count - 1) % 4)) & 255));
  }
  return out;
}

}  // namespace athanor
