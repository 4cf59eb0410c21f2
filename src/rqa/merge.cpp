// Shards of one sweep into the file of a single run.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <set>

#include "src/core/error.h"
#include "src/core/files.h"
#include "src/core/text.h"
#include "src/rqa/sweep.h"
#include "src/rqa/sweep_store.h"

namespace athanor::rqa {
namespace {

struct Row {
  RecordingInfo info;
  const SweepResults* shard;
  int64_t at;  // its place in the shard
};

// The job alone, as shard 0 of 1 and without recordings: what shards of one sweep have in common.
SweepHead job_of(SweepHead head) {
  head.shard = 0;
  head.shards = 1;
  head.recordings.clear();
  head.left_out.clear();
  return head;
}

void check_complete(const std::vector<std::unique_ptr<SweepResults>>& shards) {
  const SweepHead& first = shards.front()->head();
  std::set<int64_t> missing;
  for (int64_t i = 0; i < first.shards; ++i) missing.insert(i);
  for (const auto& shard : shards) {
    const SweepHead& head = shard->head();
    check_same_sweep(shard->path(), job_of(head), job_of(first));
    const std::string which = text("shard ", head.shard, "/", head.shards);
    if (head.shards != first.shards)
      throw usage_error(
          {shard->path(), "is of another division", text("a shard of ", first.shards), which, ""});
    if (missing.erase(head.shard) == 0)
      throw usage_error({shard->path(), which + " is given twice", "each shard once", "", ""});
  }
  if (!missing.empty())
    throw usage_error({"merge", text("shard ", *missing.begin(), "/", first.shards, " is missing"),
                       text("all ", first.shards, " shards"), text(shards.size()), ""});
}

SweepHead merged_head(const std::vector<std::unique_ptr<SweepResults>>& shards, std::vector<Row>& rows) {
  SweepHead head = job_of(shards.front()->head());
  std::set<LeftOut> left_out;  // what no shard could name as its own is in all of them
  for (const auto& shard : shards) {
    const SweepHead& part = shard->head();
    left_out.insert(part.left_out.begin(), part.left_out.end());
    for (size_t i = 0; i < part.recordings.size(); ++i)
      rows.push_back({part.recordings[i], shard.get(), static_cast<int64_t>(i)});
  }
  std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.info.file < b.info.file; });
  for (const Row& row : rows) head.recordings.push_back(row.info);
  head.left_out.assign(left_out.begin(), left_out.end());
  return head;
}

}  // namespace

SweepCounts merge_shards(const std::string& output, const std::vector<std::string>& shards) {
  const auto start = std::chrono::steady_clock::now();
  std::vector<std::unique_ptr<SweepResults>> parts;
  for (const std::string& shard : shards) parts.push_back(std::make_unique<SweepResults>(shard));
  check_complete(parts);
  std::vector<Row> rows;
  const SweepHead head = merged_head(parts, rows);
  if (std::filesystem::exists(output + "/sweep.h5"))
    throw usage_error({output + "/sweep.h5", "is there already", "", "", "merge into another folder"});
  SweepStore store(output, head, /*resume=*/true);  // over what a killed merge left
  for (size_t i = 0; i < rows.size(); ++i)
    for (size_t a = 0; a < head.analyses.size(); ++a)
      store.write(a, static_cast<int64_t>(i),
                  rows[i].shard->read_recordings(head.analyses[a], rows[i].at, 1));
  store.finish();
  const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start;
  return {static_cast<int64_t>(rows.size()), static_cast<int64_t>(head.left_out.size()), 0, passed.count()};
}

}  // namespace athanor::rqa
