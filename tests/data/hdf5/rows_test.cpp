#include "data/hdf5/rows.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <numeric>
#include <utility>

#include "data/hdf5/finite.h"
#include "src/core/error.h"
#include "src/core/random.h"
#include "src/core/thread_pool.h"
#include "tests/data/test_files.h"

using namespace athanor;
using Catch::Matchers::Contains;

namespace {

constexpr int64_t kN = 27, kT = 6, kF = 5;

float expected(int64_t i, int64_t t, int64_t f) {
  return static_cast<float>((31 * i + 7 * t + 3 * f) % 256 - 128) / 16;
}

// The chosen rows, read into batches of 4 that are 64-byte aligned as in a chunk.
template <class T>
std::vector<std::vector<T>> read(const std::string& path, const std::string& dataset,
                                 const std::vector<int64_t>& rows, int threads = 0,
                                 bool check_finite = false) {
  RowReader::Options options;
  options.type = std::is_same_v<T, float> ? RowType::kFloat32 : RowType::kInt64;
  options.check_finite = check_finite;
  options.feature_names = {"open", "high", "low", "close", "volume"};
  const RowReader reader(Hdf5File::open(path), dataset, options);
  ThreadPool pool(threads);
  const int64_t bytes = reader.row_bytes();
  const int64_t stride = (4 * bytes + 63) / 64 * 64;
  std::vector<char> block(static_cast<size_t>(stride) * (rows.size() / 4 + 1), '\x55');
  const SlotArray slots{block.data(), bytes, 4, stride};
  reader.read(rows, slots, pool);
  std::vector<std::vector<T>> out;
  for (size_t j = 0; j < rows.size(); ++j) {
    out.emplace_back(static_cast<size_t>(bytes) / sizeof(T));
    std::memcpy(out.back().data(), slots.slot(static_cast<int64_t>(j)), static_cast<size_t>(bytes));
  }
  return out;
}

std::vector<float> expected_row(int64_t i) {
  std::vector<float> row;
  for (int64_t t = 0; t < kT; ++t)
    for (int64_t f = 0; f < kF; ++f) row.push_back(expected(i, t, f));
  return row;
}

std::vector<std::vector<float>> expected_rows(const std::vector<int64_t>& rows) {
  std::vector<std::vector<float>> out;
  for (int64_t i : rows) out.push_back(expected_row(i));
  return out;
}

std::vector<int64_t> all_rows() {
  std::vector<int64_t> rows(kN);
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

const std::vector<int64_t> kSome = {26, 3, 3, 0, 17, 9, 25, 24, 8, 15, 16, 1};

}  // namespace

CATCH_TEST_CASE("rows: however h5py stored them, the same rows come out", "[unit]") {
  for (const char* dataset :
       {"contiguous", "chunked", "gzip", "shuffle_gzip", "fletcher32", "shuffle_gzip_fletcher32", "grid",
        "grid_gzip", "grid_one_column", "resizable", "float64", "float64_gzip", "float16", "big_endian",
        "big_endian_gzip", "skipped_filters", "virtual"}) {
    for (const int threads : {0, 3}) {
      CATCH_INFO(dataset << ", " << threads << " threads");
      CATCH_CHECK(read<float>(golden("rows.h5"), dataset, all_rows(), threads) == expected_rows(all_rows()));
      CATCH_CHECK(read<float>(golden("rows.h5"), dataset, kSome, threads) == expected_rows(kSome));
    }
  }
}

CATCH_TEST_CASE("rows: integers of any width become int64", "[unit]") {
  for (const char* dataset : {"int64", "int64_gzip", "int32", "int16_big_endian", "float_counts"}) {
    CATCH_INFO(dataset);
    const auto rows = read<int64_t>(golden("rows.h5"), dataset, kSome, 2);
    for (size_t j = 0; j < kSome.size(); ++j)
      CATCH_CHECK(rows[j] == std::vector<int64_t>{31 * kSome[j] % 256 - 128});
  }
}

CATCH_TEST_CASE("rows: chunks that were never written hold the fill value", "[unit]") {
  const auto rows = read<float>(golden("rows.h5"), "unallocated", {7, 8, 15, 16}, 2);
  const std::vector<float> fill(kT * kF, 2.5F);
  CATCH_CHECK(rows == std::vector<std::vector<float>>{expected_row(7), fill, fill, expected_row(16)});
  CATCH_CHECK(read<float>(golden("rows.h5"), "never_written", {0, 26})[1] == fill);
}

CATCH_TEST_CASE("rows: large and small rows, near and far, equal what HDF5 reads itself", "[unit]") {
  const TemporaryFolder folder;
  const std::string path = folder.file("large.h5");
  constexpr int64_t kRows = 300;
  for (const int64_t width : {1, 33, 2000, 20003}) {
    Rng random(static_cast<uint64_t>(width));
    std::vector<float> values(static_cast<size_t>(kRows * width));
    for (float& value : values) value = static_cast<float>(random.normal());
    {
      Hdf5File file = Hdf5File::create(path);
      file.write<float>("plain", values, {kRows, width});
      file.write<float>("gzip", values, {kRows, width}, {.chunk_rows = 64, .gzip_level = 1, .shuffle = true});
      file.close();
    }
    std::vector<int64_t> rows = permutation(kRows, 7);
    rows.resize(250);
    for (const char* dataset : {"plain", "gzip"}) {
      CATCH_INFO(dataset << ", " << width << " wide");
      const auto got = read<float>(path, dataset, rows, 2, true);
      bool same = true;
      for (size_t j = 0; j < rows.size(); ++j)
        same = same && std::equal(got[j].begin(), got[j].end(), values.begin() + rows[j] * width);
      CATCH_CHECK(same);
    }
  }
}

CATCH_TEST_CASE("rows: NaN is found and named by sample, time step and feature", "[unit]") {
  for (const char* dataset : {"nan", "nan_grid"}) {
    const auto some = [&](bool check) {
      return read<float>(golden("rows.h5"), dataset, {0, 17, 26}, 2, check);
    };
    CATCH_CHECK_THROWS_WITH(some(true), Contains("NaN at sample 17, time step 3, feature 2 ('low')") &&
                                            Contains("check_finite=false"));
    CATCH_CHECK(std::isnan(some(false)[1][3 * kF + 2]));
  }
  CATCH_CHECK_NOTHROW(read<float>(golden("rows.h5"), "nan", {0, 1, 16, 18}, 2, true));
}

CATCH_TEST_CASE("rows: damaged chunks are errors that name file, dataset and chunk", "[unit]") {
  const auto read_all = [](const std::string& file) { read<float>(golden(file), "features", all_rows(), 2); };
  CATCH_CHECK_THROWS_WITH(read_all("corrupt_deflate.h5"), Contains("corrupt_deflate.h5: features") &&
                                                              Contains("chunk [1,0,0]") &&
                                                              Contains("deflate"));
  CATCH_CHECK_THROWS_WITH(read_all("bad_checksum.h5"), Contains("chunk [1,0,0]") && Contains("checksum"));
  CATCH_CHECK_THROWS_WITH(read_all("lz4.h5"), Contains("lz4 (32004)"));
  CATCH_CHECK_NOTHROW(read<float>(golden("corrupt_deflate.h5"), "features", {0, 7, 16, 26}));
}

CATCH_TEST_CASE("rows: a file that is cut short while it is open is an error, not a crash", "[unit]") {
  const TemporaryFolder folder;
  const std::string path = folder.file("rows.h5");
  constexpr int64_t kRows = 20, kWide = 40000;
  for (const char* dataset : {"narrow", "wide", "gzip"}) {
    {
      const std::vector<float> values(kRows * kWide, 1.5F);
      Hdf5File file = Hdf5File::create(path);
      file.write<float>("narrow", std::span(values).first(kRows * 3000), {kRows, 3000});
      file.write<float>("wide", values, {kRows, kWide});
      file.write<float>("gzip", values, {kRows, kWide}, {.chunk_rows = 2, .gzip_level = 1});
      file.close();
    }
    const RowReader reader(Hdf5File::open(path), dataset, {});
    ThreadPool pool(1);
    std::vector<char> block(static_cast<size_t>(kRows * reader.row_bytes()));
    const SlotArray slots{block.data(), reader.row_bytes(), kRows, 0};
    const std::vector<int64_t> some = {0, 1, 19};
    CATCH_CHECK_NOTHROW(reader.read(some, slots, pool));
    std::filesystem::resize_file(path, 1000);
    CATCH_CHECK_THROWS_WITH(reader.read(some, slots, pool), Contains(dataset) && Contains("truncated?"));
  }
}

CATCH_TEST_CASE("rows: a value that is not finite is found wherever it lies", "[unit]") {
  std::vector<float> values(150, -1e38F), copy(160);
  for (const float bad : {std::nanf(""), -std::nanf("1"), HUGE_VALF, -HUGE_VALF})
    for (size_t at = 0; at < values.size(); ++at) {
      const float before = std::exchange(values[at], bad);
      const auto* from = reinterpret_cast<const char*>(values.data());
      bool missed = all_finite(from, 150);
      for (size_t shift = 0; shift < 4; ++shift)
        missed = missed || copy_and_check(from, reinterpret_cast<char*>(copy.data() + shift), 600);
      CATCH_CHECK_FALSE(missed);
      values[at] = before;
    }
  const auto* from = reinterpret_cast<const char*>(values.data());
  CATCH_CHECK(all_finite(from, 150));
  CATCH_CHECK(copy_and_check(from, reinterpret_cast<char*>(copy.data() + 1), 600));
  CATCH_CHECK(std::equal(values.begin(), values.end(), copy.begin() + 1));
}

CATCH_TEST_CASE("rows: what has no rows of numbers is refused", "[unit]") {
  const Hdf5File file = Hdf5File::open(golden("rows.h5"));
  CATCH_CHECK_THROWS_WITH(RowReader(file, "text", {}), Contains("expected numbers, got string"));
  CATCH_CHECK_THROWS_WITH(RowReader(file, "contigous", {}), Contains("did you mean 'contiguous'"));
  CATCH_CHECK(RowReader(file, "empty", {}).rows() == 0);
}
