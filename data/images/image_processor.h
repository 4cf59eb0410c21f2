// From image files to what a vision tower reads, as the image processor of a Hugging Face folder does it:
// resize, crop from the centre, rescale, normalise. CLIP, SigLIP (also SigLIP 2 of a fixed size), BLIP and
// ViT. Equal to transformers 5 bit for bit on the same pixels, with its default backend (torchvision) and
// with its other one (PIL). Left out: sizes that differ from image to image (NaFlex), padding, Lanczos. Tiles
// (Idefics3): data/images/tile_processor.h.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "data/images/image.h"
#include "data/images/resize.h"

namespace athanor {

class ThreadPool;

// Pillow refuses images of more than twice its Image.MAX_IMAGE_PIXELS.
constexpr int64_t kPillowMostPixels = 2 * 89'478'485;

struct ImageProcessorConfig {
  std::string kind;  // "CLIPImageProcessor"; "" where the file does not say
  bool resizes = true;
  int64_t short_edge = 0;         // the shorter side's, the other keeps the proportions; 0: height x width
  int64_t height = 0, width = 0;  // whatever the proportions
  Filter filter = Filter::kBicubic;
  bool crops = false;
  int64_t crop_height = 0, crop_width = 0;  // from the centre; smaller images lie on black
  int64_t tile = 0, longest_edge = 0;       // of processors that cut tiles: their side, and the image's
  bool splits = false;                      // … into more than one
  bool rescales = true;
  double rescale_factor = 1.0 / 255;
  bool normalises = true;
  std::array<double, 3> mean = {}, std = {};
};

// Reads `folder`/preprocessor_config.json, or what processor_config.json has of it. What is missing is as the
// class that it names has it. Throws usage Error with the place: no file, no object, a field that is unknown,
// of a wrong type, missing without a class, or asks for what is left out.
ImageProcessorConfig load_image_processor_config(const std::string& folder);

// What each byte becomes, by channel.
using PixelValues = std::array<std::array<float, 256>, 3>;
PixelValues pixel_values(const ImageProcessorConfig& config, Arithmetic like);

struct ImageProcessorOptions {
  Arithmetic like = Arithmetic::kTorch;  // kPillow: transformers' backend="pil"
  LoadOptions load = {Colours::kOverWhite, kPillowMostPixels};
};

class ImageProcessor {
 public:
  // Throws usage Error where the images would come out in different sizes.
  explicit ImageProcessor(const ImageProcessorConfig& config, const ImageProcessorOptions& options = {});

  int64_t height() const { return height_; }
  int64_t width() const { return width_; }
  int64_t values() const { return 3 * height_ * width_; }  // of an image
  // channels 3 -> out [3,height,width] f32. Throws Error naming `where` for proportions that cannot be kept.
  void process(const Image& image, const std::string& where, float* out) const;
  // Throws Error naming the file, as load_image() does too.
  void process_file(const std::string& file, float* out) const;

 private:
  ImageProcessorConfig config_;
  ImageProcessorOptions options_;
  int64_t height_ = 0, width_ = 0;
  PixelValues values_;
};

struct ImageFault {
  int64_t index = 0;  // among the files
  std::string message;
};

enum class OnBadImage {
  kRefuse,  // throws the first one's Error
  kBlank,   // its row is zero
  kSkip,    // it has no row: later ones move up
};

// Files decoded and processed at once by the pool -> out [N,3,height,width], and what was wrong, by index.
// With kSkip only the first N - faults rows mean something.
std::vector<ImageFault> process_images(const ImageProcessor& processor, std::span<const std::string> files,
                                       OnBadImage on_bad, float* out, ThreadPool& pool);

}  // namespace athanor
