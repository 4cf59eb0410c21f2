// Vectors that are written as they are made: nothing lost, nothing twice, whatever a run is ended in.
#include "data/vectors/vector_store.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "data/hdf5/hdf5_file.h"
#include "src/core/error.h"
#include "src/core/files.h"
#include "src/core/text.h"
#include "tests/data/test_files.h"

using namespace athanor;
using Catch::Matchers::Contains;

namespace {

namespace fs = std::filesystem;

constexpr int64_t kWidth = 3;

// Inputs [first, last): input i has i % 3 vectors where they are several, each number its own.
void append(VectorStore& store, int64_t first, int64_t last, bool several) {
  std::vector<float> rows;
  std::vector<int64_t> counts;
  for (int64_t i = first; i < last; ++i) {
    counts.push_back(several ? i % 3 : 1);
    for (int64_t k = 0; k < counts.back() * kWidth; ++k)
      rows.push_back(static_cast<float>(i) + static_cast<float>(k) / 100);
  }
  store.append(rows.data(), counts);
}

VectorStoreOptions options_for(const std::string& output, bool several, bool resume = false) {
  return {.output = output, .identity = "model a", .width = kWidth, .several = several, .resume = resume};
}

// What a run writes that is never ended.
std::string written_at_once(const std::string& output, bool several) {
  VectorStore store(options_for(output, several));
  append(store, 0, 20, several);
  store.finish();
  return read_file(output);
}

}  // namespace

CATCH_TEST_CASE("vectors: a run that is ended anywhere goes on and ends with the same bytes", "[unit]") {
  const TemporaryFolder folder;
  for (const bool several : {false, true}) {
    const std::string whole = written_at_once(folder.file(text("whole", several, ".safetensors")), several);
    const std::string output = folder.file(text("cut", several, ".safetensors")),
                      partial = output + ".partial";
    {
      VectorStore store(options_for(output, several));
      append(store, 0, 7, several);
    }
    // The last window reached the files, but not the journal, whose last line is cut.
    std::ofstream(partial + "/vectors", std::ios::app) << "half a window";
    std::ofstream(partial + "/offsets", std::ios::app) << "half";
    std::ofstream(partial + "/journal.jsonl", std::ios::app) << "{\"inputs\":9,\"ro";
    for (int64_t begin = 7; begin < 20; begin += 4) {
      VectorStore store(options_for(output, several, /*resume=*/true));
      CATCH_REQUIRE(store.done() == begin);
      append(store, begin, std::min<int64_t>(20, begin + 4), several);
    }
    VectorStore store(options_for(output, several, true));
    CATCH_CHECK(store.done() == 20);
    CATCH_CHECK_FALSE(fs::exists(output));
    store.finish();
    CATCH_CHECK(read_file(output) == whole);
    CATCH_CHECK_FALSE(fs::exists(partial));
  }
}

CATCH_TEST_CASE("vectors: HDF5 holds what safetensors holds", "[unit]") {
  const TemporaryFolder folder;
  const std::string bytes = written_at_once(folder.file("a.safetensors"), true);
  written_at_once(folder.file("a.h5"), true);
  const Hdf5File file = Hdf5File::open(folder.file("a.h5"));
  const std::vector<float> rows = file.read<float>("vectors");
  const std::vector<int64_t> offsets = file.read<int64_t>("offsets");
  CATCH_CHECK(file.info("vectors").shape == std::vector<int64_t>{19, kWidth});
  CATCH_CHECK(offsets.size() == 21);
  CATCH_CHECK(offsets.back() == 19);
  const std::string tail(reinterpret_cast<const char*>(rows.data()), rows.size() * sizeof(float));
  CATCH_CHECK(bytes.find(tail) == 4096);
}

CATCH_TEST_CASE("vectors: what would be lost or mixed up is refused", "[unit]") {
  const TemporaryFolder folder;
  const std::string output = folder.file("v.safetensors");
  {
    VectorStore store(options_for(output, false));
    append(store, 0, 3, false);
  }
  CATCH_CHECK_THROWS_WITH(VectorStore(options_for(output, false)),
                          Contains("an unfinished output is there already") && Contains("--resume"));
  VectorStoreOptions other = options_for(output, false, true);
  other.identity = "model b";
  CATCH_CHECK_THROWS_WITH(VectorStore(other), Contains("of another job") && Contains("model a"));
  VectorStore(options_for(output, false, true)).finish();
  CATCH_CHECK_THROWS_WITH(VectorStore(options_for(output, false)), Contains("is there already"));
  CATCH_CHECK_THROWS_WITH(VectorStore(options_for(folder.file("v.npy"), false)),
                          Contains("expected .h5, .hdf5 or .safetensors"));
  CATCH_CHECK_THROWS_WITH(VectorStore(options_for(folder.file("no/v.h5"), false)),
                          Contains("cannot create the folder"));
}

CATCH_TEST_CASE("vectors: two processes do not go on with one output", "[unit]") {
  const TemporaryFolder folder;
  const std::string output = folder.file("v.safetensors");
  VectorStore first(options_for(output, false));
  append(first, 0, 3, false);
  CATCH_CHECK_THROWS_WITH(VectorStore(options_for(output, false, true)),
                          Contains("another process is at work on it"));
  append(first, 3, 20, false);
  first.finish();
  CATCH_CHECK(read_file(output) == written_at_once(folder.file("w.safetensors"), false));
}
