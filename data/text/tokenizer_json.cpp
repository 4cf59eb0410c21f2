#include "data/text/tokenizer_json.h"

#include <charconv>
#include <cmath>
#include <set>

#include "data/text/json_node.h"
#include "data/text/pipeline.h"
#include "src/core/error.h"
#include "src/core/text.h"

namespace athanor {
namespace {

constexpr int64_t kMostIds = 1 << 26, kLongest = 1 << 24;

int32_t id_of(const JsonNode& node) { return static_cast<int32_t>(node.integer(0, kMostIds)); }

Vocabulary read_vocabulary(const JsonNode& node) {
  if (!node.value().is_object()) node.refuse("the vocabulary is no object of tokens and ids");
  std::vector<Vocabulary::Entry> entries;
  entries.reserve(node.value().size());
  for (const auto& [token, id] : node.value().items()) {
    if (!id.is_number_integer()) node.refuse("the id of '" + token + "' is no integer");
    entries.push_back({token, id_of(node.at(token.c_str()))});
  }
  return {entries, node.where()};
}

Merges read_merges(const JsonNode& node) {
  Merges merges;
  const size_t count = node.size();
  merges.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    const nlohmann::json& merge = node.value()[i];
    if (merge.is_string()) {
      const auto& line = merge.get_ref<const std::string&>();
      const size_t space = line.find(' ');
      if (space == std::string::npos || line.find(' ', space + 1) != std::string::npos)
        node.at(i).refuse("a merge is two tokens and a space between", "", "'" + line + "'");
      merges.emplace_back(line.substr(0, space), line.substr(space + 1));
    } else if (merge.is_array() && merge.size() == 2) {
      merges.emplace_back(node.at(i).at(size_t{0}).text(), node.at(i).at(size_t{1}).text());
    } else {
      node.at(i).refuse("a merge is a pair of tokens");
    }
  }
  return merges;
}

std::unique_ptr<TokenModel> read_word_piece(const JsonNode& node) {
  node.expect_keys({"type", "unk_token", "continuing_subword_prefix", "max_input_chars_per_word", "vocab"});
  WordPieceRules rules;
  rules.unknown = node.at("unk_token").text();
  rules.prefix = node.at("continuing_subword_prefix").text();
  rules.longest_word = node.at("max_input_chars_per_word").integer(0, kLongest);
  return make_word_piece(read_vocabulary(node.at("vocab")), rules, node.where());
}

std::unique_ptr<TokenModel> read_bpe(const JsonNode& node) {
  node.expect_keys({"type", "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix",
                    "fuse_unk", "byte_fallback", "ignore_merges", "vocab", "merges"});
  if (node.has("dropout") && node.at("dropout").number() != 0)
    node.at("dropout").refuse("merges left out at random are not supported", "null");
  BpeRules rules;
  rules.unknown = node.text("unk_token", "");
  rules.prefix = node.text("continuing_subword_prefix", "");
  rules.suffix = node.text("end_of_word_suffix", "");
  rules.fuse_unknown = node.boolean("fuse_unk", false);
  rules.byte_fallback = node.boolean("byte_fallback", false);
  rules.ignore_merges = node.boolean("ignore_merges", false);
  return make_bpe(read_vocabulary(node.at("vocab")), read_merges(node.at("merges")), rules, node.where());
}

// As serde_json reads it there: the digits as an integer, then a power of ten, each rounded. The last bit
// decides which of two segmentations with the same sum is taken.
double rounded_twice(double value) {
  char digits[32];
  const auto written =
      std::to_chars(std::begin(digits), std::end(digits), std::abs(value), std::chars_format::scientific);
  uint64_t significand = 0;
  int exponent = 0;
  const char* at = digits;
  for (bool fraction = false; at != written.ptr && *at != 'e'; ++at) {
    if (*at == '.') {
      fraction = true;
      continue;
    }
    significand = significand * 10 + static_cast<uint64_t>(*at - '0');
    exponent -= fraction ? 1 : 0;
  }
  int power = 0;
  if (at != written.ptr) std::from_chars(at + (at[1] == '+' ? 2 : 1), written.ptr, power);
  exponent += power;
  if (exponent < -300 || exponent > 300) return value;
  double out = static_cast<double>(significand);
  const double ten = std::stod("1e" + std::to_string(std::abs(exponent)));
  out = exponent < 0 ? out / ten : out * ten;
  return std::signbit(value) ? -out : out;
}

std::unique_ptr<TokenModel> read_unigram(const JsonNode& node) {
  node.expect_keys({"type", "unk_id", "vocab", "byte_fallback"});
  const JsonNode list = node.at("vocab");
  std::vector<Vocabulary::Entry> entries;
  std::vector<double> scores;
  const size_t count = list.size();
  for (size_t i = 0; i < count; ++i) {
    const nlohmann::json& entry = list.value()[i];
    if (!entry.is_array() || entry.size() != 2 || !entry[0].is_string() || !entry[1].is_number())
      list.at(i).refuse("a token with its score is expected", "[\"token\", -1.5]");
    entries.push_back({entry[0].get<std::string>(), static_cast<int32_t>(i)});
    scores.push_back(rounded_twice(entry[1].get<double>()));
  }
  UnigramRules rules;
  rules.unknown_id = static_cast<int32_t>(node.integer("unk_id", 0, kMostIds, Vocabulary::kNone));
  rules.byte_fallback = node.boolean("byte_fallback", false);
  return make_unigram({entries, list.where()}, std::move(scores), rules, node.where());
}

// Files of old have no type.
std::string model_type(const JsonNode& node) {
  if (node.has("type")) return node.at("type").text();
  if (node.has("merges")) return "BPE";
  return node.has("vocab") && node.at("vocab").value().is_array() ? "Unigram" : "WordPiece";
}

std::unique_ptr<TokenModel> read_model(const JsonNode& node, const std::string& type) {
  if (type == "WordPiece") return read_word_piece(node);
  if (type == "BPE") return read_bpe(node);
  if (type == "Unigram") return read_unigram(node);
  node.refuse("the model '" + type + "' is not supported", "WordPiece, BPE or Unigram");
}

// Ids are not read but given, as the `tokenizers` library does: the model's, or the next behind it; both must
// agree.
void read_added_tokens(const JsonNode& list, PipelineParts& parts, TokenizerParts& out) {
  const Vocabulary& vocabulary = parts.model->vocabulary();
  auto next = static_cast<int32_t>(vocabulary.tokens());
  std::set<std::string> seen;
  for (const JsonNode& node : list.list()) {
    node.expect_keys({"id", "content", "single_word", "lstrip", "rstrip", "normalized", "special"});
    AddedToken token{node.at("content").text(),       id_of(node.at("id")),
                     node.at("special").boolean(),    node.at("normalized").boolean(),
                     node.at("lstrip").boolean(),     node.at("rstrip").boolean(),
                     node.at("single_word").boolean()};
    if (token.content.empty() || !seen.insert(token.content).second) continue;
    const int32_t known = vocabulary.find(token.content);
    const int32_t id = known != Vocabulary::kNone ? known : next++;
    if (id != token.id)
      node.at("id").refuse("the id of '" + token.content + "' does not fit the vocabulary",
                           std::to_string(id), std::to_string(token.id));
    out.added.emplace_back(id, token.content);
    std::string found_as = token.content;
    if (token.normalized && parts.normalizer != nullptr) {
      NormalText text{token.content};
      parts.normalizer->apply(text);
      found_as = text.bytes;
    }
    const bool spaces =
        found_as.find(' ') != std::string::npos || found_as.find("\u2581") != std::string::npos;
    if (token.normalized)
      parts.after_has_spaces = parts.after_has_spaces || spaces || token.strip_left || token.strip_right;
    (token.normalized ? parts.after : parts.before).add(std::move(token), found_as);
  }
}

TemplatePart special(int32_t id) { return {-1, {id}, 0}; }
TemplatePart sequence(int index, int32_t type_id) { return {index, {}, type_id}; }

std::vector<TemplatePart> read_template(const JsonNode& list, const JsonNode& specials, int sequences) {
  std::vector<TemplatePart> out;
  for (const JsonNode& node : list.list()) {
    node.expect_keys({"Sequence", "SpecialToken"});
    const bool is_text = node.has("Sequence");
    const JsonNode part = node.at(is_text ? "Sequence" : "SpecialToken");
    part.expect_keys({"id", "type_id"});
    const std::string& id = part.at("id").text();
    const auto type_id = static_cast<int32_t>(part.at("type_id").integer(0, 1 << 20));
    if (is_text) {
      if (id != "A" && (id != "B" || sequences < 2))
        part.at("id").refuse("an unknown text", sequences < 2 ? "A" : "A or B", id);
      out.push_back(sequence(id == "A" ? 0 : 1, type_id));
      continue;
    }
    const JsonNode token = specials.at(id.c_str());
    token.expect_keys({"id", "ids", "tokens"});
    TemplatePart made{-1, {}, type_id};
    for (const JsonNode& one : token.at("ids").list()) made.ids.push_back(id_of(one));
    out.push_back(std::move(made));
  }
  return out;
}

int32_t token_with_id(const JsonNode& node) {
  if (node.size() != 2) node.refuse("a token and its id are expected", "[\"[SEP]\", 102]");
  node.at(size_t{0}).text();
  return id_of(node.at(size_t{1}));
}

// Whether it changed the templates. Of several in a sequence one may.
bool read_post_processor(const JsonNode& node, TokenizerParts& out) {
  const std::string& type = node.at("type").text();
  if (type == "ByteLevel") {  // offsets only
    node.expect_keys({"type", "add_prefix_space", "trim_offsets", "use_regex"});
    return false;
  }
  if (type == "TemplateProcessing") {
    node.expect_keys({"type", "single", "pair", "special_tokens"});
    out.single = read_template(node.at("single"), node.at("special_tokens"), 1);
    out.pair = read_template(node.at("pair"), node.at("special_tokens"), 2);
    return true;
  }
  if (type == "BertProcessing" || type == "RobertaProcessing") {
    const bool bert = type == "BertProcessing";
    node.expect_keys(
        {"type", "sep", "cls", bert ? "type" : "trim_offsets", bert ? "type" : "add_prefix_space"});
    const TemplatePart begin = special(token_with_id(node.at("cls"))),
                       end = special(token_with_id(node.at("sep")));
    TemplatePart last = end;
    last.type_id = bert ? 1 : 0;
    out.single = {begin, sequence(0, 0), end};
    out.pair = {begin, sequence(0, 0), end};
    if (!bert) out.pair.push_back(end);
    out.pair.push_back(sequence(1, last.type_id));
    out.pair.push_back(last);
    return true;
  }
  if (type == "Sequence") {
    node.expect_keys({"type", "processors"});
    bool changed = false;
    for (const JsonNode& one : node.at("processors").list()) {
      if (changed && one.at("type").text() != "ByteLevel")
        one.refuse("a second post-processor that adds tokens is not supported");
      changed = read_post_processor(one, out) || changed;
    }
    return changed;
  }
  node.at("type").refuse("the post-processor '" + type + "' is not supported",
                         "TemplateProcessing, BertProcessing, RobertaProcessing, ByteLevel or Sequence");
}

Side read_side(const JsonNode& node) {
  const std::string& side = node.text();
  if (side != "Left" && side != "Right") node.refuse("an unknown side", "Left or Right", side);
  return side == "Left" ? Side::kLeft : Side::kRight;
}

Truncation read_truncation(const JsonNode& node) {
  node.expect_keys({"direction", "max_length", "strategy", "stride"});
  Truncation out;
  out.max_length = node.at("max_length").integer(1, kLongest);
  if (node.has("direction")) out.side = read_side(node.at("direction"));
  const std::string& strategy = node.at("strategy").text();
  if (strategy == "OnlyFirst")
    out.strategy = Truncation::Strategy::kOnlyFirst;
  else if (strategy == "OnlySecond")
    out.strategy = Truncation::Strategy::kOnlySecond;
  else if (strategy != "LongestFirst")
    node.at("strategy").refuse("an unknown strategy", "LongestFirst, OnlyFirst or OnlySecond", strategy);
  return out;
}

Padding read_padding(const JsonNode& node) {
  node.expect_keys({"strategy", "direction", "pad_to_multiple_of", "pad_id", "pad_type_id", "pad_token"});
  Padding out;
  const JsonNode strategy = node.at("strategy");
  if (strategy.value().is_object()) {
    strategy.expect_keys({"Fixed"});
    out.to = Padding::To::kLength;
    out.length = strategy.at("Fixed").integer(0, kLongest);
  } else if (strategy.text() == "BatchLongest") {
    out.to = Padding::To::kLongest;
  } else {
    strategy.refuse("an unknown strategy", "BatchLongest or Fixed", strategy.text());
  }
  out.side = read_side(node.at("direction"));
  out.multiple = node.integer("pad_to_multiple_of", 0, kLongest, 1);
  out.id = id_of(node.at("pad_id"));
  out.type_id = id_of(node.at("pad_type_id"));
  out.token = node.at("pad_token").text();
  return out;
}

}  // namespace

TokenizerParts read_tokenizer_json(const std::string& path, bool fast) {
  const nlohmann::json file = parse_json_file(path);
  const JsonNode root(file, path);
  root.expect_keys({"version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer",
                    "post_processor", "decoder", "model"});
  if (root.has("version") && root.at("version").text() != "1.0")
    root.at("version").refuse("another version of the format", "1.0", root.at("version").text());
  TokenizerParts out;
  PipelineParts parts;
  out.kind = model_type(root.at("model"));
  parts.model = read_model(root.at("model"), out.kind);
  if (root.has("normalizer")) parts.normalizer = read_normalizer(root.at("normalizer"));
  if (root.has("pre_tokenizer")) parts.pre_tokenizer = read_pre_tokenizer(root.at("pre_tokenizer"));
  if (root.has("added_tokens")) read_added_tokens(root.at("added_tokens"), parts, out);
  out.single = {sequence(0, 0)};
  out.pair = {sequence(0, 0), sequence(1, 1)};
  if (root.has("post_processor")) read_post_processor(root.at("post_processor"), out);
  if (root.has("truncation")) out.truncation = read_truncation(root.at("truncation"));
  if (root.has("padding")) out.padding = read_padding(root.at("padding"));
  out.encoder = make_pipeline(std::move(parts), fast);
  return out;
}

}  // namespace athanor
