// Drawing on images that people look at: boxes, letters (5x7 dots, ASCII), images side by side, classes laid
// over a picture. Plain: no LibTorch.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/images/image.h"

namespace athanor {

// All on RGB images; colours are 0xRRGGBB; what lies outside is cut off.
void fill_box(Image& image, int64_t top, int64_t left, int64_t height, int64_t width, int64_t colour);
void paste(Image& image, int64_t top, int64_t left, const Image& smaller);

// A letter takes kLetterWidth x kLetterHeight pixels, with the gap to the next, times `scale`.
constexpr int64_t kLetterWidth = 6, kLetterHeight = 8;
void draw_text(Image& image, int64_t top, int64_t left, const std::string& text, int64_t colour,
               int64_t scale = 1);
// Pixels from the first letter to the end of the last.
int64_t text_width(const std::string& text, int64_t scale = 1);

// Black or white, whichever is easier to read on `colour`.
int64_t readable_on(int64_t colour);

// colours[id] of a mask (channels 1) laid over an RGB image of the same size with `opacity`; `clear` is an id
// that is left as the image is (-1: none), as are ids without a colour.
Image overlay(const Image& image, const Image& mask, const std::vector<int64_t>& colours, double opacity,
              int64_t clear = -1);

// Classes' colours, where the data names none: far apart, class 0 black.
std::vector<int64_t> distinct_colours(int64_t count);

}  // namespace athanor
