// Made faces with CelebAMask-HQ's 19 classes: parametric shapes with varied pose, light, features, hair,
// dress and background, so that the whole of face parsing runs without anyone's data. Plain: no LibTorch.
#pragma once

#include <cstdint>
#include <string>

#include "data/images/image.h"

namespace athanor {

struct FaceSample {
  Image image;  // RGB
  Image mask;   // class ids
};

// The same seed gives the same face, at any size.
FaceSample make_face(int64_t size_px, uint64_t seed);

struct SynthFacesOptions {
  std::string output;
  int64_t count = 600;  // all splits together
  int64_t size_px = 256;
  uint64_t seed = 1;
  double val_fraction = 0.15, test_fraction = 0.15;
  int threads = 2;
};

struct SynthFacesCounts {
  int64_t train = 0, val = 0, test = 0;
};

// Writes `output`/{train,val,test}/{images/*.jpg,masks/*.png}, the folder whole or not at all. Throws Error
// where the output is there already or cannot be written.
SynthFacesCounts write_synth_faces(const SynthFacesOptions& options);

}  // namespace athanor
