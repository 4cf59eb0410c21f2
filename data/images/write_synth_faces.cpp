// A folder of made faces, each by a seed of its own, so that any number of threads writes the same files.
#include <cmath>
#include <filesystem>

#include "data/images/face_classes.h"
#include "data/images/synth_faces.h"
#include "src/core/error.h"
#include "src/core/files.h"
#include "src/core/random.h"
#include "src/core/text.h"
#include "src/core/thread_pool.h"

namespace athanor {
namespace {

std::string file_name(int64_t number) {
  const std::string digits = std::to_string(number);
  return std::string(digits.size() < 5 ? 5 - digits.size() : 0, '0') + digits;
}

}  // namespace

SynthFacesCounts write_synth_faces(const SynthFacesOptions& options) {
  namespace fs = std::filesystem;
  if (fs::exists(options.output))
    throw usage_error(
        {options.output, "is there already", "a folder to make", "", "choose another --output"});
  SynthFacesCounts counts;
  const auto share = [&](double part) { return std::llround(part * static_cast<double>(options.count)); };
  counts.val = share(options.val_fraction);
  counts.test = share(options.test_fraction);
  counts.train = options.count - counts.val - counts.test;
  AtomicPath folder(options.output);
  folder.create_directory();
  for (const char* split : {"train", "val", "test"})
    for (const char* part : {"images", "masks"})
      fs::create_directories(text(folder.path(), "/", split, "/", part));
  ThreadPool pool(options.threads - 1);
  pool.parallel_for(options.count, [&](int64_t i) {
    const char* split = i < counts.train ? "train" : i < counts.train + counts.val ? "val" : "test";
    const FaceSample face = make_face(options.size_px, mix_seed(options.seed, static_cast<uint64_t>(i)));
    const std::string base = text(folder.path(), "/", split);
    constexpr int kQuality = 94;
    save_jpeg(text(base, "/images/", file_name(i), ".jpg"), face.image, kQuality);
    save_png(text(base, "/masks/", file_name(i), ".png"), face.mask, face_class_colours());
  });
  folder.commit();
  return counts;
}

}  // namespace athanor
