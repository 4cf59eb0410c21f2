// Folders of images and masks: which files belong together, which split each is in, and one of them decoded
// to the size and the class ids that training wants. Plain: no LibTorch.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "data/images/image.h"
#include "src/core/error.h"

namespace athanor {

// What can be wrong with one image or its mask; counted where bad samples are skipped.
enum class SampleFault { kNoMask, kNoImage, kBadImage, kBadMask, kSizesDiffer, kUnknownClass, kFaults };
const char* fault_text(SampleFault fault);  // "no mask", "broken image", …

class SampleError : public Error {
 public:
  SampleError(SampleFault kind, const ErrorText& text) : Error(text), kind_(kind) {}
  SampleError(SampleFault kind, const Error& error) : Error(error), kind_(kind) {}
  SampleFault kind() const { return kind_; }

 private:
  SampleFault kind_;
};

// One image with its mask: a file, or (CelebAMask-HQ) a file a class, which may be absent.
struct LabelledFiles {
  std::string image;
  std::string mask;                // "" where parts are used
  std::vector<std::string> parts;  // by class id, "" for none; later classes lie over earlier ones
};

struct LabelledSplits {
  std::string layout;                                // "split folders", "one folder", "CelebAMask-HQ"
  std::array<std::vector<LabelledFiles>, 3> splits;  // train, val, test
  std::vector<SampleError> faults;                   // files without their counterpart
};

// By its name: JPEG, PNG or WebP, and not hidden.
bool has_image_name(const std::string& path);

// The JPEG, PNG and WebP files of a folder by their names without extension; hidden files and other kinds are
// passed over. Throws usage Error where it cannot be read or two have one name.
std::map<std::string, std::string> list_images(const std::string& folder);

struct LayoutOptions {
  std::string path;
  std::string layout = "auto";  // auto, folders, celebamask_hq
  std::string images = "images", masks = "masks";
  double train_fraction = 0.8, val_fraction = 0.1;
  uint64_t split_seed = 1;
};

// Looks for, in this order: CelebA-HQ-img/ and CelebAMask-HQ-mask-anno/; train/images with train/masks (and
// val/, test/ where they are; without either, and in the other layouts, samples are drawn into splits by the
// seed; with test/ alone, the val part is drawn from train/); images/ with masks/. Files are paired by their
// names without extension. Throws Error where nothing of that is there.
LabelledSplits find_labelled_images(const LayoutOptions& options);

struct DecodeOptions {
  int64_t height = 512, width = 512;
  std::vector<int64_t> class_colours;  // 0xRRGGBB by id: their number is that of the classes
  int64_t ignore_index = -1;
};

struct DecodedSample {
  std::vector<uint8_t> image;  // [3,H,W] RGB
  std::vector<uint8_t> mask;   // [H,W] class ids, or ignore_index
};

// Images bilinear (antialiased), masks nearest. A mask holds ids (grey, or the indexes of a palette) or the
// classes' colours (RGB, or a palette of nothing else). Throws SampleError: a broken file, a mask that does
// not fit its image, an id or colour of no class.
DecodedSample decode_sample(const LabelledFiles& files, const DecodeOptions& options);

}  // namespace athanor
