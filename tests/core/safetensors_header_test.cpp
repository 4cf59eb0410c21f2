// Headers that are not what they should be: an error of one line, or what fits the file. ATHANOR_FUZZ_SECONDS
// makes it a longer search than the suite's.
#include "src/core/safetensors_header.h"

#include <catch2/catch.hpp>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>

#include "src/core/error.h"
#include "src/core/files.h"
#include "src/core/random.h"

using namespace athanor;

namespace {

using Json = nlohmann::ordered_json;

std::string file_of(const std::string& header, const std::string& data) {
  const uint64_t length = header.size();
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);
  return bytes + header + data;
}

// Of Python's library, and one with what is rare: an empty tensor, a scalar, metadata.
std::vector<std::string> whole_files() {
  return {read_file(ATHANOR_SOURCE_DIR "/tests/core/golden/python.safetensors"),
          file_of(R"({"__metadata__":{"a":"b"},"x":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},)"
                  R"("none":{"dtype":"I64","shape":[4,0,2],"data_offsets":[24,24]},)"
                  R"("one":{"dtype":"BOOL","shape":[],"data_offsets":[24,25]}})",
                  std::string(25, '\1'))};
}

size_t below(Rng& rng, size_t count) { return static_cast<size_t>(rng.below(count)); }

// A few bytes changed, cut off, repeated or put in.
std::string changed_bytes(std::string bytes, Rng& rng) {
  for (size_t changes = 1 + below(rng, 4); changes > 0 && !bytes.empty(); --changes) {
    const size_t at = below(rng, bytes.size()), count = 1 + below(rng, 9);
    switch (below(rng, 5)) {
      case 0:
        bytes[at] = static_cast<char>(rng.next());
        break;
      case 1:
        bytes[at] = "{}[]\",:0123456789-eE.\\un"[below(rng, 24)];
        break;
      case 2:
        bytes.erase(at, count);
        break;
      case 3:
        bytes.insert(at, bytes.substr(below(rng, bytes.size()), count));
        break;
      default:
        bytes.resize(at);
    }
  }
  return bytes;
}

// A value anywhere in the header becomes another, of another kind maybe.
void change_value(Json& json, Rng& rng) {
  static const Json values[] = {0,
                                1,
                                -1,
                                24,
                                UINT64_MAX,
                                uint64_t{1} << 63,
                                uint64_t{1} << 32,
                                INT64_MIN,
                                0.5,
                                1e300,
                                true,
                                nullptr,
                                "",
                                "F64",
                                "U8",
                                Json::array(),
                                Json::object(),
                                Json::array({0, 0}),
                                Json::array({3037000500, 3037000500, 0})};
  Json* at = &json;
  while (at->is_structured() && !at->empty() && below(rng, 4) > 0) {
    auto next = at->begin();
    std::advance(next, static_cast<std::ptrdiff_t>(below(rng, at->size())));
    at = &*next;
  }
  *at = values[below(rng, std::size(values))];
}

std::string changed_header(const std::string& file, Rng& rng) {
  uint64_t length = 0;
  std::memcpy(&length, file.data(), 8);
  Json header = Json::parse(file.substr(8, length));
  for (size_t changes = 1 + below(rng, 3); changes > 0; --changes) change_value(header, rng);
  return file_of(header.dump(), file.substr(8 + length));
}

struct Outcomes {
  int64_t errors = 0, headers = 0;

  void add(const std::string& file) {
    try {
      const SafetensorsHeader header = parse_safetensors_header(file, "f");
      for (const SafetensorsEntry& entry : header.entries) {
        uint64_t bytes = kSafetensorsTypes[entry.type].bytes;
        for (const int64_t length : entry.shape) bytes *= static_cast<uint64_t>(length);
        if (entry.end > file.size() || entry.begin + bytes != entry.end)
          CATCH_FAIL(entry.name << " does not fit the file");
      }
      ++headers;
    } catch (const Error& error) {
      ++errors;
      if (std::string(error.what()).find('\n') != std::string::npos)
        CATCH_FAIL("more than one line: " << error.what());
    }
  }
};

}  // namespace

CATCH_TEST_CASE("safetensors headers: changed files give an error or what fits the file, never a crash",
                "[unit]") {
  const char* given = std::getenv("ATHANOR_FUZZ_SECONDS");
  const double seconds = given == nullptr ? 0 : std::atof(given);
  Rng rng(static_cast<uint64_t>(seconds) + 1);
  Outcomes outcomes;
  const std::vector<std::string> files = whole_files();
  for (const std::string& file : files) outcomes.add(file);
  CATCH_REQUIRE(outcomes.headers == 2);
  const auto start = std::chrono::steady_clock::now();
  const auto goes_on = [&](int round) {
    const std::chrono::duration<double> gone = std::chrono::steady_clock::now() - start;
    return round < 600 || gone.count() < seconds;
  };
  for (int round = 0; goes_on(round); ++round)
    for (const std::string& file : files) {
      outcomes.add(changed_bytes(file, rng));
      outcomes.add(changed_header(file, rng));
    }
  if (seconds > 0) CATCH_WARN(outcomes.errors << " errors, " << outcomes.headers << " headers");
  CATCH_CHECK(outcomes.errors > 1000);
  CATCH_CHECK(outcomes.headers > 10);
}

CATCH_TEST_CASE("safetensors headers: brackets within brackets without end are an error", "[unit]") {
  for (const char* bracket : {"[", "{\"a\":"}) {
    std::string header;
    for (int i = 0; i < 100'000; ++i) header += bracket;
    CATCH_CHECK_THROWS_AS(parse_safetensors_header(file_of(header, ""), "f"), Error);
  }
  const std::string deep = std::string(20'000, '[') + std::string(20'000, ']');
  CATCH_CHECK_THROWS_WITH(parse_safetensors_header(file_of("{\"x\":" + deep + "}", ""), "f"),
                          Catch::Contains("f: x: bad header entry"));
}

CATCH_TEST_CASE("safetensors headers: shapes larger than any file are refused, with a length of 0 too",
                "[unit]") {
  for (const char* shape : {"[9223372036854775808,0]", "[4294967296,4294967296,0]", "[4611686018427387904]"})
    CATCH_CHECK_THROWS_WITH(
        parse_safetensors_header(
            file_of(std::string(R"({"x":{"dtype":"F32","shape":)") + shape + R"(,"data_offsets":[0,0]}})",
                    ""),
            "f"),
        Catch::Contains("f: x: offsets do not fit the shape; expected no more bytes than a file has"));
}
