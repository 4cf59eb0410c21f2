// Lines of all thresholds at once, by a stack of those that are open: where the level rises from v to w,
// those of the thresholds [v, w) end. Included by the walk's kernels, for each kind of CPU: see walk_body.h
// on why nothing here is from the standard library.
#pragma once

#include "src/rqa/walk_kernel.h"

namespace athanor::rqa {
namespace {

inline void add_line(LineDifferences& sums, int64_t length, int first, int past) {
  int32_t* row = sums.differences + length * sums.stride;
  ++row[first];
  --row[past];
  sums.longest = sums.longest < length ? length : sums.longest;
}

// Of the changes (first, last]; at first and at last there is no line. Whether the level falls or rises
// cannot be foretold: a fall is an entry that is always written and sometimes kept, a rise a loop that then
// does not run.
inline void close_by_stack(const Changes& changes, int64_t first, int64_t last, int thresholds,
                           LineDifferences& sums) {
  struct Open {  // a line of the thresholds [level, upto), where `level` is that of the next one or its own
    int upto;
    uint32_t start;
  };
  Open open[kUnsure + 1];
  int depth = 0, level = thresholds;
  for (int64_t n = first + 1; n <= last; ++n) {
    const int next = changes.levels[n];
    const uint32_t place = changes.places[n];
    open[depth] = {level, place - 1};
    depth += next < level;
    level = next < level ? next : level;
    while (level < next) {
      const Open& top = open[depth - 1];
      const int upto = top.upto < next ? top.upto : next;
      add_line(sums, place - top.start, level, upto);
      depth -= top.upto <= next;
      level = upto;
    }
  }
}

}  // namespace
}  // namespace athanor::rqa
