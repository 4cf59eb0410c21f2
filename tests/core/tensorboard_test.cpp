#include "src/core/tensorboard.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <filesystem>
#include <vector>

#include "src/core/error.h"
#include "src/core/files.h"

namespace athanor {
namespace {

template <class T>
T load(const std::string& bytes, size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

uint32_t unmask(uint32_t masked) {
  const uint32_t rotated = masked - 0xA282EAD8u;
  return (rotated >> 17) | (rotated << 15);
}

// The events of a TFRecord file; every checksum is checked on the way.
std::vector<std::string> records(const std::string& bytes) {
  std::vector<std::string> found;
  for (size_t at = 0; at < bytes.size();) {
    const auto length = load<uint64_t>(bytes, at);
    CATCH_REQUIRE(unmask(load<uint32_t>(bytes, at + 8)) == crc32c(bytes.substr(at, 8)));
    found.push_back(bytes.substr(at + 12, length));
    CATCH_REQUIRE(unmask(load<uint32_t>(bytes, at + 12 + length)) == crc32c(found.back()));
    at += length + 16;
  }
  return found;
}

std::string fresh_folder() {
  const auto folder =
      std::filesystem::temp_directory_path() / ("athanor_events_" + std::to_string(::getpid()));
  std::filesystem::remove_all(folder);
  return folder.string();
}

CATCH_TEST_CASE("crc32c: the check value of the Castagnoli polynomial", "[unit]") {
  CATCH_CHECK(crc32c("123456789") == 0xE3069283u);
  CATCH_CHECK(crc32c("") == 0);
  CATCH_CHECK(crc32c(std::string(32, '\0')) == 0x8A9136AAu);  // RFC 3720, B.4
}

CATCH_TEST_CASE("tensorboard: a file is framed records, the first of which names the version", "[unit]") {
  const std::string folder = fresh_folder();
  TensorBoardWriter writer(folder + "/deep/er");
  writer.scalar("loss/train", 0.5, 7);
  writer.text("config", "seed: 1", 0);
  CATCH_CHECK(records(read_file(writer.path())).size() == 1);  // the rest waits for flush()
  writer.flush();
  const std::vector<std::string> events = records(read_file(writer.path()));
  CATCH_REQUIRE(events.size() == 3);
  CATCH_CHECK(events[0].find("brain.Event:2") != std::string::npos);
  // step = 7; summary { value { tag: "loss/train" simple_value: 0.5 } }, byte by byte after the wall time.
  const std::string scalar("\x10\x07\x2a\x13\x0a\x11\x0a\x0aloss/train\x15\x00\x00\x00\x3f", 23);
  CATCH_CHECK(events[1].substr(9) == scalar);
  CATCH_CHECK(events[2].find("config/text_summary") != std::string::npos);
  CATCH_CHECK(events[2].find("seed: 1") != std::string::npos);
  std::filesystem::remove_all(folder);
}

CATCH_TEST_CASE("tensorboard: a resumed run's file begins with the step to forget from", "[unit]") {
  const std::string folder = fresh_folder();
  TensorBoardWriter writer(folder, 300);
  const std::vector<std::string> events = records(read_file(writer.path()));
  CATCH_REQUIRE(events.size() == 2);
  CATCH_CHECK(events[1].substr(9) == std::string("\x10\xAC\x02\x3A\x02\x08\x01"));
  std::filesystem::remove_all(folder);
}

CATCH_TEST_CASE("tensorboard: a folder that cannot be made is named", "[unit]") {
  CATCH_CHECK_THROWS_WITH(TensorBoardWriter("/dev/null/events"), Catch::Contains("/dev/null/events"));
}

}  // namespace
}  // namespace athanor
