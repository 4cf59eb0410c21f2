#include "data/vectors/vector_store.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "data/hdf5/hdf5_file.h"
#include "src/core/error.h"
#include "src/core/files.h"
#include "src/core/text.h"

namespace athanor {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr int64_t kHeaderBytes = 4096;  // at the head of `vectors`, for the safetensors header

bool is_hdf5(const std::string& path) { return path.ends_with(".h5") || path.ends_with(".hdf5"); }

}  // namespace

VectorStore::VectorStore(const VectorStoreOptions& options)
    : options_(options), folder_(options.output + ".partial") {
  const std::string& output = options_.output;
  if (!is_hdf5(output) && !output.ends_with(".safetensors"))
    throw usage_error({output, "a kind of file that is not known", ".h5, .hdf5 or .safetensors"});
  if (fs::exists(output))
    throw usage_error({output, "is there already", "", "", "remove it, or take another name"});
  const std::string journal = folder_ + "/journal.jsonl";
  if (fs::exists(journal)) {
    if (!options_.resume)
      throw usage_error({folder_, "an unfinished output is there already", "", "",
                         "go on with --resume, or remove the folder"});
    go_on(journal);
  } else {
    start_anew(journal);
  }
}

void VectorStore::start_anew(const std::string& journal) {
  std::error_code failed;
  fs::remove_all(folder_, failed);
  fs::create_directory(folder_, failed);
  if (failed)
    throw usage_error(
        {folder_, "cannot create the folder: " + failed.message(), "", "", "does its parent exist?"});
  vectors_ = std::make_unique<RawFile>(folder_ + "/vectors", /*create=*/true);
  vectors_->resize(kHeaderBytes);
  offsets_ = std::make_unique<RawFile>(folder_ + "/offsets", /*create=*/true);
  write_file_atomically(journal,
                        Json({{"identity", options_.identity}, {"width", options_.width}}).dump() + "\n");
  journal_ = std::make_unique<RawFile>(journal);
  journal_->claim();
}

// The journal's whole lines count: the last one may be cut. What was written beyond them is cut off.
void VectorStore::go_on(const std::string& journal) {
  journal_ = std::make_unique<RawFile>(journal);
  journal_->claim();
  const std::string content = read_file(journal);
  const std::string whole = content.substr(0, content.rfind('\n') + 1);
  std::istringstream lines(whole);
  std::string line;
  std::getline(lines, line);
  const Json head = Json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!head.is_object() || head.value("identity", "") != options_.identity ||
      head.value("width", int64_t{0}) != options_.width)
    throw usage_error({folder_, "the unfinished output is of another job", options_.identity,
                       head.is_object() ? head.value("identity", "") : "",
                       "give the same model, input and options, or remove the folder"});
  while (std::getline(lines, line)) {
    const Json entry = Json::parse(line, nullptr, false);
    if (!entry.is_object()) throw Error({journal, "not what it should be", "a JSON object a line", line});
    done_ = entry.value("inputs", done_);
    rows_ = entry.value("rows", rows_);
  }
  const int64_t row_bytes = options_.width * static_cast<int64_t>(sizeof(float));
  vectors_ = std::make_unique<RawFile>(folder_ + "/vectors");
  vectors_->resize(kHeaderBytes + rows_ * row_bytes);
  offsets_ = std::make_unique<RawFile>(folder_ + "/offsets");
  offsets_->resize(done_ * static_cast<int64_t>(sizeof(int64_t)));
  journal_->resize(static_cast<int64_t>(whole.size()));
}

void VectorStore::append(const float* vectors, const std::vector<int64_t>& counts) {
  std::vector<int64_t> begins;
  int64_t rows = rows_;
  for (const int64_t count : counts) {
    begins.push_back(rows);
    rows += count;
  }
  vectors_->append(vectors, static_cast<size_t>((rows - rows_) * options_.width) * sizeof(float));
  offsets_->append(begins.data(), begins.size() * sizeof(int64_t));
  vectors_->sync();
  offsets_->sync();
  done_ += static_cast<int64_t>(counts.size());
  rows_ = rows;
  journal_->append(Json({{"inputs", done_}, {"rows", rows_}}).dump() + "\n");
  journal_->sync();
}

std::vector<int64_t> VectorStore::all_offsets() {
  std::vector<int64_t> offsets(static_cast<size_t>(done_) + 1, rows_);
  offsets_->read(0, offsets.data(), static_cast<size_t>(done_) * sizeof(int64_t));
  return offsets;
}

// The rows are where safetensors has them already: the header goes before them, the offsets behind.
void VectorStore::write_safetensors_ends() {
  const int64_t bytes = rows_ * options_.width * static_cast<int64_t>(sizeof(float));
  Json header = {
      {"vectors", {{"dtype", "F32"}, {"shape", {rows_, options_.width}}, {"data_offsets", {0, bytes}}}}};
  if (options_.several) {
    const int64_t end = bytes + (done_ + 1) * static_cast<int64_t>(sizeof(int64_t));
    header["offsets"] = {{"dtype", "I64"}, {"shape", {done_ + 1}}, {"data_offsets", {bytes, end}}};
    const std::vector<int64_t> offsets = all_offsets();
    vectors_->append(offsets.data(), offsets.size() * sizeof(int64_t));
  }
  std::string head = header.dump();
  head.resize(kHeaderBytes - sizeof(uint64_t), ' ');
  const uint64_t length = head.size();
  std::string bytes_of_length(sizeof(length), '\0');
  std::memcpy(bytes_of_length.data(), &length, sizeof(length));
  vectors_->write(0, bytes_of_length.data(), bytes_of_length.size());
  vectors_->write(static_cast<int64_t>(sizeof(length)), head.data(), head.size());
}

void VectorStore::write_hdf5() {
  constexpr int64_t kBlockBytes = 16 << 20;
  AtomicPath target(options_.output);
  Hdf5File file = Hdf5File::create(target.path());
  const int64_t width = options_.width, row_bytes = width * static_cast<int64_t>(sizeof(float)),
                most = std::max<int64_t>(1, kBlockBytes / row_bytes);
  file.create_dataset<float>("vectors", {rows_, width});
  std::vector<float> block(static_cast<size_t>(std::min(most, rows_) * width));
  for (int64_t row = 0; row < rows_; row += most) {
    const int64_t count = std::min(most, rows_ - row);
    vectors_->read(kHeaderBytes + row * row_bytes, block.data(), static_cast<size_t>(count * row_bytes));
    file.write_rows<float>("vectors", row, count, block.data());
  }
  if (options_.several) file.write<int64_t>("offsets", all_offsets(), {done_ + 1});
  file.close();
  target.commit();
}

void VectorStore::finish() {
  if (is_hdf5(options_.output)) {
    write_hdf5();
  } else {
    write_safetensors_ends();
    vectors_->sync();
    std::error_code failed;
    fs::rename(vectors_->path(), options_.output, failed);
    if (failed) throw Error({options_.output, "cannot rename into place: " + failed.message()});
  }
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

}  // namespace athanor
