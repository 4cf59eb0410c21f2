// Claims about files that are written at places of one's own choosing.
#include "src/core/raw_file.h"

#include <sys/resource.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>

#include "src/core/error.h"
#include "src/core/files.h"

using namespace athanor;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

struct Path {
  std::string path = fs::temp_directory_path() / ("athanor_raw_file_" + std::to_string(::getpid()));
  ~Path() { fs::remove(path); }
};

}  // namespace

CATCH_TEST_CASE("raw file: holds what was written where, and what was appended behind it", "[unit]") {
  const Path path;
  {
    RawFile file(path.path, /*create=*/true);
    file.write(4, "efgh", 4);
    file.write(0, "abcd", 4);
    file.append("ij");
    CATCH_CHECK(file.size_bytes() == 10);
    file.resize(9);
    file.append("J");
    file.sync();
    char middle[3];
    file.read(3, middle, 3);
    CATCH_CHECK(std::string(middle, 3) == "def");
    CATCH_CHECK_THROWS_WITH(file.read(8, middle, 3), Contains(path.path + ": ends too early"));
  }
  RawFile again(path.path);
  again.append("!");
  CATCH_CHECK(read_file(path.path) == "abcdefghiJ!");
}

CATCH_TEST_CASE("raw file: a file that is not there is an error unless it may be made", "[unit]") {
  const Path path;
  CATCH_CHECK_THROWS_WITH(RawFile(path.path), path.path + ": cannot open: No such file or directory");
  CATCH_CHECK_FALSE(fs::exists(path.path));
}

CATCH_TEST_CASE("raw file: only one may claim it at a time", "[unit]") {
  const Path path;
  {
    RawFile first(path.path, /*create=*/true);
    first.claim();
    RawFile second(path.path);
    CATCH_CHECK_THROWS_WITH(second.claim(), Contains("another process is at work on it"));
  }
  RawFile third(path.path);
  CATCH_CHECK_NOTHROW(third.claim());
}

CATCH_TEST_CASE("raw file: a write that fails midway says why and what to do", "[unit]") {
  const Path path;
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{4096, before.rlim_max};
  std::string message;
  {
    RawFile file(path.path, /*create=*/true);
    ::setrlimit(RLIMIT_FSIZE, &small);
    try {
      file.append(std::string(10000, 'x'));
    } catch (const Error& error) {
      message = error.what();
    }
    ::setrlimit(RLIMIT_FSIZE, &before);
  }
  std::signal(SIGXFSZ, handler);
  CATCH_CHECK_THAT(message, Contains("cannot write: File too large") && Contains("go on with --resume"));
  CATCH_CHECK(fs::file_size(path.path) == 4096);
}

CATCH_TEST_CASE("sync path: takes files and folders, and names what is not there", "[unit]") {
  const Path path;
  RawFile(path.path, /*create=*/true).append("x");
  CATCH_CHECK_NOTHROW(sync_path(path.path));
  CATCH_CHECK_NOTHROW(sync_path(fs::path(path.path).parent_path()));
  CATCH_CHECK_THROWS_WITH(sync_path(path.path + ".none"), Contains(".none: cannot write to disk: No such"));
}
