// Claims about files: whole or not at all.
#include "src/core/files.h"

#include <sys/resource.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>

#include "src/core/error.h"

using namespace athanor;
namespace fs = std::filesystem;

namespace {

struct Folder {
  fs::path path = fs::temp_directory_path() / "athanor_files_test";
  Folder() {
    fs::remove_all(path);
    fs::create_directories(path);
  }
  ~Folder() { fs::remove_all(path); }
  std::string operator/(const std::string& name) const { return path / name; }
  size_t entries() const { return std::distance(fs::directory_iterator(path), fs::directory_iterator()); }
};

}  // namespace

CATCH_TEST_CASE("files: a written file holds what was given and leaves no temporary", "[unit]") {
  const Folder folder;
  write_file_atomically(folder / "a", "one");
  write_file_atomically(folder / "a", std::string("t\0wo", 4));
  CATCH_CHECK(read_file(folder / "a") == std::string("t\0wo", 4));
  CATCH_CHECK(folder.entries() == 1);
}

CATCH_TEST_CASE("files: an uncommitted path leaves nothing", "[unit]") {
  const Folder folder;
  {
    AtomicPath unfinished(folder / "model");
    unfinished.create_directory();
    write_file_atomically(unfinished.path() + "/part", "x");
  }
  CATCH_CHECK(folder.entries() == 0);
}

CATCH_TEST_CASE("files: a folder appears whole under its name", "[unit]") {
  const Folder folder;
  AtomicPath whole(folder / "model");
  whole.create_directory();
  write_file_atomically(whole.path() + "/part", "x");
  CATCH_CHECK_FALSE(fs::exists(folder / "model"));
  whole.commit();
  CATCH_CHECK(read_file(folder / "model/part") == "x");
  CATCH_CHECK(folder.entries() == 1);
}

CATCH_TEST_CASE("files: a write that fails midway keeps the old file and says why", "[unit]") {
  const Folder folder;
  write_file_atomically(folder / "a", "old");
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const rlimit small{1000, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  std::string message;
  try {
    write_file_atomically(folder / "a", std::string(5000, 'x'));
  } catch (const Error& error) {
    message = error.what();
  }
  setrlimit(RLIMIT_FSIZE, &before);
  CATCH_CHECK(message.find("cannot write: File too large") != std::string::npos);
  CATCH_CHECK(message.find("nothing was replaced") != std::string::npos);
  CATCH_CHECK(read_file(folder / "a") == "old");
  CATCH_CHECK(folder.entries() == 1);
}

CATCH_TEST_CASE("files: missing files and folders are named", "[unit]") {
  const Folder folder;
  CATCH_CHECK_THROWS_WITH(read_file(folder / "none"), Catch::Contains("none: cannot read"));
  CATCH_CHECK_THROWS_WITH(write_file_atomically(folder / "no/such", "x"),
                          Catch::Contains("does its folder exist?"));
}

CATCH_TEST_CASE("files: a link is replaced in one step", "[unit]") {
  const Folder folder;
  replace_symlink("one", folder / "last");
  replace_symlink("two", folder / "last");
  CATCH_CHECK(fs::read_symlink(folder / "last") == "two");
  CATCH_CHECK(folder.entries() == 1);
}
