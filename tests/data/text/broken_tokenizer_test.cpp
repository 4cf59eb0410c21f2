// Changed tokenizer files give an Error or a tokenizer that works, never a crash or a hang.
// ATHANOR_FUZZ_SECONDS makes it a longer search than the suite's.
#include <unistd.h>

#include <chrono>
#include <cstdlib>

#include "data/text/sentence_piece.h"
#include "src/core/error.h"
#include "src/core/random.h"
#include "tests/data/text/text_fixtures.h"

using namespace athanor;
using namespace athanor::testing;

namespace {

const std::vector<std::string> kFiles = {"bert_cased.json", "roberta.json", "llama_2.json",
                                         "suffix_bpe.json", "albert.json",  "xlm_r.json",
                                         "unigram.model",   "bpe.model"};
const std::string kText =
    "Hello, wörld! [CLS] 我們 ｆｕｌｌ e\u0301 \uFFFD👩‍👩‍👧 <mask> \r\n  12,5";

size_t anywhere(const std::string& bytes, Rng& rng) {
  // Half of the changes fall on the first and last 2,000 bytes, where the settings are.
  const size_t edge = std::min<size_t>(bytes.size(), 2000);
  const uint64_t kind = rng.below(4);
  if (kind == 0) return rng.below(edge);
  if (kind == 1) return bytes.size() - 1 - rng.below(edge);
  return rng.below(bytes.size());
}

std::string changed(std::string bytes, Rng& rng) {
  static const std::vector<std::string> kPieces = {
      "0",   "-1", "999999999", "1e999", "null",    "true",    "{}",    "[]", "\"\"",
      "\"",  "}",  "]",         ",",     "\\u0000", "\\ud800", "(a*)*", "[^", "\xff\xff\xff\xff\x7f",
      "\x0a"};
  for (uint64_t count = 1 + rng.below(3); count > 0 && bytes.size() > 8; --count) {
    const size_t at = anywhere(bytes, rng);
    switch (rng.below(5)) {
      case 0:
        bytes[at] = static_cast<char>(bytes[at] ^ 1 << rng.below(8));
        break;
      case 1:
        bytes.erase(at, 1 + rng.below(20));
        break;
      case 2:
        bytes.insert(at, kPieces[rng.below(kPieces.size())]);
        break;
      case 3:
        bytes.insert(at, bytes.substr(anywhere(bytes, rng), rng.below(60)));
        break;
      default:
        bytes.replace(at, std::min<size_t>(1 + rng.below(4), bytes.size() - at),
                      kPieces[rng.below(kPieces.size())]);
    }
  }
  return bytes;
}

// A number, text, list or object of the document replaced by another one: still JSON.
void change_value(nlohmann::json& node, Rng& rng) {
  if (node.is_structured() && !node.empty() && rng.below(8) != 0) {
    auto child = node.begin();
    // Of vocabularies, the beginning.
    std::advance(child, static_cast<int64_t>(rng.below(std::min<size_t>(node.size(), 200))));
    return change_value(*child, rng);
  }
  const std::vector<nlohmann::json> values = {nullptr,
                                              true,
                                              0,
                                              -1,
                                              5,
                                              1u << 31,
                                              1e300,
                                              "",
                                              "a",
                                              "(?:a|ab)+c",
                                              "[a-z]{2,3}",
                                              "Left",
                                              nlohmann::json::array(),
                                              nlohmann::json::object(),
                                              {"a", "b"},
                                              {{"String", " "}}};
  node = values[rng.below(values.size())];
}

struct Outcomes {
  int64_t errors = 0, tokenizers = 0;
  void add(const std::string& path) {
    try {
      const auto tokenizer = read_tokenizer(path);
      for (const std::string& text : {kText, std::string(300, 'a'), std::string()}) {
        const Encoding encoding = tokenizer->encode({text, text});
        for (const int32_t id : encoding.ids)
          if (id < 0) CATCH_FAIL("the id " << id);
      }
      ++tokenizers;
    } catch (const Error& error) {
      ++errors;
      if (std::string(error.what()).find('\n') != std::string::npos)
        CATCH_FAIL("more than one line: " << error.what());
    }
  }
};

double seconds_to_search() {
  const char* seconds = std::getenv("ATHANOR_FUZZ_SECONDS");
  return seconds == nullptr ? 0 : std::atof(seconds);
}

}  // namespace

CATCH_TEST_CASE("broken tokenizers: changed files give an error or a tokenizer, never a crash", "[unit]") {
  const TextFolder folder;
  Rng rng(static_cast<uint64_t>(seconds_to_search()) + 1);
  Outcomes outcomes;
  const auto start = std::chrono::steady_clock::now();
  const auto goes_on = [&](int round) {
    const std::chrono::duration<double> gone = std::chrono::steady_clock::now() - start;
    return round < 150 || gone.count() < seconds_to_search();
  };
  for (int round = 0; goes_on(round); ++round)
    for (const std::string& name : kFiles) {
      const std::string bytes = read_file(golden_text(name));
      const bool json = name.ends_with(".json");
      outcomes.add(folder.write(json ? "fuzz.json" : "fuzz.model", changed(bytes, rng)));
      if (!json) continue;
      nlohmann::json document = nlohmann::json::parse(bytes);
      change_value(document, rng);
      outcomes.add(folder.write("fuzz.json", document.dump()));
    }
  CATCH_INFO(outcomes.errors << " errors, " << outcomes.tokenizers << " tokenizers");
  if (seconds_to_search() > 0)
    CATCH_WARN(outcomes.errors << " errors, " << outcomes.tokenizers << " tokenizers");
  CATCH_CHECK(outcomes.errors > 1000);
  CATCH_CHECK(outcomes.tokenizers > 100);
}

CATCH_TEST_CASE("broken tokenizers: a SentencePiece model cut short anywhere is an error or misses its end",
                "[unit]") {
  const std::string bytes = read_file(golden_text("bpe.model"));
  int64_t errors = 0;
  for (size_t size = 0; size < bytes.size(); size += 7) {
    try {
      parse_sentence_piece(std::string_view(bytes).substr(0, size), "cut.model");
    } catch (const Error&) {
      ++errors;
    }
  }
  CATCH_CHECK(errors > static_cast<int64_t>(bytes.size() / 7 / 2));
}
