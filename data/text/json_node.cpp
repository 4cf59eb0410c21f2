#include "data/text/json_node.h"

#include <algorithm>

#include "src/core/error.h"
#include "src/core/files.h"
#include "src/core/text.h"

namespace athanor {
namespace {

std::string shown(const nlohmann::json& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return athanor::text("a list of ", value.size());
  std::string out = value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  if (out.size() > 60) out = out.substr(0, 57) + "...";
  return out;
}

}  // namespace

void JsonNode::refuse(const std::string& what, const std::string& expected, const std::string& got) const {
  throw Error({where(), what, expected, got});
}

void JsonNode::wrong_type(const char* expected) const {
  refuse("a value of another type", expected, shown(*value_));
}

bool JsonNode::has(const char* key) const {
  if (!value_->is_object()) wrong_type("an object");
  const auto found = value_->find(key);
  return found != value_->end() && !found->is_null();
}

JsonNode JsonNode::at(const char* key) const {
  if (!has(key) && value_->find(key) == value_->end()) refuse(athanor::text("'", key, "' is missing"));
  return {*value_->find(key), file_, path_.empty() ? key : path_ + "." + key};
}

JsonNode JsonNode::at(size_t index) const {
  return {(*value_)[index], file_, athanor::text(path_, "[", index, "]")};
}

size_t JsonNode::size() const {
  if (!value_->is_array()) wrong_type("a list");
  return value_->size();
}

std::vector<JsonNode> JsonNode::list() const {
  std::vector<JsonNode> out;
  for (size_t i = 0; i < size(); ++i) out.push_back(at(i));
  return out;
}

const std::string& JsonNode::text() const {
  if (!value_->is_string()) wrong_type("text");
  return value_->get_ref<const std::string&>();
}

int64_t JsonNode::integer(int64_t least, int64_t most) const {
  const std::string range = athanor::text("an integer from ", least, " to ", most);
  if (!value_->is_number_integer()) wrong_type(range.c_str());
  const bool too_large =
      value_->is_number_unsigned() && value_->get<uint64_t>() > static_cast<uint64_t>(INT64_MAX);
  if (too_large || value_->get<int64_t>() < least || value_->get<int64_t>() > most)
    refuse("a number out of range", range, shown(*value_));
  return value_->get<int64_t>();
}

double JsonNode::number() const {
  if (!value_->is_number()) wrong_type("a number");
  return value_->get<double>();
}

bool JsonNode::boolean() const {
  if (!value_->is_boolean()) wrong_type("true or false");
  return value_->get<bool>();
}

std::string JsonNode::text(const char* key, const std::string& otherwise) const {
  return has(key) ? at(key).text() : otherwise;
}
int64_t JsonNode::integer(const char* key, int64_t least, int64_t most, int64_t otherwise) const {
  return has(key) ? at(key).integer(least, most) : otherwise;
}
bool JsonNode::boolean(const char* key, bool otherwise) const {
  return has(key) ? at(key).boolean() : otherwise;
}

void JsonNode::expect_keys(std::initializer_list<std::string_view> known) const {
  if (!value_->is_object()) wrong_type("an object");
  for (const auto& [key, value] : value_->items())
    if (std::find(known.begin(), known.end(), key) == known.end())
      refuse("'" + key + "' is not supported", join({known.begin(), known.end()}, ", "));
}

nlohmann::json parse_json_file(const std::string& path) {
  const std::string bytes = read_file(path);
  try {
    return nlohmann::json::parse(bytes);
  } catch (const nlohmann::json::parse_error& error) {
    const size_t at = std::min(error.byte, bytes.size());
    const auto line = 1 + std::count(bytes.begin(), bytes.begin() + static_cast<int64_t>(at), '\n');
    const size_t begin = at == 0 ? std::string::npos : bytes.rfind('\n', at - 1);
    const size_t column = begin == std::string::npos ? at : at - begin - 1;
    throw Error({athanor::text(path, ":", line, ":", column), "is no JSON here"});
  } catch (const nlohmann::json::exception&) {  // a number that no double holds
    throw Error({path, "is no JSON that can be read: a number is out of range"});
  }
}

}  // namespace athanor
