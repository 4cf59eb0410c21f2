// athanor bench tokenize: milliseconds to tokenize the lines of a file. Alone it compares with the plain way,
// in which no short pieces of text are remembered; with --serve it runs a round for each line on stdin, so
// that scripts/bench_tokenize.py can alternate it with the Python rivals.
#include <CLI/CLI.hpp>
#include <chrono>
#include <iostream>
#include <memory>

#include "data/text/text_file.h"
#include "data/text/tokenizer.h"
#include "src/core/error.h"
#include "src/core/text.h"
#include "src/core/thread_pool.h"
#include "tools/bench.h"

namespace athanor {
namespace {

struct TokenizeBenchFlags {
  std::string model, text, serve;
  int rounds = 6, threads = 1;
  bool json = false;
};

class TokenizeRound {
 public:
  TokenizeRound(const TokenizeBenchFlags& flags, bool fast) : pool_(flags.threads - 1) {
    TokenizerOptions options;
    options.fast = fast;
    options.max_length = 0;  // every token is made on both sides
    options.padding = Padding::To::kNone;
    tokenizer_ = read_tokenizer(flags.model, options);
    TextFile file(flags.text, false);
    while (std::optional<TextLine> line = file.next()) lines_.push_back(std::move(line->text));
    for (const std::string& line : lines_) {
      inputs_.push_back({line});
      bytes_ += static_cast<int64_t>(line.size());
    }
    if (lines_.empty()) throw Error({flags.text, "has no lines"});
  }
  double round() {
    const auto start = std::chrono::steady_clock::now();
    const std::vector<Encoding> encodings = tokenizer_->encode_batch(inputs_, pool_);
    const auto end = std::chrono::steady_clock::now();
    tokens_ = 0;
    for (const Encoding& encoding : encodings) tokens_ += static_cast<int64_t>(encoding.ids.size());
    return std::chrono::duration<double, std::milli>(end - start).count();
  }
  std::string describe() const {
    return text(lines_.size(), " texts, ", bytes_text(bytes_), ", ", tokens_, " tokens");
  }
  double texts() const { return static_cast<double>(lines_.size()); }
  double megabytes() const { return static_cast<double>(bytes_) / 1e6; }

 private:
  ThreadPool pool_;
  std::unique_ptr<Tokenizer> tokenizer_;
  std::vector<std::string> lines_;
  std::vector<TextPair> inputs_;
  int64_t bytes_ = 0, tokens_ = 0;
};

void serve(const TokenizeBenchFlags& flags) {
  TokenizeRound side(flags, flags.serve == "product");
  side.round();
  std::cout << "ready " << side.describe() << std::endl;
  for (std::string line; std::getline(std::cin, line);) std::cout << side.round() << std::endl;
}

void run_tokenize_bench(const TokenizeBenchFlags& flags) {
  if (!flags.serve.empty()) return serve(flags);
  TokenizeRound product(flags, true), plain(flags, false);
  const auto times =
      alternate(flags.rounds, {[&] { return product.round(); }, [&] { return plain.round(); }});
  Measurement out;
  out.ours = {"tokenize", times[0]};
  out.shape = product.describe();
  out.threads = flags.threads;
  out.samples = product.texts();
  out.compared_with = {{"the plain way", times[1]}};
  out.more = {{"mb_per_s", product.megabytes() / out.ours.median_ms() * 1000}};
  print_measurement(out, flags.json);
}

}  // namespace

void add_tokenize_bench(CLI::App& bench) {
  auto flags = std::make_shared<TokenizeBenchFlags>();
  CLI::App* verb = bench.add_subcommand("tokenize", "Tokenizing the lines of a file");
  verb->add_option("--model", flags->model, "as of athanor tokenize")->required()->type_name("DIR|FILE");
  verb->add_option("--text", flags->text, "one text a line")->required()->type_name("FILE.txt|.jsonl");
  verb->add_flag("--json", flags->json, "one JSON object a measurement");
  verb->add_option("--rounds", flags->rounds, "measured rounds of each side")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  verb->add_option("--threads", flags->threads, "threads")->capture_default_str()->check(CLI::Range(1, 256));
  verb->add_option("--serve", flags->serve, "one round for each line `round` on stdin, of this side")
      ->check(CLI::IsMember({"product", "plain"}));
  verb->footer("Example: athanor bench tokenize --model all-MiniLM-L6-v2 --text sentences.txt --json");
  verb->callback([flags] { run_tokenize_bench(*flags); });
}

}  // namespace athanor
