#include "data/hdf5/hdf5_file.h"

#include <sys/resource.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <fstream>

#include "src/core/error.h"
#include "src/core/files.h"
#include "tests/data/test_files.h"

using namespace athanor;
using Catch::Matchers::Contains;

CATCH_TEST_CASE("hdf5 file: what is written is read back, contiguous and compressed", "[unit]") {
  const TemporaryFolder folder;
  const std::string path = folder.file("a.h5");
  const std::vector<float> floats = {1, -2, 3.5F, 4, 5, 6};
  const std::vector<int64_t> counts = {1, int64_t{1} << 60, -3};
  {
    Hdf5File file = Hdf5File::create(path);
    file.write<float>("group/deep/floats", floats, {3, 2});
    file.write<float>("gzip", floats, {3, 2}, {.chunk_rows = 2, .gzip_level = 4, .shuffle = true});
    file.write<int64_t>("counts", counts, {3});
    file.write<double>("one", std::vector<double>{0.1}, {});
    file.write<float>("none", std::vector<float>{}, {0, 2});
    file.write_text("text", "grüße\n{}");
    file.create_dataset<float>("rows", {3, 2});
    file.write_rows<float>("rows", 1, 2, floats.data() + 2);
    file.write_rows<float>("rows", 0, 1, floats.data());
    file.close();
  }
  const Hdf5File file = Hdf5File::open(path);
  CATCH_CHECK(file.read<float>("group/deep/floats") == floats);
  CATCH_CHECK(file.read<float>("gzip") == floats);
  CATCH_CHECK(file.read<float>("rows") == floats);
  CATCH_CHECK(file.read<int64_t>("counts") == counts);
  CATCH_CHECK(file.read<double>("one") == std::vector<double>{0.1});
  CATCH_CHECK(file.read<float>("none").empty());
  CATCH_CHECK(file.read_text("text") == "grüße\n{}");
  std::vector<double> middle(2);
  file.read_rows("rows", 1, 1, middle.data());
  CATCH_CHECK(middle == std::vector<double>{3.5, 4});
  CATCH_CHECK(file.list("/") ==
              std::vector<std::string>{"counts", "group", "gzip", "none", "one", "rows", "text"});
  CATCH_CHECK(file.list("group/deep") == std::vector<std::string>{"floats"});
  CATCH_CHECK(file.list("nowhere").empty());
  CATCH_CHECK((file.has("group/deep") && file.has("/gzip") && !file.has("group/no/floats")));
  const Hdf5Info info = file.info("gzip");
  CATCH_CHECK(info.chunked);
  CATCH_CHECK(info.chunk_shape == std::vector<int64_t>{2, 2});
  CATCH_CHECK(info.filters == std::vector<std::string>{"shuffle", "deflate"});
  CATCH_CHECK((info.native && info.type == NumberType::kFloat32));
}

CATCH_TEST_CASE("hdf5 file: types of files that h5py wrote are named", "[unit]") {
  const Hdf5File file = Hdf5File::open(golden("rows.h5"));
  const auto type = [&](const std::string& name) { return file.info(name).type_text; };
  CATCH_CHECK(type("contiguous") == "float32");
  CATCH_CHECK(type("big_endian") == "float32 big-endian");
  CATCH_CHECK(type("float16") == "float16");
  CATCH_CHECK(type("int16_big_endian") == "int16 big-endian");
  CATCH_CHECK(type("text") == "string");
  CATCH_CHECK(file.info("empty").shape == std::vector<int64_t>{0, 6, 5});
  CATCH_CHECK_THAT(file.read_text("made_with"), Contains("h5py 3.16.0"));
}

CATCH_TEST_CASE("hdf5 file: what cannot be opened is told in one line", "[unit]") {
  const TemporaryFolder folder;
  const auto open = [](const std::string& path) { Hdf5File::open(path); };
  CATCH_CHECK_THROWS_WITH(open(folder.file("none.h5")), Contains("none.h5") && Contains("No such file"));
  CATCH_CHECK_THROWS_WITH(open(folder.file("")), Contains("Is a directory"));
  std::ofstream(folder.file("text.h5")) << "time,open,close\n";
  CATCH_CHECK_THROWS_WITH(open(folder.file("text.h5")), Contains("not an HDF5 file"));
  std::ofstream(folder.file("empty.h5")).flush();
  CATCH_CHECK_THROWS_WITH(open(folder.file("empty.h5")), Contains("not an HDF5 file"));
  for (const int64_t bytes : {100, 2000, 60000}) {
    const std::string cut = folder.file("cut.h5");
    std::filesystem::copy_file(golden("rows.h5"), cut, std::filesystem::copy_options::overwrite_existing);
    std::filesystem::resize_file(cut, static_cast<uintmax_t>(bytes));
    CATCH_CHECK_THROWS_WITH(open(cut), Contains("truncated"));
  }
}

CATCH_TEST_CASE("hdf5 file: an unknown dataset lists what the file holds", "[unit]") {
  const Hdf5File file = Hdf5File::open(golden("foreign_windows.h5"));
  CATCH_CHECK_THROWS_WITH(file.read<float>("sequences/M2"), Contains("no dataset 'sequences/M2'") &&
                                                                Contains("did you mean 'sequences/M1'?") &&
                                                                Contains("labels/direction"));
  CATCH_CHECK_THROWS_WITH(file.read<float>("sequences"), Contains("is not a dataset"));
  CATCH_CHECK_THROWS_WITH(file.read<float>("feature_names"), Contains("expected numbers, got string"));
  CATCH_CHECK_THROWS_WITH(file.read_text("time"), Contains("expected text, got int64"));
  CATCH_CHECK(file.read_texts("feature_names") == std::vector<std::string>{"open", "close", "volume"});
}

CATCH_TEST_CASE("hdf5 file: a filter that is not installed is named, with a way out", "[unit]") {
  const Hdf5File file = Hdf5File::open(golden("lz4.h5"));
  CATCH_CHECK_THROWS_WITH(file.read<float>("features"),
                          Contains("lz4 (32004)") && Contains("h5repack -f GZIP=4"));
  CATCH_CHECK_THROWS_WITH(Hdf5File::open(golden("rows.h5")).read<float>("lzf"), Contains("lzf (32000)"));
}

CATCH_TEST_CASE("hdf5 file: a write that does not fit is an error with the system's reason", "[unit]") {
  const TemporaryFolder folder;
  CATCH_CHECK_THROWS_WITH(Hdf5File::create(folder.file("no/such/folder.h5")), Contains("No such file"));
  // A limit on the size of files stands for a full disk.
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{.rlim_cur = 64 << 10, .rlim_max = before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  std::string message;
  try {
    Hdf5File file = Hdf5File::create(folder.file("large.h5"));
    file.write<float>("large", std::vector<float>(1 << 20), {1 << 20});
    file.close();
  } catch (const Error& error) {
    message = error.what();
  }
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  CATCH_CHECK_THAT(message, Contains("large.h5") && Contains("File too large"));
}

CATCH_TEST_CASE(
    "hdf5 file: texts, attributes and boxes are read back, and a file has the same bytes each time",
    "[unit]") {
  const TemporaryFolder folder;
  const std::vector<std::string> names = {"a", "", "grüße"};
  const std::vector<double> values = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
  const auto write = [&](const std::string& path) {
    Hdf5File file = Hdf5File::create(path);
    file.write_texts("names", names);
    file.write_texts("nobody", {});
    file.write<double>("box", values, {2, 3, 2});
    file.write_attribute("box", "axes", names);
    file.write_attribute("/", "what", std::string("a file"));
    file.create_dataset<double>("reserved", {1000, 3}, {.reserved = true});
    file.close();
  };
  write(folder.file("a.h5"));
  write(folder.file("b.h5"));
  CATCH_CHECK(read_file(folder.file("a.h5")) == read_file(folder.file("b.h5")));
  const Hdf5File file = Hdf5File::open(folder.file("a.h5"));
  CATCH_CHECK(file.read_texts("names") == names);
  CATCH_CHECK(file.read_texts("nobody").empty());
  CATCH_CHECK(file.read_attribute("box", "axes") == names);
  CATCH_CHECK(file.read_attribute("/", "what") == std::vector<std::string>{"a file"});
  CATCH_CHECK(file.read_attribute("/", "nothing").empty());
  CATCH_CHECK(file.read_box<double>("box", {0, 1, 1}, {2, 2, 1}) == std::vector<double>{3, 5, 9, 11});
  CATCH_CHECK(file.offset_bytes("reserved") > 0);
  CATCH_CHECK(read_file(folder.file("a.h5")).size() >=
              static_cast<size_t>(file.offset_bytes("reserved")) + 24000);
}
