// A trained model over a folder of images of any size: a mask for each, at its size. What `athanor predict`
// does.
#pragma once

#include <string>

#include "trainers/job.h"

namespace athanor {

struct PredictImagesOptions {
  std::string images;      // a folder (its JPEG and PNG files, not those in folders inside), or one file
  std::string output;      // folder to make: masks/NAME.png, overlays/NAME.jpg
  bool overlay = false;    // the mask over the image too
  bool skip_bad = false;   // broken images are named and left out; else the first one ends it
  bool mirror = false;     // mean of the image and its mirror image
  int64_t batch_size = 8;  // images
  int threads = 2;         // that decode and write
};

struct PredictImagesCounts {
  int64_t written = 0, skipped = 0;
};

// The model must take an input `image` [3,H,W] u8, to which images are resized, and give `logits` [B,C,H,W],
// which are resized back before the highest is taken. Masks are PNGs with a palette of the classes' colours.
// The folder appears whole or not at all. Throws Error, with exit code 130 if it was told to stop.
PredictImagesCounts predict_images(LoadedModel& loaded, const PredictImagesOptions& options,
                                   at::Device device);

}  // namespace athanor
