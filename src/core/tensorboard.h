// TensorBoard event files: TFRecord framing (length, masked CRC32C, data, masked CRC32C) around hand-encoded
// Event protobufs (tensorboard/compat/proto/event.proto, summary.proto). Scalars and text; no images, graphs,
// histograms.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace athanor {

class TensorBoardWriter {
 public:
  // Makes the folder where it is missing and a new events file in it. A resumed run gives the first step that
  // it will write again: readers then forget the earlier files' events from `purge_step` on (0: nothing).
  // Throws Error.
  explicit TensorBoardWriter(const std::string& directory, int64_t purge_step = 0);
  // Flushes; what cannot be written then is lost (call flush() to be told).
  ~TensorBoardWriter();
  TensorBoardWriter(const TensorBoardWriter&) = delete;
  TensorBoardWriter& operator=(const TensorBoardWriter&) = delete;

  // Kept in memory until flush().
  void scalar(std::string_view tag, double value, int64_t step);
  // Markdown, shown on the Text page.
  void text(std::string_view tag, std::string_view markdown, int64_t step);
  // Appends what is buffered by one write(). Throws Error (disk full, …).
  void flush();

  const std::string& path() const { return path_; }

 private:
  void add_event(int64_t step, std::string_view payload);

  std::string path_;
  std::string buffer_;
  int fd_ = -1;
};

// CRC-32C (Castagnoli, reflected), as TFRecord uses it; exposed for the tests.
uint32_t crc32c(std::string_view bytes);

}  // namespace athanor
