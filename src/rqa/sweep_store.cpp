#include "src/rqa/sweep_store.h"

#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "src/core/error.h"
#include "src/core/files.h"
#include "src/core/text.h"
#include "src/rqa/recording.h"

namespace athanor::rqa {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::chrono::seconds kSyncEvery(2);

}  // namespace

void check_same_sweep(const std::string& where, const SweepHead& there, const SweepHead& wanted) {
  const auto got = describe(there), expected = describe(wanted);
  const auto line = [](const auto& all, size_t i) {
    return i < all.size() ? text(all[i].first, " ", all[i].second.substr(0, 200))
                          : std::string("nothing more");
  };
  for (size_t i = 0; i < std::max(got.size(), expected.size()); ++i)
    if (i >= got.size() || i >= expected.size() || got[i] != expected[i])
      throw usage_error({where, "is of another sweep", line(expected, i), line(got, i),
                         "give the same input and options, or another folder"});
}

SweepStore::SweepStore(const std::string& folder, const SweepHead& head, bool resume)
    : output_(folder + "/sweep.h5"),
      folder_(output_ + ".partial"),
      head_(head),
      done_(head.recordings.size()) {
  std::error_code failed;
  fs::create_directories(folder, failed);
  if (failed) throw usage_error({folder, "cannot create the folder: " + failed.message(), "", "", ""});
  if (fs::exists(output_)) {
    if (!resume)
      throw usage_error({output_, "is there already", "", "", "give --resume, or take another folder"});
    check_same_sweep(output_, SweepResults(output_).head(), head_);
    complete_ = true;
    fs::remove_all(folder_, failed);
    return;
  }
  const bool unfinished = fs::exists(folder_ + "/journal.jsonl");
  if (unfinished && !resume)
    throw usage_error({folder_, "an unfinished sweep is there already", "", "",
                       "go on with --resume, or remove the folder"});
  if (!unfinished) start_anew();
  go_on();
}

// The journal is made last: without it, nothing was begun.
void SweepStore::start_anew() {
  std::error_code failed;
  fs::remove_all(folder_, failed);
  fs::create_directory(folder_, failed);
  if (failed) throw usage_error({folder_, "cannot create the folder: " + failed.message(), "", "", ""});
  {
    AtomicPath file(folder_ + "/sweep.h5");
    create_results(file.path(), head_);
    file.commit();
  }
  write_file_atomically(folder_ + "/journal.jsonl", "{\"synced\":true}\n");
}

void SweepStore::go_on() {
  {
    const SweepResults there(folder_ + "/sweep.h5");
    check_same_sweep(folder_, there.head(), head_);
    for (const std::string& analysis : head_.analyses) offsets_.push_back(there.offset_bytes(analysis));
  }
  values_ = std::make_unique<RawFile>(folder_ + "/sweep.h5");
  const std::string path = folder_ + "/journal.jsonl";
  journal_ = std::make_unique<RawFile>(path);
  journal_->claim();
  const std::string content = read_file(path);
  const std::string whole = content.substr(0, content.rfind('\n') + 1);
  const auto refuse = [&](const std::exception& error) {
    throw Error(
        {path, "not this sweep's journal", "", error.what(), "remove " + folder_ + " and sweep anew"});
  };
  try {
    read_notes(whole);
  } catch (const Json::exception& error) {
    refuse(error);
  } catch (const std::out_of_range& error) {  // a recording that there is not
    refuse(error);
  }
  journal_->resize(static_cast<int64_t>(whole.size()));
}

void SweepStore::read_notes(const std::string& journal) {
  std::istringstream lines(journal);
  std::vector<Json> fresh;  // since the last sync
  for (std::string line; std::getline(lines, line);) {
    const Json entry = Json::parse(line);
    if (!entry.contains("synced")) {
      fresh.push_back(entry);
      continue;
    }
    for (const Json& note : fresh) done_.at(note.at("recording")) = true;
    fresh.clear();
  }
  for (const Json& note : fresh)
    if (holds(note.at("recording"), note.at("fingerprints"))) done_.at(note["recording"]) = true;
}

bool SweepStore::holds(int64_t recording, const std::vector<int64_t>& fingerprints) {
  if (fingerprints.size() != offsets_.size()) return false;
  const int64_t count = head_.values_per_recording();
  std::vector<double> values(static_cast<size_t>(count));
  const size_t bytes = values.size() * sizeof(double);
  for (size_t i = 0; i < fingerprints.size(); ++i) {
    const int64_t at = offsets_[i] + recording * static_cast<int64_t>(bytes);
    if (at + static_cast<int64_t>(bytes) > values_->size_bytes()) return false;
    values_->read(at, values.data(), bytes);
    if (fingerprint(values.data(), bytes) != fingerprints[i]) return false;
  }
  return true;
}

int64_t SweepStore::write(size_t analysis, int64_t recording, const std::vector<double>& values) {
  const size_t bytes = values.size() * sizeof(double);
  values_->write(offsets_[analysis] + recording * static_cast<int64_t>(bytes), values.data(), bytes);
  return fingerprint(values.data(), bytes);
}

void SweepStore::note(int64_t recording, const std::vector<int64_t>& fingerprints) {
  const std::lock_guard held(mutex_);
  journal_->append(Json({{"recording", recording}, {"fingerprints", fingerprints}}).dump() + "\n");
  done_[static_cast<size_t>(recording)] = true;
  if (std::chrono::steady_clock::now() - synced_ > kSyncEvery) sync();
}

void SweepStore::sync() {
  values_->sync();
  journal_->append("{\"synced\":true}\n");
  journal_->sync();
  synced_ = std::chrono::steady_clock::now();
}

void SweepStore::finish() {
  if (complete_) return;
  values_->sync();
  std::error_code failed;
  fs::rename(folder_ + "/sweep.h5", output_, failed);
  if (failed) throw Error({output_, "cannot rename into place: " + failed.message(), "", "", ""});
  sync_path(fs::path(output_).parent_path());
  fs::remove_all(folder_, failed);
  complete_ = true;
}

}  // namespace athanor::rqa
