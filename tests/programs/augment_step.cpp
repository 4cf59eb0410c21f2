// One picture and its mask through given numbers, by the steps one by one or by a kernel: for
// scripts/parity_tests/augment.py.
//   augment_step WAY H W H' W' key=value… <bytes >bytes
// WAY: reference, or a kernel's name. Keys: xx xy x0 yx yy y0 blur brightness contrast saturation hue,
// border (0 constant, 1 replicate, 2 reflect), fill (all channels), mask_fill. stdin: uint8 [3,H,W] and
// [H,W]; stdout: f32 [3,H',W'] and uint8 [H',W'].
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "src/core/thread_pool.h"
#include "src/ops/augment_reference.h"
#include "src/ops/augment_rows.h"

using namespace athanor;

namespace {

struct Job {
  AugmentShape shape;
  PictureChange change;
  AugmentRule rule;
  std::vector<uint8_t> image, mask;
};

void set(Job& job, const std::string& key, double value) {
  const auto narrow = static_cast<float>(value);
  const auto byte = static_cast<uint8_t>(value);
  Affine& map = job.change.map;
  const std::map<std::string, double*> doubles = {{"xx", &map.xx},
                                                  {"xy", &map.xy},
                                                  {"x0", &map.x0},
                                                  {"yx", &map.yx},
                                                  {"yy", &map.yy},
                                                  {"y0", &map.y0},
                                                  {"blur", &job.change.blur_sigma_px}};
  const std::map<std::string, float*> floats = {{"brightness", &job.change.brightness},
                                                {"contrast", &job.change.contrast},
                                                {"saturation", &job.change.saturation},
                                                {"hue", &job.change.hue_turns}};
  if (doubles.contains(key))
    *doubles.at(key) = value;
  else if (floats.contains(key))
    *floats.at(key) = narrow;
  else if (key == "border")
    job.rule.border = static_cast<Border>(byte);
  else if (key == "mask_fill")
    job.rule.mask_fill = byte;
  else if (key == "fill")
    for (uint8_t& channel : job.rule.fill) channel = byte;
  else
    std::exit(2);
}

bool read_all(std::vector<uint8_t>& bytes, int64_t size) {
  bytes.resize(static_cast<size_t>(size));
  return std::fread(bytes.data(), 1, bytes.size(), stdin) == bytes.size();
}

bool run(const std::string& way, const Job& job, std::vector<float>& image, std::vector<uint8_t>& mask) {
  const AugmentShape& s = job.shape;
  if (way == "reference") {
    image = augment_reference::augment(job.image.data(), s, job.change, job.rule).pixels;
    mask = augment_reference::warp_mask(job.mask.data(), s.height, s.width, job.change.map, s.out_height,
                                        s.out_width, job.rule);
    return true;
  }
  image.resize(static_cast<size_t>(3 * s.out_height * s.out_width));
  mask.resize(image.size() / 3);
  ThreadPool pool(0);
  for (const AugmentKernel* kernel : augment_kernels()) {
    if (way != kernel->name) continue;
    augment_images_by(*kernel,
                      {.shape = s,
                       .image = job.image.data(),
                       .mask = job.mask.data(),
                       .changes = &job.change,
                       .out_image = image.data(),
                       .out_mask = mask.data()},
                      job.rule, pool);
    return true;
  }
  return false;
}

}  // namespace

int main(int count, char** words) {
  if (count == 2 && std::string(words[1]) == "kernels") {
    for (const AugmentKernel* kernel : augment_kernels()) std::puts(kernel->name);
    return 0;
  }
  if (count < 6) return 2;
  Job job;
  job.shape = {1, std::atoll(words[2]), std::atoll(words[3]), std::atoll(words[4]), std::atoll(words[5])};
  for (int i = 6; i < count; ++i) {
    const std::string word = words[i];
    const size_t equals = word.find('=');
    if (equals == std::string::npos) return 2;
    set(job, word.substr(0, equals), std::strtod(word.c_str() + equals + 1, nullptr));
  }
  const int64_t pixels = job.shape.height * job.shape.width;
  if (!read_all(job.image, 3 * pixels) || !read_all(job.mask, pixels)) return 2;
  std::vector<float> image;
  std::vector<uint8_t> mask;
  if (!run(words[1], job, image, mask)) return 2;
  std::fwrite(image.data(), sizeof(float), image.size(), stdout);
  std::fwrite(mask.data(), 1, mask.size(), stdout);
  return 0;
}
