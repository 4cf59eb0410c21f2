// Which file of a folder a tokenizer is read from, and what the folder's other files say about it.
#include <algorithm>
#include <filesystem>

#include "data/text/json_node.h"
#include "data/text/sentence_piece.h"
#include "data/text/text_encoder.h"
#include "data/text/tokenizer.h"
#include "data/text/tokenizer_json.h"
#include "src/core/error.h"
#include "src/core/files.h"

namespace athanor {
namespace {

namespace fs = std::filesystem;

constexpr double kLongestSaid = 1e6;  // greater ones stand for "no limit"

std::optional<int64_t> length_in(const fs::path& file, const char* key) {
  if (!fs::exists(file)) return {};
  const nlohmann::json json = parse_json_file(file.string());
  const JsonNode root(json, file.string());
  if (!root.has(key)) return {};
  const double length = root.at(key).number();
  if (!(length >= 1)) root.at(key).refuse("no length");
  return length < kLongestSaid ? std::optional<int64_t>(static_cast<int64_t>(length)) : std::nullopt;
}

void apply_folder(const fs::path& folder, TokenizerParts& parts) {
  const auto sentence = length_in(folder / "sentence_bert_config.json", "max_seq_length");
  const auto model = length_in(folder / "tokenizer_config.json", "model_max_length");
  if (!sentence && !model) return;
  const int64_t length = std::min(sentence.value_or(INT64_MAX), model.value_or(INT64_MAX));
  const bool padded_to_it =
      parts.padding.to == Padding::To::kLength && parts.padding.length == parts.truncation.max_length;
  if (padded_to_it && length != parts.truncation.max_length) parts.padding.to = Padding::To::kLongest;
  parts.truncation.max_length = length;
}

std::string text_in(const fs::path& file, const char* key) {
  if (!fs::exists(file)) return "";
  const nlohmann::json json = parse_json_file(file.string());
  return JsonNode(json, file.string()).text(key, "");
}

// What the folder says of the tokenizer's class, or of the model, or the file's name.
SentencePieceRules rules_of(const fs::path& file) {
  const fs::path folder = file.parent_path();
  const std::string name = text_in(folder / "tokenizer_config.json", "tokenizer_class");
  const std::string type = name.empty() ? text_in(folder / "config.json", "model_type") : "";
  if (name == "SiglipTokenizer" || type.starts_with("siglip")) return SentencePieceRules::kSiglip;
  const bool by_file = name.empty() && type.empty() && file.filename() == "sentencepiece.bpe.model";
  if (name == "XLMRobertaTokenizer" || name == "XLMRobertaTokenizerFast" || type == "xlm-roberta" || by_file)
    return SentencePieceRules::kXlmR;
  if (!name.empty())
    throw Error({(folder / "tokenizer_config.json").string() + ": tokenizer_class",
                 "a SentencePiece model with the rules of this class is not supported",
                 "SiglipTokenizer or XLMRobertaTokenizer", name, "save it with its tokenizer.json"});
  return SentencePieceRules::kPlain;
}

fs::path file_of(const fs::path& path) {
  if (!fs::exists(path)) throw Error({path.string(), "there is no such file or folder"});
  if (!fs::is_directory(path)) return path;
  for (const char* name : {"tokenizer.json", "spiece.model", "sentencepiece.bpe.model"})
    if (fs::exists(path / name)) return path / name;
  throw Error({path.string(), "has no tokenizer", "tokenizer.json, spiece.model or sentencepiece.bpe.model"});
}

}  // namespace

std::unique_ptr<Tokenizer> read_tokenizer(const std::string& path, const TokenizerOptions& options) {
  const fs::path file = file_of(path);
  const bool is_model = file.extension() == ".model";
  TokenizerParts parts =
      is_model ? make_sentence_piece(parse_sentence_piece(read_file(file.string()), file.string()),
                                     rules_of(file), file.string())
               : read_tokenizer_json(file.string(), options.fast);
  if (fs::is_directory(path)) apply_folder(path, parts);
  return std::make_unique<Tokenizer>(std::move(parts), options);
}

}  // namespace athanor
