// The 19 classes of CelebAMask-HQ (Lee et al. 2020), numbered as its g_mask.py does; "left" is the picture's
// left.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace athanor {

enum FaceClass : uint8_t {
  kBackground,
  kSkin,
  kNose,
  kEyeGlasses,
  kLeftEye,
  kRightEye,
  kLeftBrow,
  kRightBrow,
  kLeftEar,
  kRightEar,
  kMouth,
  kUpperLip,
  kLowerLip,
  kHair,
  kHat,
  kEarring,
  kNecklace,
  kNeck,
  kCloth,
  kFaceClasses
};

// "background", "skin", …
const std::vector<std::string>& face_class_names();
// As CelebAMask-HQ names its files, without the background: "skin", "nose", "eye_g", …
const std::vector<std::string>& face_part_names();
// 0xRRGGBB by id, as its g_color.py paints them.
const std::vector<int64_t>& face_class_colours();

// Those that trade places in a mirror, two by two.
const std::vector<std::string>& mirrored_face_classes();

}  // namespace athanor
