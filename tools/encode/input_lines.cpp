#include "tools/encode/input_lines.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "data/images/labelled_images.h"
#include "src/core/error.h"
#include "src/core/files.h"
#include "src/core/text.h"

namespace athanor {
namespace {

namespace fs = std::filesystem;

bool is_json_lines(const std::string& path) {
  return path.ends_with(".jsonl") || path.ends_with(".ndjson") || path.ends_with(".json");
}

bool is_list(const std::string& path) { return path.ends_with(".txt") || is_json_lines(path); }

// By their names.
std::vector<std::string> images_of(const std::string& folder) {
  std::vector<std::string> files;
  std::error_code failed;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, failed))
    if (has_image_name(entry.path().string()) && entry.is_regular_file())
      files.push_back(entry.path().string());
  if (failed) throw usage_error({folder, "cannot read the folder: " + failed.message()});
  std::sort(files.begin(), files.end());
  return files;
}

int64_t count_lines(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw usage_error({path, "cannot read: " + system_reason()});
  std::vector<char> block(1 << 20);
  int64_t lines = 0;
  char last = '\n';
  while (in.read(block.data(), static_cast<std::streamsize>(block.size())), in.gcount() > 0) {
    lines += std::count(block.begin(), block.begin() + in.gcount(), '\n');
    last = block[static_cast<size_t>(in.gcount()) - 1];
  }
  return lines + (last == '\n' ? 0 : 1);
}

}  // namespace

InputLines::InputLines(InputKind kind, const std::string& place) : kind_(kind), place_(place) {
  if (fs::is_directory(place) && kind != InputKind::kImages)
    throw usage_error({place, "is a folder", kind == InputKind::kTexts ? "a .txt or .jsonl" : "a .jsonl"});
  if (kind == InputKind::kImages && !is_list(place)) {
    if (fs::is_directory(place)) {
      files_ = images_of(place);
    } else if (fs::exists(place)) {
      files_ = {place};
    }
    size_ = static_cast<int64_t>(files_.size());
    if (size_ == 0) throw usage_error({place, "no images there", "a folder of images, an image or a list"});
    return;
  }
  json_ = is_json_lines(place);
  if (kind == InputKind::kPairs && !json_) throw usage_error({place, "is no list of pairs", "a .jsonl"});
  folder_ = fs::path(place).parent_path().string();
  size_ = count_lines(place);
  if (size_ == 0) throw usage_error({place, "is empty", "an input a line"});
  in_.open(place, std::ios::binary);
}

bool InputLines::read_line(std::string& line) {
  if (!std::getline(in_, line)) return false;
  if (line.ends_with('\r')) line.pop_back();
  return true;
}

std::string InputLines::place() const {
  return files_.empty() ? text(place_, ":", done_ + 1) : files_.at(static_cast<size_t>(done_));
}

EncodeInput InputLines::parse(const std::string& line) const {
  EncodeInput input{.place = place()};
  const auto path = [&](const std::string& name) {
    return fs::path(name).is_absolute() || folder_.empty() ? name : folder_ + "/" + name;
  };
  if (!json_) {
    (kind_ == InputKind::kTexts ? input.text : input.image) = kind_ == InputKind::kTexts ? line : path(line);
    return input;
  }
  const auto object = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) throw usage_error({place(), "not what it should be", "a JSON object a line"});
  const auto field = [&](const char* name) {
    const auto at = object.find(name);
    if (at == object.end() || !at->is_string())
      throw usage_error({place(), text("field ", name, at == object.end() ? " is missing" : " is no string"),
                         text("{\"", name, "\": \"…\"}")});
    return at->get<std::string>();
  };
  if (kind_ != InputKind::kImages) input.text = field("text");
  if (kind_ != InputKind::kTexts) input.image = path(field("image"));
  return input;
}

std::vector<EncodeInput> InputLines::next(int64_t most) {
  std::vector<EncodeInput> inputs;
  std::string line;
  for (; static_cast<int64_t>(inputs.size()) < most && done_ < size_; ++done_) {
    if (!files_.empty())
      inputs.push_back({"", files_[static_cast<size_t>(done_)], place()});
    else if (read_line(line))
      inputs.push_back(parse(line));
    else
      throw Error({place_, "has become shorter while it was read", text(size_, " lines"), text(done_)});
  }
  return inputs;
}

void InputLines::skip(int64_t count) {
  std::string line;
  for (; done_ < count && done_ < size_; ++done_)
    if (files_.empty()) read_line(line);
}

}  // namespace athanor
