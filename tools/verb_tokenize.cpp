// athanor tokenize: the token ids of texts, by a model's tokenizer.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "data/text/text_file.h"
#include "data/text/tokenizer.h"
#include "src/core/error.h"
#include "src/core/thread_pool.h"
#include "tools/verbs.h"

namespace athanor {
namespace {

constexpr size_t kTextsABlock = 8192;

struct TokenizeFlags {
  std::string model, text, truncation_side, padding, padding_side;
  int64_t max_length = -1, multiple = 0;
  int threads = 1;
  bool json = false, no_special = false, plain = false;
  TokenizerOptions options;
};

Side side_of(const std::string& name) { return name == "left" ? Side::kLeft : Side::kRight; }

TokenizerOptions options_of(const TokenizeFlags& flags) {
  TokenizerOptions options = flags.options;
  options.special_tokens = !flags.no_special;
  options.fast = !flags.plain;
  if (flags.max_length >= 0) options.max_length = flags.max_length;
  if (!flags.truncation_side.empty()) options.truncation_side = side_of(flags.truncation_side);
  if (!flags.padding_side.empty()) options.padding_side = side_of(flags.padding_side);
  if (flags.multiple > 0) options.padding_multiple = flags.multiple;
  if (flags.padding.empty()) return options;
  int64_t length = 0;
  const char* end = flags.padding.data() + flags.padding.size();
  const auto parsed = std::from_chars(flags.padding.data(), end, length);
  const bool is_length = parsed.ec == std::errc() && parsed.ptr == end && length > 0 && length <= 1 << 24;
  if (!is_length && flags.padding != "none" && flags.padding != "longest")
    throw usage_error({"--padding", "not understood", "none, longest or a number of tokens", flags.padding});
  options.padding = is_length                 ? Padding::To::kLength
                    : flags.padding == "none" ? Padding::To::kNone
                                              : Padding::To::kLongest;
  if (is_length) options.padding_length = length;
  return options;
}

void print_json(const Encoding& encoding) {
  nlohmann::ordered_json line{{"ids", encoding.ids}};
  if (!encoding.type_ids.empty()) line["type_ids"] = encoding.type_ids;
  line["attention"] = {encoding.attention_begin, encoding.attention_length};
  std::cout << line.dump() << "\n";
}

void print_tokens(const Tokenizer& tokenizer, const Encoding& encoding) {
  const char* space = "";
  for (const int32_t id : encoding.ids) {
    std::cout << space << tokenizer.token(id) << "=" << id;
    space = "  ";
  }
  std::cout << "\n";
}

void run_tokenize(const TokenizeFlags& flags) {
  const std::unique_ptr<Tokenizer> tokenizer = read_tokenizer(flags.model, options_of(flags));
  TextFile file(flags.text, flags.options.refuse_invalid_utf8);
  ThreadPool pool(flags.threads - 1);
  // To be padded together, all texts are read first.
  const size_t most = tokenizer->padding().to == Padding::To::kLongest ? SIZE_MAX : kTextsABlock;
  for (bool more = true; more;) {
    std::vector<TextLine> lines;
    while (lines.size() < most && more) {
      std::optional<TextLine> line = file.next();
      more = line.has_value();
      if (more) lines.push_back(std::move(*line));
    }
    std::vector<TextPair> inputs;
    inputs.reserve(lines.size());
    for (const TextLine& line : lines) inputs.push_back({line.text, line.pair});
    for (const Encoding& encoding : tokenizer->encode_batch(inputs, pool)) {
      if (flags.json)
        print_json(encoding);
      else
        print_tokens(*tokenizer, encoding);
    }
  }
}

}  // namespace

void add_tokenize_verb(CLI::App& app) {
  auto flags = std::make_shared<TokenizeFlags>();
  CLI::App* verb = app.add_subcommand("tokenize", "Print the token ids of texts, by a model's tokenizer");
  verb->add_option("--model", flags->model,
                   "Hugging Face folder (tokenizer.json, spiece.model or sentencepiece.bpe.model), or one of "
                   "these files")
      ->required()
      ->type_name("DIR|FILE");
  verb->add_option("--text", flags->text, "one text a line, or in .jsonl {\"text\": …, \"pair\": …} a line")
      ->required()
      ->type_name("FILE.txt|.jsonl");
  verb->add_flag(
      "--json", flags->json,
      "a line a text: ids, type_ids where one is not 0, attention: [first, count] of what is not padding");
  verb->add_option("--max-length", flags->max_length,
                   "cut off longer texts; special tokens count; 0: never; absent: as the model's files say")
      ->check(CLI::Range(0, 1 << 24));
  verb->add_option("--truncation-side", flags->truncation_side, "where texts are cut off")
      ->check(CLI::IsMember({"left", "right"}));
  verb->add_option("--padding", flags->padding, "none, to the longest text, or to a number of tokens")
      ->type_name("none|longest|N");
  verb->add_option("--padding-side", flags->padding_side, "where texts are padded")
      ->check(CLI::IsMember({"left", "right"}));
  verb->add_option("--multiple", flags->multiple, "round padded lengths up to a multiple")
      ->check(CLI::Range(1, 1 << 20));
  verb->add_flag("--no-special-tokens", flags->no_special, "the texts' own tokens only");
  verb->add_flag("--refuse-invalid", flags->options.refuse_invalid_utf8,
                 "end at a text that is no UTF-8, instead of putting U+FFFD for what is not");
  verb->add_option("--threads", flags->threads, "threads")->check(CLI::Range(1, 256))->capture_default_str();
  verb->add_flag("--plain", flags->plain, "without the memory of short pieces: the same ids, slower");
  verb->footer("Example:\n  athanor tokenize --model all-MiniLM-L6-v2 --text sentences.txt --json");
  verb->callback([flags] { run_tokenize(*flags); });
}

}  // namespace athanor
