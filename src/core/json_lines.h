// metrics.jsonl: an append-only file of JSON objects, one a line, each put there by a single write(), so that
// a killed run leaves at most its last line torn. A resumed run drops what was written after the checkpoint
// it starts from.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace athanor {

class JsonLines {
 public:
  // Opens `path` for appending (makes it where there is none) and drops a torn last line. Throws Error.
  explicit JsonLines(std::string path);
  ~JsonLines();
  JsonLines(const JsonLines&) = delete;
  JsonLines& operator=(const JsonLines&) = delete;

  // Appends one object, doubles with the digits that read back to the same value, NaN and infinity as null.
  // Throws Error (disk full, …); a line that did not fit whole is taken back.
  void append(const nlohmann::ordered_json& object);

  // Drops everything past the first `bytes` bytes, which must end a line. Throws Error.
  void truncate(int64_t bytes);
  // Drops the lines whose "step" is greater than `step`; lines without one stay. Throws Error.
  void drop_after_step(int64_t step);

  int64_t size_bytes() const { return size_bytes_; }
  const std::string& path() const { return path_; }

 private:
  void open();
  void close();

  std::string path_;
  int fd_ = -1;
  int64_t size_bytes_ = 0;
};

}  // namespace athanor
