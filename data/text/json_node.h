// A value of a JSON file with its place in it ("tokenizer.json: model.merges[3]"), read strictly: what is
// missing, of another type or not known is an Error that names the place.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace athanor {

class JsonNode {
 public:
  // The root of a parsed file; `value` must outlive the nodes.
  JsonNode(const nlohmann::json& value, std::string file) : value_(&value), file_(std::move(file)) {}

  std::string where() const { return path_.empty() ? file_ : file_ + ": " + path_; }
  const nlohmann::json& value() const { return *value_; }
  bool is_null() const { return value_->is_null(); }
  bool has(const char* key) const;  // present and not null

  JsonNode at(const char* key) const;
  JsonNode at(size_t index) const;
  size_t size() const;  // of a list
  std::vector<JsonNode> list() const;

  const std::string& text() const;
  int64_t integer(int64_t least, int64_t most) const;
  double number() const;
  bool boolean() const;
  std::string text(const char* key, const std::string& otherwise) const;
  int64_t integer(const char* key, int64_t least, int64_t most, int64_t otherwise) const;
  bool boolean(const char* key, bool otherwise) const;

  // An object, with no other keys.
  void expect_keys(std::initializer_list<std::string_view> known) const;
  [[noreturn]] void refuse(const std::string& what, const std::string& expected = "",
                           const std::string& got = "") const;

 private:
  JsonNode(const nlohmann::json& value, std::string file, std::string path)
      : value_(&value), file_(std::move(file)), path_(std::move(path)) {}
  [[noreturn]] void wrong_type(const char* expected) const;

  const nlohmann::json* value_;
  std::string file_, path_;
};

// Throws Error with the line and column of what is no JSON.
nlohmann::json parse_json_file(const std::string& path);

}  // namespace athanor
