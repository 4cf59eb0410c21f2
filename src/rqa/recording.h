// Recordings of gaze and the studies that they belong to: CSV files with x and y, found in a folder by their
// names or in a manifest.
#pragma once

#include <string>
#include <vector>

#include "src/rqa/analyse.h"
#include "src/rqa/results.h"

namespace athanor::rqa {

struct Recording {
  std::vector<double> x, y;
  std::vector<double> times_ms;  // of the column `milliseconds`; empty where there is none
  int64_t fingerprint = 0;       // of the file's bytes
};

// A CSV with a header that has x and y (or GazePointX_normalized and GazePointY_normalized); further columns
// are not read, but milliseconds. `name` stands for the file in errors. Throws Error with the line: no such
// column, not a finite number, rows of different lengths, times that descend.
Recording load_recording(const std::string& path, const std::string& name);
Recording parse_recording(const std::string& bytes, const std::string& name);
inline Recording load_recording(const std::string& path) { return load_recording(path, path); }

// The coordinates of "1d_x", "1d_y" or "2d". Throws usage Error naming those.
Series series_of(const Recording& recording, const std::string& analysis);
const std::vector<std::string>& analysis_names();

// Throws Error where an analysis has no meaning: fewer than (m-1) tau + 2 points at the smallest m and tau,
// more than kLongestSeries (walk.h), or a series that never changes.
void check_usable(const Recording& recording, const std::string& name, const Grid& grid,
                  const std::vector<std::string>& analyses);

struct StudyFile {
  std::string path;
  RecordingInfo info;  // file (relative to the study), group, subject, task
};

struct Study {
  std::vector<StudyFile> files;   // by name
  std::vector<LeftOut> left_out;  // by name
};

// `input`: a folder (with its subfolders) of files named {n|m|ad}{id}q{1-5}_….csv, of the groups control, mci
// and ad; or a manifest, a CSV with the columns file (relative to it), group, subject, task. What is named
// otherwise, named twice, or not complete is left out. Throws Error: no such folder or file, nothing in it.
Study find_study(const std::string& input);

// Of all bytes; for noticing a change, not for security.
int64_t fingerprint(const void* bytes, size_t size, int64_t seed = 0);

}  // namespace athanor::rqa
