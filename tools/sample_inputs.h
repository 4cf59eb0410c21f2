// Texts and pictures of the program's own, to try encoders with: several scripts and lengths, odd sizes.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "data/images/image.h"
#include "tools/encode/input_lines.h"

namespace athanor {

// A folder under the system's temporary one, which goes with it.
class ScratchFolder {
 public:
  explicit ScratchFolder(const std::string& name);
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  std::string file(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

std::vector<EncodeInput> sample_texts();
std::vector<Image> sample_images();
// As 0.png, 1.png, … of the folder.
std::vector<EncodeInput> save_images(const std::vector<Image>& images, const ScratchFolder& folder);

}  // namespace athanor
