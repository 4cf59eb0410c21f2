#include "data/text/text_file.h"

#include <filesystem>

#include "data/text/json_node.h"
#include "data/text/unicode.h"
#include "src/core/error.h"
#include "src/core/files.h"
#include "src/core/text.h"

namespace athanor {

TextFile::TextFile(const std::string& path, bool refuse_invalid_utf8)
    : path_(path),
      in_(path, std::ios::binary),
      is_json_(path.ends_with(".jsonl")),
      refuse_invalid_(refuse_invalid_utf8) {
  if (!in_) throw Error({path, "cannot open: " + system_reason()});
  if (std::filesystem::is_directory(path)) throw Error({path, "is a folder", "a .txt or .jsonl file"});
  if (!is_json_ && !path.ends_with(".txt"))
    throw usage_error({path, "an unknown kind of file", ".txt or .jsonl"});
}

std::optional<TextLine> TextFile::next() {
  std::string bytes;
  while (std::getline(in_, bytes)) {
    ++line_;
    if (!is_json_) {
      if (bytes.ends_with('\r')) bytes.pop_back();
      return TextLine{std::move(bytes)};
    }
    if (!trim(bytes).empty()) return parse(bytes);
  }
  if (in_.bad()) throw Error({path_, "cannot read: " + system_reason()});
  return {};
}

TextLine TextFile::parse(const std::string& bytes) const {
  const std::string where = athanor::text(path_, ":", line_);
  if (const size_t at = find_invalid_utf8(bytes); refuse_invalid_ && at != std::string::npos)
    throw Error({where, athanor::text("its byte ", at, " is no UTF-8")});
  const nlohmann::json json = nlohmann::json::parse(replace_invalid_utf8(bytes), nullptr, false);
  if (json.is_discarded()) throw Error({where, "is no JSON", "{\"text\": \"…\"}"});
  const JsonNode node(json, where);
  TextLine line{node.at("text").text()};
  if (node.has("pair")) line.pair = node.at("pair").text();
  return line;
}

}  // namespace athanor
