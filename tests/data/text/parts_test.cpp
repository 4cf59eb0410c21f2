// The parts of tokenizers: Unicode, the trie, patterns.
#include <catch2/catch.hpp>
#include <map>

#include "data/text/pattern.h"
#include "data/text/trie.h"
#include "data/text/unicode.h"
#include "src/core/error.h"
#include "src/core/random.h"

using namespace athanor;
using Catch::Matchers::Contains;

namespace {

std::vector<std::string> matches(const Pattern& pattern, const std::string& text) {
  std::vector<std::string> out;
  std::vector<Pattern::State> memory;
  size_t at = 0;
  for (Pattern::Match match; pattern.find(text, at, match, memory); at = match.end)
    out.push_back(text.substr(match.begin, match.end - match.begin));
  return out;
}

std::vector<std::string> matches(const std::string& pattern, const std::string& text) {
  return matches(Pattern::regex(pattern, "here"), text);
}

std::string normal(std::string text, NormalForm form) {
  normalize(text, form);
  return text;
}

using List = std::vector<std::string>;

}  // namespace

CATCH_TEST_CASE("trie: finds what a map finds, and nothing else", "[unit]") {
  Rng rng(3);
  std::map<std::string, int32_t> known;
  const auto word = [&] {
    std::string out(1 + rng.below(5), 'a');
    for (char& c : out) c = static_cast<char>(rng.below(2) == 0 ? 'a' + rng.below(4) : rng.below(256));
    return out;
  };
  for (int32_t i = 0; i < 20000; ++i) known[word()] = i;
  const std::vector<std::pair<std::string, int32_t>> entries(known.begin(), known.end());
  const Trie trie({entries.begin(), entries.end()});
  for (const auto& [key, value] : known) CATCH_REQUIRE(trie.find(key) == value);
  for (int i = 0; i < 20000; ++i) {
    const std::string key = word();
    const auto found = known.find(key);
    CATCH_REQUIRE(trie.find(key) == (found == known.end() ? Trie::kNone : found->second));
  }
  CATCH_CHECK(trie.find("") == Trie::kNone);
  CATCH_CHECK(Trie().find("a") == Trie::kNone);
}

CATCH_TEST_CASE("pattern: alternatives in order, greedy, giving back what others need", "[unit]") {
  CATCH_CHECK(matches("a|ab", "ab ab") == List{"a", "a"});
  CATCH_CHECK(matches("(?:ab|a)b", "abab abb") == List{"ab", "ab", "abb"});
  CATCH_CHECK(matches("a+ab", "aaab") == List{"aaab"});
  CATCH_CHECK(matches("a++ab", "aaab").empty());
  CATCH_CHECK(matches("a{2,3}", "aaaaa a") == List{"aaa", "aa"});
  CATCH_CHECK(matches("(?:xy){2}", "xyxyxy") == List{"xyxy"});
  CATCH_CHECK(matches("(?:xy)*z", "xyxyz z") == List{"xyxyz", "z"});
  CATCH_CHECK(matches(R"(\s+(?!\S)|\s+)", "a   b  ") == List{"  ", " ", "  "});
  CATCH_CHECK(matches("(?i:'s|'LL)", "'S 'll 'ſ 's") == List{"'S", "'ll", "'ſ", "'s"});
  CATCH_CHECK(matches(R"([^\r\n\p{L}\p{N}]?\p{L}+)", " été!ça\nñ") == List{" été", "!ça", "ñ"});
  CATCH_CHECK(matches(R"(\p{Lu}\p{Ll}*|\d)", "Äbc 7٣ ÑA") == List{"Äbc", "7", "٣", "Ñ", "A"});
  CATCH_CHECK(matches(R"([一-龥]+|[\x{41}-C])", "中文aB") == List{"中文", "B"});
  CATCH_CHECK(matches(Pattern::literal("''", "here"), "a'''b''") == List{"''", "''"});
}

CATCH_TEST_CASE("pattern: what is not supported is refused with the place in the pattern", "[unit]") {
  for (const char* pattern :
       {"(?<=a)b", "a*?", "^a", "a$", R"(\bx)", "(a*)*", "a*", "[[:alpha:]]", R"(\p{Han}+)", "(a", "a)", "[a",
        "a{3,2}", "a{9999999999}", R"(\)", "a**", "(?>a)", R"(\1)", ""})
    CATCH_CHECK_THROWS_AS(Pattern::regex(pattern, "here"), Error);
  CATCH_CHECK_THROWS_WITH(Pattern::regex("ab(?<=x)", "file: place"),
                          Contains("file: place: the pattern 'ab(?<=x)' at its byte 3"));
  CATCH_CHECK_THROWS_AS(Pattern::regex(std::string(10000, '('), "here"), Error);
}

CATCH_TEST_CASE("pattern: backtracking without end is an error, not a hang", "[unit]") {
  CATCH_CHECK_THROWS_WITH(matches("(?:a|a|aa)+b", std::string(60, 'a')), Contains("takes too long"));
}

CATCH_TEST_CASE("unicode: normal forms, lower case and clusters of known texts", "[unit]") {
  CATCH_CHECK(normal("é", NormalForm::kNfd) == "e\u0301");
  CATCH_CHECK(normal("e\u0301", NormalForm::kNfc) == "é");
  CATCH_CHECK(normal("ﬁ①", NormalForm::kNfkc) == "fi1");
  CATCH_CHECK(normal("q\u0307\u0323", NormalForm::kNfc) == "q\u0323\u0307");
  CATCH_CHECK(normal("한", NormalForm::kNfd) == "\u1112\u1161\u11AB");
  CATCH_CHECK(normal("\u1112\u1161\u11AB", NormalForm::kNfc) == "한");
  std::string text = "İIÀΣǅ";
  lower_case(text);
  CATCH_CHECK(text == "i\u0307iàσǆ");
  const std::string clusters = "e\u0301x\r\n👩‍👧🇩🇪🇫";
  List parts;
  for (size_t at = 0; at < clusters.size();) {
    const size_t end = grapheme_end(clusters, at);
    parts.push_back(clusters.substr(at, end - at));
    at = end;
  }
  CATCH_CHECK(parts == List{"e\u0301", "x", "\r\n", "👩‍👧", "🇩🇪", "🇫"});
}

CATCH_TEST_CASE("unicode: bytes that are no UTF-8 are found and replaced, whatever they are", "[unit]") {
  Rng rng(5);
  for (int round = 0; round < 2000; ++round) {
    std::string noise(rng.below(12), '\0');
    for (char& byte : noise)
      byte = static_cast<char>(rng.below(3) == 0 ? rng.below(128) : 128 + rng.below(128));
    const std::string replaced = replace_invalid_utf8(noise);
    CATCH_REQUIRE(find_invalid_utf8(replaced) == std::string::npos);
    CATCH_REQUIRE((find_invalid_utf8(noise) == std::string::npos) == (replaced == noise));
    for (size_t at = 0; at < noise.size();) decode(noise, at);  // stays within, for the sanitizers
  }
}
