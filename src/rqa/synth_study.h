// A made study: gaze of three groups of subjects at five tasks, as a chain of fixations (which drift and
// tremble) and saccades, so that all of the recurrence sweep runs without anyone's data. The groups differ
// modestly: from control over mci to ad, fixations grow longer, saccades shorter and the eye less steady;
// subjects differ more.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace athanor::rqa {

struct SynthStudyOptions {
  std::string output;
  uint64_t seed = 1;
  double effect = 1;  // 0: the groups do not differ
};

struct SynthRecording {
  std::string name, csv;
};
// The same options give the same bytes.
std::vector<SynthRecording> make_synth_study(const SynthStudyOptions& options);

// Writes `output`/{n|m|ad}{id}q{1-5}_synthetic.csv with the header x,y,milliseconds: 100 recordings of 20
// controls, 105 of 21 with mild cognitive impairment, 100 of 20 with Alzheimer's disease; 50 to 700 rows each
// at 60 Hz, x and y in shares of the screen. The folder comes whole or not at all; the same seed gives the
// same bytes. Throws Error where the output is there already or cannot be written.
int64_t write_synth_study(const SynthStudyOptions& options);

}  // namespace athanor::rqa
