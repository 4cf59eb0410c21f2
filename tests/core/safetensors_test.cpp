// Tensors out and back, a file of Python's library, and files that are not what they should be.
#include <ATen/ATen.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <filesystem>

#include "src/core/error.h"
#include "src/core/files.h"
#include "src/core/safetensors.h"
#include "src/core/text.h"

using namespace athanor;
using Catch::Matchers::Contains;

namespace {

class TemporaryFile {
 public:
  TemporaryFile()
      : path_(std::filesystem::temp_directory_path() / text("athanor-", ::getpid(), ".safetensors")) {}
  ~TemporaryFile() { std::filesystem::remove(path_); }
  const std::string& path() const { return path_; }
  void write(const std::string& header, const std::string& data) const {
    const uint64_t length = header.size();
    std::string bytes(8, '\0');
    std::memcpy(bytes.data(), &length, 8);
    write_file_atomically(path_, bytes + header + data);
  }

 private:
  std::string path_;
};

TensorMap every_type() {
  TensorMap tensors;
  for (const at::ScalarType type :
       {at::kBool, at::kByte, at::kHalf, at::kBFloat16, at::kInt, at::kFloat, at::kLong, at::kDouble})
    tensors.set(c10::toString(type), at::arange(6).view({2, 3}).to(type));
  tensors.set("scalar", at::scalar_tensor(2.5));
  tensors.set("empty", at::empty({0, 4}));
  tensors.set("transposed", at::arange(6, at::kFloat).view({2, 3}).t());
  return tensors;
}

}  // namespace

CATCH_TEST_CASE("safetensors: every type comes back with its shape and bits", "[unit]") {
  const TemporaryFile file;
  const TensorMap tensors = every_type();
  write_safetensors(file.path(), tensors, {{"who", "athanor"}, {"quote", "\"\n"}});
  const Safetensors read = read_safetensors(file.path());
  CATCH_CHECK(read.metadata == std::map<std::string, std::string>{{"who", "athanor"}, {"quote", "\"\n"}});
  CATCH_REQUIRE(read.tensors.size() == tensors.size());
  for (const auto& [name, tensor] : tensors) {
    CATCH_INFO(name);
    CATCH_CHECK(read.tensors.at(name).scalar_type() == tensor.scalar_type());
    CATCH_CHECK(read.tensors.at(name).equal(tensor));
  }
}

CATCH_TEST_CASE("safetensors: tensors outlive the maps and files that they came from", "[unit]") {
  at::Tensor kept;
  {
    const TemporaryFile file;
    write_safetensors(file.path(), {{"x", at::arange(1000, at::kFloat)}});
    kept = read_safetensors(file.path()).tensors.at("x");
  }
  CATCH_CHECK(kept.sum().item<double>() == 499500);
}

CATCH_TEST_CASE("safetensors: a file of Python's safetensors loads", "[unit][parity]") {
  // safetensors 0.8.0, by scripts/golden/make_safetensors.py.
  const Safetensors read = read_safetensors(ATHANOR_SOURCE_DIR "/tests/core/golden/python.safetensors");
  CATCH_CHECK(read.metadata.at("made_by") == "python");
  CATCH_CHECK(read.tensors.at("f32").equal(at::arange(12, at::kFloat).view({3, 4}) / 4));
  CATCH_CHECK(read.tensors.at("i64").equal(at::tensor({-1, 0, 1}, at::kLong)));
  CATCH_CHECK(read.tensors.at("bf16").equal(at::tensor({0.5f, -2.0f}).to(at::kBFloat16)));
  CATCH_CHECK(read.tensors.at("flag").equal(at::tensor({1, 0, 1}, at::kLong).to(at::kBool)));
}

CATCH_TEST_CASE("safetensors: a file cut anywhere is refused", "[unit]") {
  const TemporaryFile file;
  write_safetensors(file.path(), {{"x", at::arange(20, at::kFloat)}, {"y", at::ones({3}, at::kLong)}});
  const std::string whole = read_file(file.path());
  for (size_t bytes = 0; bytes < whole.size(); ++bytes) {
    write_file_atomically(file.path(), std::string_view(whole).substr(0, bytes));
    CATCH_INFO(bytes << " of " << whole.size() << " bytes");
    CATCH_CHECK_THROWS_AS(read_safetensors(file.path()), Error);
  }
}

CATCH_TEST_CASE("safetensors: bad headers are refused in words", "[unit]") {
  const TemporaryFile file;
  const auto refuses = [&](const std::string& header, const std::string& data, const std::string& words) {
    file.write(header, data);
    CATCH_INFO(header);
    CATCH_CHECK_THROWS_WITH(read_safetensors(file.path()), Contains(words));
  };
  const std::string f32 = R"({"x":{"dtype":"F32","shape":[2],"data_offsets":)";
  refuses("no json", "", "not a JSON object");
  refuses("[1]", "", "not a JSON object");
  refuses(R"({"x":{"dtype":"F32"}})", "", "bad header entry");
  refuses(R"({"x":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})", "12345678", "bad header entry");
  refuses(R"({"x":{"dtype":"F8","shape":[2],"data_offsets":[0,2]}})", "12", "cannot be read");
  refuses(f32 + "[0,4]}}", "1234", "offsets do not fit");
  refuses(f32 + "[8,0]}}", "12345678", "offsets do not fit");
  refuses(f32 + "[0,8]}}", "1234", "cut");
  refuses(f32 + "[0,8]}}", "123456789", "bytes after");
  refuses(f32 + "[4,12]}}", "123456789012", "a hole");
  refuses(f32 + R"([0,8]},"y":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})", "123456789012",
          "overlap");
  refuses(R"({"x":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}})", "",
          "offsets do not fit");
  write_file_atomically(file.path(), std::string("\xff\xff\xff\xff\xff\xff\xff\x7f{}", 10));
  CATCH_CHECK_THROWS_WITH(read_safetensors(file.path()), Contains("not a safetensors file"));
  CATCH_CHECK_THROWS_WITH(read_safetensors("/nowhere/x.safetensors"), Contains("/nowhere/x.safetensors"));
}
