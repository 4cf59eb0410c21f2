// Vectors that are written as they are made: rows go to a folder beside the output, and what is there is
// noted after each append, so that a killed run goes on where it was, without a lost or a repeated row. At
// the end they become one file, safetensors or HDF5: `vectors` f32 [N,D], or [sum of L,D] with `offsets` i64
// [N+1] where an input has several.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "src/core/raw_file.h"

namespace athanor {

struct VectorStoreOptions {
  std::string output;    // ….safetensors, ….h5 or ….hdf5
  std::string identity;  // of the job: what a resumed one must have in common
  int64_t width = 0;     // D
  bool several = false;  // an input has several vectors
  bool resume = false;
};

class VectorStore {
 public:
  // Throws usage Error: the output's kind is not known, it is there already, its folder is not; a partial
  // output of another job, one that another process is at, or one without `resume`.
  explicit VectorStore(const VectorStoreOptions& options);

  // Inputs whose vectors are on the disk.
  int64_t done() const { return done_; }
  // The next inputs' vectors, [sum of counts,D] f32; counts: vectors of each input (1 each unless several).
  // On the disk when it returns. Throws Error (disk full, …).
  void append(const float* vectors, const std::vector<int64_t>& counts);
  // Makes the output of what was appended and removes the folder.
  void finish();

 private:
  void start_anew(const std::string& journal);
  void go_on(const std::string& journal);
  std::vector<int64_t> all_offsets();
  void write_safetensors_ends();
  void write_hdf5();

  VectorStoreOptions options_;
  std::string folder_;
  std::unique_ptr<RawFile> vectors_, offsets_, journal_;
  int64_t done_ = 0, rows_ = 0;
};

}  // namespace athanor
