// Prepared bars as an HDF5 file, in three layouts:
//   bars      bars/M1/{features [n,F] f32, close_time [n] i64}, samples/{time, label_end} [N] i64,
//             samples/end/M1 [N] i64: a sample's window is rows [end-window, end); nothing is stored twice
//   windows   sequences/M1 [N,W,F] f32, samples/{time, label_end}
//   features  the seed's: features [N,T,F] f32 of one timeframe, targets [N,horizon] f32 (pips after each bar
//   ahead)
// and in all of them labels/* [N], splits/{train,val,test} [2] i64 (begin, end of samples),
// scaler/{mean,scale}/M1 [F] f32 ((x - mean) / scale; the stored features are not scaled), feature_names and
// metadata (JSON text).
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "data/bars/prepare.h"

namespace athanor {

// Writes the file in config.layout, whole or not at all; windows go out by rows, so memory stays small.
// `source` is the input's name, for the metadata. Throws Error (disk full, …).
void write_prepared(const PreparedBars& data, const Bars& bars, const PrepareConfig& config,
                    const std::string& source, const std::string& path);

// Bytes of the inputs (not the labels) in the layouts `bars` and `windows`, uncompressed.
int64_t bars_layout_bytes(const PreparedBars& data);
int64_t windows_layout_bytes(const PreparedBars& data);

// What a dataset needs of a file in layout `bars`.
struct PreparedFile {
  std::vector<TimeframeData> timeframes;
  std::vector<int64_t> time, label_end;
  std::vector<std::pair<std::string, std::vector<int64_t>>> class_labels;  // "direction", "past_direction"
  std::vector<std::pair<std::string, std::vector<float>>> value_labels;    // "magnitude", …
  std::array<SplitRange, 3> splits;
  std::vector<std::string> feature_names;
  double pip = 0;
  int64_t file_bytes = 0;
};

// Throws Error: no such file, another layout (the hint says which dataset reads it), arrays that do not fit
// together, NaN in features.
PreparedFile load_prepared(const std::string& path);

}  // namespace athanor
