// Recurrence plots as pictures: J.-P. Eckmann, S. Kamphorst and D. Ruelle, "Recurrence plots of dynamical
// systems", Europhysics Letters 4 (1987). Time runs to the right and upwards.
#pragma once

#include <string>

#include "data/images/image.h"
#include "src/rqa/analyse.h"

namespace athanor::rqa {

struct RecurrencePlot {
  Image image;            // RGB, square, without axes: recurrent cells are dark
  int64_t vectors = 0;    // M
  int64_t per_pixel = 1;  // vectors in a pixel's side, whose shade is the share of recurrent cells
};

// At most `most_px` pixels a side. Throws Error where fewer than two delay vectors remain.
RecurrencePlot draw_recurrences(const Series& series, int64_t m, int64_t tau, double eps,
                                const Definitions& definitions, int64_t most_px);

// With axes and `caption` (lines of ASCII) below. `per_tick`: what a vector is on the axes (1 for samples,
// else its mean duration), `unit` its name.
Image framed(const RecurrencePlot& plot, const std::vector<std::string>& caption, double per_tick,
             const std::string& unit);

std::string png_bytes(const Image& image);

}  // namespace athanor::rqa
