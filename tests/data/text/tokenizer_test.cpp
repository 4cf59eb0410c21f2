// Ids equal to the golden ones, by the fast and the plain way; padding, truncation, threads; what folders
// say; errors.
#include <unistd.h>

#include "src/core/error.h"
#include "src/core/thread_pool.h"
#include "tests/data/text/text_fixtures.h"

using namespace athanor;
using namespace athanor::testing;
using Catch::Matchers::Contains;

namespace {

const std::vector<std::string> kTokenizers = {"bert_cased", "roberta", "llama_2", "llama_3",
                                              "suffix_bpe", "albert",  "xlm_r"};

void check_texts(const Tokenizer& tokenizer, const std::vector<Ids>& expected) {
  const std::vector<TextLine> lines = golden_texts();
  CATCH_REQUIRE(lines.size() == expected.size());
  for (int pass = 0; pass < 2; ++pass)  // the second finds pieces remembered
    for (size_t i = 0; i < lines.size(); ++i) {
      CATCH_CAPTURE(i, lines[i].text);
      CATCH_REQUIRE(tokenizer.encode({lines[i].text}).ids == expected[i]);
    }
}

nlohmann::json tiny() {
  return nlohmann::json::parse(R"({"version": "1.0", "truncation": null, "padding": null,
    "added_tokens": [{"id": 0, "content": "[UNK]", "single_word": false, "lstrip": false, "rstrip": false,
                      "normalized": false, "special": true}],
    "normalizer": {"type": "Lowercase"}, "pre_tokenizer": {"type": "WhitespaceSplit"}, "post_processor": null,
    "decoder": null,
    "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
              "max_input_chars_per_word": 100, "vocab": {"[UNK]": 0, "a": 1, "##b": 2, "##bc": 3, "b": 4}}})");
}

std::string error_of(const nlohmann::json& file, const TokenizerOptions& options = {}) {
  const TextFolder folder;
  try {
    read_tokenizer(folder.write("tokenizer.json", file.dump()), options);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

std::unique_ptr<Tokenizer> made(const nlohmann::json& file, const TokenizerOptions& options = {}) {
  const TextFolder folder;
  return read_tokenizer(folder.write("tokenizer.json", file.dump()), options);
}

}  // namespace

CATCH_TEST_CASE("tokenizer: ids equal those of the tokenizers library, by the fast way and the plain one",
                "[parity]") {
  for (const std::string& name : kTokenizers)
    for (const bool fast : {true, false}) {
      CATCH_CAPTURE(name, fast);
      TokenizerOptions options;
      options.fast = fast;
      const auto tokenizer = read_tokenizer(golden_text(name + ".json"), options);
      // Merges of llama_2 cross spaces: it has one way only.
      CATCH_CHECK(tokenizer->is_fast() == (fast && name != "llama_2"));
      check_texts(*tokenizer, golden_ids(name));
    }
}

CATCH_TEST_CASE("tokenizer: SentencePiece models, XLM-R's ids and SigLIP's rules give the reference's ids",
                "[parity]") {
  check_texts(*read_tokenizer(golden_text("unigram.model")), golden_ids("unigram"));
  check_texts(*read_tokenizer(golden_text("bpe.model")), golden_ids("bpe"));
  const std::string model = read_file(golden_text("unigram.model"));
  {
    const TextFolder folder;
    folder.write("sentencepiece.bpe.model", model);
    check_texts(*read_tokenizer(folder.path()), golden_ids("fairseq"));
  }
  const TextFolder folder;
  folder.write("spiece.model", model);
  folder.write("tokenizer_config.json", R"({"tokenizer_class": "SiglipTokenizer", "model_max_length": 64})");
  const auto tokenizer = read_tokenizer(folder.path());
  const std::vector<TextLine> lines = golden_texts();
  const std::vector<Ids> expected = golden_ids("siglip");
  for (size_t i = 0; i < lines.size(); ++i) {
    CATCH_CAPTURE(lines[i].text);
    if (!expected[i].empty()) CATCH_REQUIRE(tokenizer->encode({lines[i].text}).ids == expected[i]);
  }
}

CATCH_TEST_CASE(
    "tokenizer: pairs cut off and padded on the left equal the reference, on one thread and on four",
    "[parity]") {
  TokenizerOptions options;
  options.max_length = 23;
  options.truncation_side = options.padding_side = Side::kLeft;
  options.padding = Padding::To::kLongest;
  options.padding_multiple = 8;
  const std::vector<TextLine> lines = golden_texts();
  std::vector<TextPair> inputs;
  for (const TextLine& line : lines) inputs.push_back({line.text, line.pair});
  for (const std::string& name : kTokenizers) {
    CATCH_CAPTURE(name);
    nlohmann::json file = nlohmann::json::parse(read_file(golden_text(name + ".json")));
    file["padding"] = {
        {"strategy", "BatchLongest"}, {"direction", "Left"}, {"pad_to_multiple_of", nullptr}, {"pad_id", 3},
        {"pad_type_id", 0},           {"pad_token", "<pad>"}};
    const auto tokenizer = made(file, options);
    const std::vector<Ids> expected = golden_ids(name + "_pairs");
    for (const int threads : {1, 4}) {
      ThreadPool pool(threads - 1);
      const std::vector<Encoding> got = tokenizer->encode_batch(inputs, pool);
      for (size_t i = 0; i < got.size(); ++i) {
        CATCH_CAPTURE(i, lines[i].text);
        CATCH_REQUIRE(got[i].ids == expected[i]);
        CATCH_REQUIRE(got[i].attention_begin + got[i].attention_length ==
                      static_cast<int64_t>(got[i].ids.size()));
      }
    }
  }
}

CATCH_TEST_CASE("tokenizer: what is no UTF-8 becomes U+FFFD, a maximal part each, or is refused", "[unit]") {
  const auto tokenizer = read_tokenizer(golden_text("llama_3.json"));
  const auto same = [&](const std::string& broken, const std::string& text) {
    CATCH_CHECK(tokenizer->encode({broken}).ids == tokenizer->encode({text}).ids);
  };
  same("a\xff z", "a\uFFFD z");
  same("\xe2\x82", "\uFFFD");
  same("\xf0\x9f\x98x", "\uFFFDx");
  same("\xed\xa0\x80", "\uFFFD\uFFFD\uFFFD");
  same("\xc0\xaf", "\uFFFD\uFFFD");
  TokenizerOptions strict;
  strict.refuse_invalid_utf8 = true;
  const auto refusing = read_tokenizer(golden_text("llama_3.json"), strict);
  CATCH_CHECK_THROWS_WITH(refusing->encode({"ab\xff"}), Contains("its byte 2 is no UTF-8"));
  CATCH_CHECK_NOTHROW(refusing->encode({"é"}));
}

CATCH_TEST_CASE("tokenizer: a folder's lengths come before tokenizer.json's, an option before both",
                "[unit]") {
  nlohmann::json file = tiny();
  file["truncation"] = {
      {"max_length", 3}, {"strategy", "LongestFirst"}, {"stride", 0}, {"direction", "Right"}};
  file["padding"] = {
      {"strategy", {{"Fixed", 3}}}, {"direction", "Right"}, {"pad_to_multiple_of", nullptr}, {"pad_id", 0},
      {"pad_type_id", 0},           {"pad_token", "[UNK]"}};
  const TextFolder folder;
  folder.write("tokenizer.json", file.dump());
  CATCH_CHECK(read_tokenizer(folder.path())->encode({"a a a a a a"}).ids == Ids{1, 1, 1});
  CATCH_CHECK(read_tokenizer(folder.path())->encode({"a"}).ids == Ids{1, 0, 0});
  folder.write("tokenizer_config.json", R"({"model_max_length": 5})");
  CATCH_CHECK(read_tokenizer(folder.path())->encode({"a a a a a a"}).ids == Ids(5, 1));
  CATCH_CHECK(read_tokenizer(folder.path())->encode({"a"}).ids == Ids{1});
  folder.write("sentence_bert_config.json", R"({"max_seq_length": 4, "do_lower_case": false})");
  CATCH_CHECK(read_tokenizer(folder.path())->encode({"a a a a a a"}).ids == Ids(4, 1));
  folder.write("tokenizer_config.json", R"({"model_max_length": 1000000000000000019884624838656})");
  CATCH_CHECK(read_tokenizer(folder.path())->encode({"a a a a a a"}).ids == Ids(4, 1));
  TokenizerOptions options;
  options.max_length = 0;
  CATCH_CHECK(read_tokenizer(folder.path(), options)->encode({"a a a a a a"}).ids == Ids(6, 1));
}

CATCH_TEST_CASE("tokenizer: an empty text and one of white space have their special tokens only", "[unit]") {
  const auto tokenizer = read_tokenizer(golden_text("bert_cased.json"));
  CATCH_CHECK(tokenizer->encode({""}).ids == Ids{0, 1});
  CATCH_CHECK(tokenizer->encode({" \t\n"}).ids == Ids{0, 1});
  CATCH_CHECK(tokenizer->encode({""}).attention_length == 2);
}

CATCH_TEST_CASE("tokenizer: a word of a million letters takes no quadratic time", "[unit]") {
  const std::string word(1 << 20, 'a');
  for (const char* name : {"llama_3.json", "xlm_r.json", "bert_cased.json", "unigram.model", "bpe.model"})
    CATCH_CHECK(!read_tokenizer(golden_text(name))->encode({word}).ids.empty());
}

CATCH_TEST_CASE("tokenizer: what is not supported or does not fit is refused with its place", "[unit]") {
  CATCH_CHECK(error_of(tiny()).empty());
  const auto with = [](const std::string& pointer, const nlohmann::json& value) {
    nlohmann::json file = tiny();
    file[nlohmann::json::json_pointer(pointer)] = value;
    return error_of(file);
  };
  CATCH_CHECK_THAT(with("/model/type", "WordLevel"),
                   Contains("tokenizer.json: model: the model 'WordLevel' is not supported"));
  CATCH_CHECK_THAT(with("/normalizer/type", "Magic"),
                   Contains("normalizer.type: the normalizer 'Magic' is not supported"));
  CATCH_CHECK_THAT(with("/normalizer/speed", 3), Contains("normalizer: 'speed' is not supported"));
  CATCH_CHECK_THAT(with("/pre_tokenizer", {{"type", "UnicodeScripts"}}),
                   Contains("the pre-tokenizer 'UnicodeScripts'"));
  CATCH_CHECK_THAT(with("/pre_tokenizer", {{"type", "Sequence"}, {"pretokenizers", {{{"type", "X"}}}}}),
                   Contains("pre_tokenizer.pretokenizers[0].type"));
  CATCH_CHECK_THAT(
      with("/normalizer", {{"type", "Replace"}, {"pattern", {{"Regex", "(?<=a)b"}}}, {"content", ""}}),
      Contains("normalizer.pattern.Regex: the pattern '(?<=a)b' at its byte 1"));
  CATCH_CHECK_THAT(with("/post_processor", {{"type", "Y"}}), Contains("the post-processor 'Y'"));
  CATCH_CHECK_THAT(with("/model/vocab/b", -4), Contains("model.vocab.b: a number out of range"));
  CATCH_CHECK_THAT(with("/model/vocab/b", 1 << 25), Contains("the id of 'b' is out of range"));
  CATCH_CHECK_THAT(with("/model/unk_token", "[X]"),
                   Contains("model.unk_token: '[X]' is not in the vocabulary"));
  CATCH_CHECK_THAT(with("/added_tokens/0/id", 7), Contains("added_tokens[0].id: the id of '[UNK]'"));
  CATCH_CHECK_THAT(with("/version", "2.0"), Contains("version: another version of the format"));
  CATCH_CHECK_THAT(with("/model", {{"type", "BPE"}, {"vocab", {{"a", 0}}}, {"merges", {"a c"}}}),
                   Contains("model.merges[0]: 'c' is not in the vocabulary"));
  CATCH_CHECK_THAT(with("/model", {{"type", "BPE"}, {"vocab", {{"a", 0}}}, {"merges", {"a"}}}),
                   Contains("model.merges[0]"));
  CATCH_CHECK_THAT(
      with("/model",
           {{"type", "BPE"}, {"vocab", {{"a", 0}}}, {"merges", nlohmann::json::array()}, {"dropout", 0.5}}),
      Contains("model.dropout"));
  TokenizerOptions options;
  options.max_length = 1;
  CATCH_CHECK_THROWS_WITH(read_tokenizer(golden_text("bert_cased.json"), options),
                          Contains("special tokens"));
}

CATCH_TEST_CASE("tokenizer: missing and broken files are one line with the place", "[unit]") {
  const TextFolder folder;
  CATCH_CHECK_THROWS_WITH(read_tokenizer(folder.path() + "/none"),
                          Contains("there is no such file or folder"));
  CATCH_CHECK_THROWS_WITH(read_tokenizer(folder.path()),
                          Contains("has no tokenizer; expected tokenizer.json"));
  folder.write("tokenizer.json", "{\"a\": 1,\n  oops}");
  CATCH_CHECK_THROWS_WITH(read_tokenizer(folder.path()), Contains("tokenizer.json:2:3: is no JSON here"));
  folder.write("tokenizer.json", "[]");
  CATCH_CHECK_THROWS_WITH(read_tokenizer(folder.path()), Contains("expected an object"));
  CATCH_CHECK_THROWS_WITH(read_tokenizer(folder.write("x.model", "version https://git-lfs")),
                          Contains("is no SentencePiece model"));
  folder.write("tokenizer_config.json", R"({"tokenizer_class": "T5Tokenizer"})");
  CATCH_CHECK_THROWS_WITH(
      read_tokenizer(folder.write("spiece.model", read_file(golden_text("unigram.model")))),
      Contains("tokenizer_class") && Contains("T5Tokenizer"));
}
