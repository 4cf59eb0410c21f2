// Which recordings a study has: by the names in a folder, or by a manifest.
#include <algorithm>
#include <filesystem>
#include <map>

#include "data/text/unicode.h"
#include "src/core/error.h"
#include "src/core/files.h"
#include "src/core/text.h"
#include "src/rqa/csv_table.h"
#include "src/rqa/recording.h"

namespace athanor::rqa {
namespace {

namespace fs = std::filesystem;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// "ad07q3_calibrated.csv" -> {ad, ad07, 3}; an empty group where the name is not understood.
RecordingInfo info_of_name(const std::string& stem) {
  constexpr std::pair<std::string_view, const char*> kGroups[] = {
      {"ad", "ad"}, {"n", "control"}, {"m", "mci"}};
  for (const auto& [letters, group] : kGroups) {
    if (!stem.starts_with(letters)) continue;
    size_t end = letters.size();
    while (end < stem.size() && is_digit(stem[end])) ++end;
    const std::string_view rest = std::string_view(stem).substr(end);
    const bool known = end > letters.size() && rest.size() > 2 && rest[0] == 'q' && rest[1] >= '1' &&
                       rest[1] <= '5' && (rest[2] == '_' || rest[2] == '.');
    if (known) return {{}, group, stem.substr(0, end), std::string(rest.substr(1, 1))};
  }
  return {};
}

void leave_out(Study& study, const std::string& file, const std::string& why) {
  const std::string name = replace_invalid_utf8(file);
  study.left_out.push_back({name, text(name, ": ", why)});
}

// All that is called .csv, or .CSV; a link that leads nowhere too, to be told of.
std::vector<fs::path> tables_in(const std::string& folder) {
  std::vector<fs::path> tables;
  try {
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      const std::string extension = entry.path().extension();
      if ((extension == ".csv" || extension == ".CSV") && !entry.is_directory())
        tables.push_back(entry.path());
    }
  } catch (const fs::filesystem_error& error) {
    throw Error({folder, "cannot read the folder: " + error.code().message(), "", "", ""});
  }
  return tables;
}

// The results hold text, which every reader understands.
void leave_out_unreadable_names(Study& study) {
  std::erase_if(study.files, [&](const StudyFile& each) {
    const RecordingInfo& info = each.info;
    for (const std::string& name : {info.file, info.group, info.subject, info.task})
      if (find_invalid_utf8(name) < name.size()) {
        leave_out(study, info.file, text(shown(name), " is not UTF-8: give it another name"));
        return true;
      }
    return false;
  });
}

Study study_of_folder(const std::string& folder) {
  Study study;
  for (const fs::path& path : tables_in(folder)) {
    StudyFile file{path, info_of_name(path.filename())};
    file.info.file = path.lexically_relative(folder);
    if (file.info.group.empty())
      leave_out(study, file.info.file, "not named as a recording; expected {n|m|ad}{id}q{1-5}_….csv");
    else
      study.files.push_back(std::move(file));
  }
  return study;
}

Study study_of_manifest(const std::string& path) {
  const std::string bytes = read_file(path), name = fs::path(path).filename();
  CsvTable table(bytes, name);
  int64_t columns[4];
  const char* const names[] = {"file", "group", "subject", "task"};
  for (int i = 0; i < 4; ++i) {
    columns[i] = table.find_column({names[i]});
    if (columns[i] < 0)
      throw usage_error({path, text("no column ", names[i]), "file,group,subject,task",
                         join(table.header(), ","), "a manifest has a row for each recording"});
  }
  Study study;
  for (bool more = true; more;) {
    try {
      if (!(more = table.next())) break;
      RecordingInfo info;
      std::string* const targets[] = {&info.file, &info.group, &info.subject, &info.task};
      for (int i = 0; i < 4; ++i) {
        *targets[i] = table.field(columns[i]);
        if (targets[i]->empty()) throw Error({table.place(), text(names[i], " is empty"), "", "", ""});
      }
      study.files.push_back({(fs::path(path).parent_path() / info.file).string(), info});
    } catch (const Error& error) {
      study.left_out.push_back({table.place(), error.what()});
    }
  }
  return study;
}

// Of recordings with the same `key`, the first by name stays.
template <class Key>
void leave_out_repeated(Study& study, const char* what, Key key) {
  std::map<std::string, std::string> seen;
  std::vector<StudyFile> kept;
  for (StudyFile& file : study.files) {
    const auto [first, is_new] = seen.emplace(key(file.info), file.info.file);
    if (is_new)
      kept.push_back(std::move(file));
    else
      leave_out(study, file.info.file, text(what, " as ", first->second, ", which stays"));
  }
  study.files = std::move(kept);
}

}  // namespace

Study find_study(const std::string& input) {
  std::error_code failed;
  if (!fs::exists(input, failed))
    throw usage_error(
        {input, failed ? "cannot read: " + failed.message() : "no such folder or manifest", "", "", ""});
  const bool folder = fs::is_directory(input);
  Study study = folder ? study_of_folder(input) : study_of_manifest(input);
  leave_out_unreadable_names(study);
  std::stable_sort(study.files.begin(), study.files.end(),
                   [](const StudyFile& a, const StudyFile& b) { return a.info.file < b.info.file; });
  if (folder)
    leave_out_repeated(study, "the same subject and task",
                       [](const RecordingInfo& info) { return info.subject + " " + info.task; });
  else
    leave_out_repeated(study, "named twice, the same file",
                       [](const RecordingInfo& info) { return info.file; });
  std::sort(study.left_out.begin(), study.left_out.end());
  study.left_out.erase(std::unique(study.left_out.begin(), study.left_out.end()), study.left_out.end());
  if (study.files.empty())
    throw usage_error({input, "no recordings in it", "files named {n|m|ad}{id}q{1-5}_….csv, or a manifest",
                       text(study.left_out.size(), " files that are not"),
                       "`athanor rqa synth` makes a study"});
  return study;
}

}  // namespace athanor::rqa
