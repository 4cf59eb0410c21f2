// Image files through an image processor, or a picture through a resize: for
// scripts/parity_tests/image_processing.py.
//   process_images decode RULE FILE…             RULE: black, pillow, white; stdout: int64 H, W and RGB of
//   each file process_images process FOLDER LIKE FILE…     LIKE: torch, pillow; stdout: int64 H, W, then f32
//   [3,H,W] of each file process_images resize LIKE FILTER KERNEL H W H' W' <rgb >rgb process_images kernels
// A file that fails leaves one line on stderr and, with decode and process, a size of 0 x 0.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "data/images/image_processor.h"
#include "data/images/resize_rows.h"
#include "src/core/error.h"

using namespace athanor;

namespace {

void put(const void* bytes, size_t size) { std::fwrite(bytes, 1, size, stdout); }

void put_size(int64_t height, int64_t width) {
  const int64_t size[2] = {height, width};
  put(size, sizeof size);
}

void decode(const std::string& rule, const std::string& file) {
  LoadOptions options;
  options.colours = rule == "black"    ? Colours::kOverBlack
                    : rule == "pillow" ? Colours::kPillow
                                       : Colours::kOverWhite;
  const Image image = load_image(file, options);
  put_size(image.height, image.width);
  put(image.pixels.data(), image.pixels.size());
}

Arithmetic arithmetic(const std::string& like) {
  return like == "torch" ? Arithmetic::kTorch : Arithmetic::kPillow;
}

bool resize_stdin(const std::vector<std::string>& words) {
  Image image = make_image(std::stoll(words[4]), std::stoll(words[5]), 3);
  if (std::fread(image.pixels.data(), 1, image.pixels.size(), stdin) != image.pixels.size()) return false;
  Resize how;
  how.like = arithmetic(words[1]);
  how.filter = words[2] == "nearest"    ? Filter::kNearest
               : words[2] == "bilinear" ? Filter::kBilinear
                                        : Filter::kBicubic;
  how.height = std::stoll(words[6]);
  how.width = std::stoll(words[7]);
  for (const ResizeKernel* kernel : resize_kernels()) {
    if (words[3] != kernel->name) continue;
    const Image out = resize_by(*kernel, image, how);
    put(out.pixels.data(), out.pixels.size());
    return true;
  }
  return false;
}

template <class Each>
void each_file(const std::vector<std::string>& words, size_t first, const Each& each) {
  for (size_t i = first; i < words.size(); ++i) try {
      each(words[i]);
    } catch (const Error& error) {
      std::fprintf(stderr, "%s\n", error.what());
      put_size(0, 0);
    }
}

bool run(const std::vector<std::string>& words) {
  if (words.size() == 1 && words[0] == "kernels") {
    for (const ResizeKernel* kernel : resize_kernels()) std::puts(kernel->name);
  } else if (words.size() >= 3 && words[0] == "decode") {
    each_file(words, 2, [&](const std::string& file) { decode(words[1], file); });
  } else if (words.size() >= 4 && words[0] == "process") {
    const ImageProcessor processor(load_image_processor_config(words[1]), {.like = arithmetic(words[2])});
    std::vector<float> out(static_cast<size_t>(processor.values()));
    each_file(words, 3, [&](const std::string& file) {
      processor.process_file(file, out.data());
      put_size(processor.height(), processor.width());
      put(out.data(), out.size() * sizeof(float));
    });
  } else {
    return words.size() == 8 && words[0] == "resize" && resize_stdin(words);
  }
  return true;
}

}  // namespace

int main(int count, char** words) {
  try {
    return run({words + 1, words + count}) ? 0 : 2;
  } catch (const Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
