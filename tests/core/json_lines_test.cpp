#include "src/core/json_lines.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "src/core/error.h"
#include "src/core/files.h"

namespace athanor {
namespace {

using Json = nlohmann::ordered_json;

std::string fresh_path(const std::string& name) {
  const std::string path =
      (std::filesystem::temp_directory_path() / (name + std::to_string(::getpid()))).string();
  std::filesystem::remove(path);
  return path;
}

CATCH_TEST_CASE("json lines: objects come back in order with every bit of their doubles", "[unit]") {
  const std::string path = fresh_path("athanor_lines_");
  const double third = 1.0 / 3;
  {
    JsonLines lines(path);
    lines.append({{"step", 1}, {"loss", third}});
    lines.append({{"step", 2}, {"loss", std::numeric_limits<double>::quiet_NaN()}});
    CATCH_CHECK(lines.size_bytes() == static_cast<int64_t>(std::filesystem::file_size(path)));
  }
  std::ifstream file(path);
  std::string first, second;
  std::getline(file, first);
  std::getline(file, second);
  CATCH_CHECK(Json::parse(first)["loss"].get<double>() == third);
  CATCH_CHECK(second == R"({"step":2,"loss":null})");
  std::filesystem::remove(path);
}

CATCH_TEST_CASE("json lines: a torn last line is dropped when the file is opened again", "[unit]") {
  const std::string path = fresh_path("athanor_torn_");
  std::ofstream(path) << "{\"step\":1}\n{\"step\":2,\"lo";
  JsonLines lines(path);
  CATCH_CHECK(read_file(path) == "{\"step\":1}\n");
  lines.append({{"step", 2}});
  CATCH_CHECK(read_file(path) == "{\"step\":1}\n{\"step\":2}\n");
  std::filesystem::remove(path);
}

CATCH_TEST_CASE("json lines: a resumed run drops what came after its checkpoint, and goes on appending",
                "[unit]") {
  const std::string path = fresh_path("athanor_drop_");
  JsonLines lines(path);
  lines.append({{"note", "no step"}});
  for (int step = 1; step <= 4; ++step) lines.append({{"step", step}});
  const int64_t three_lines =
      lines.size_bytes() - 2 * static_cast<int64_t>(std::string("{\"step\":4}\n").size());
  CATCH_SECTION("by step") { lines.drop_after_step(2); }
  CATCH_SECTION("by bytes") { lines.truncate(three_lines); }
  CATCH_CHECK(lines.size_bytes() == three_lines);
  lines.append({{"step", 3}});
  CATCH_CHECK(read_file(path) == "{\"note\":\"no step\"}\n{\"step\":1}\n{\"step\":2}\n{\"step\":3}\n");
  CATCH_CHECK_THROWS_AS(lines.truncate(1 << 20), Error);
  std::filesystem::remove(path);
}

CATCH_TEST_CASE("json lines: a full disk is an error, and leaves whole lines only", "[unit]") {
  const std::string path = fresh_path("athanor_full_");
  const pid_t child = ::fork();
  if (child == 0) {
    // A file size limit stands for the full disk; it binds this child alone.
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{40, 40};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    try {
      JsonLines lines(path);
      for (int step = 1; step <= 10; ++step) lines.append({{"step", step}});
    } catch (const Error& error) {
      ::_exit(std::string(error.what()).find("metrics") != std::string::npos ? 0 : 1);
    }
    ::_exit(2);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  CATCH_CHECK(WIFEXITED(status));
  CATCH_CHECK(WEXITSTATUS(status) == 0);
  CATCH_CHECK(read_file(path) == "{\"step\":1}\n{\"step\":2}\n{\"step\":3}\n");
  std::filesystem::remove(path);
}

CATCH_TEST_CASE("json lines: a folder that does not exist is named", "[unit]") {
  CATCH_CHECK_THROWS_WITH(JsonLines("/nonexistent/metrics.jsonl"),
                          Catch::Contains("/nonexistent/metrics.jsonl") && Catch::Contains("No such file"));
}

}  // namespace
}  // namespace athanor
