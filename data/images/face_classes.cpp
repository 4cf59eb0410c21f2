#include "data/images/face_classes.h"

namespace athanor {

const std::vector<std::string>& face_class_names() {
  static const std::vector<std::string> names = {
      "background", "skin",     "nose",      "eye_glasses", "left_eye",  "right_eye", "left_brow",
      "right_brow", "left_ear", "right_ear", "mouth",       "upper_lip", "lower_lip", "hair",
      "hat",        "earring",  "necklace",  "neck",        "cloth"};
  return names;
}

const std::vector<std::string>& mirrored_face_classes() {
  static const std::vector<std::string> pairs = {"left_eye",   "right_eye", "left_brow",
                                                 "right_brow", "left_ear",  "right_ear"};
  return pairs;
}

const std::vector<std::string>& face_part_names() {
  static const std::vector<std::string> names = {"skin",   "nose",  "eye_g", "l_eye",  "r_eye", "l_brow",
                                                 "r_brow", "l_ear", "r_ear", "mouth",  "u_lip", "l_lip",
                                                 "hair",   "hat",   "ear_r", "neck_l", "neck",  "cloth"};
  return names;
}

const std::vector<int64_t>& face_class_colours() {
  static const std::vector<int64_t> colours = {
      0x000000, 0xCC0000, 0x4C9900, 0xCCCC00, 0x3333FF, 0xCC00CC, 0x00FFFF, 0xFFCCCC, 0x663300, 0xFF0000,
      0x66CC00, 0xFFFF00, 0x000099, 0x0000CC, 0xFF3399, 0x00CCCC, 0x003300, 0xFF9933, 0x00CC00};
  return colours;
}

}  // namespace athanor
