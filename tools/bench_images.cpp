// athanor bench images: milliseconds to make of a batch of image files what a vision tower reads. Alone it
// compares with decoding, which no resize can be faster than, and the kernels of resizing with each other;
// with --serve it runs a round for each line on stdin, so that scripts/bench_images.py can alternate it with
// transformers' processors.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <memory>

#include "data/images/codec.h"
#include "data/images/image_processor.h"
#include "data/images/resize_rows.h"
#include "data/images/synth_faces.h"
#include "src/core/error.h"
#include "src/core/files.h"
#include "src/core/text.h"
#include "src/core/thread_pool.h"
#include "tools/bench.h"

namespace athanor {
namespace {

struct ImagesBenchFlags {
  int64_t batch = 32, threads = 0;
  std::string folder, model = "clip", like = "torch";
  int rounds = 6;
  bool json = false, decoded = false, serve = false;
};

// Of one batch: the mean of as many as half a second holds, as in scripts/rivals/images.py.
double ms_of(const std::function<void()>& run) {
  constexpr double kRoundMs = 500;
  const auto start = std::chrono::steady_clock::now();
  double gone = 0;
  int batches = 0;
  for (; gone < kRoundMs; ++batches) {
    run();
    gone = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  }
  return gone / batches;
}

struct Pictures {
  std::vector<std::string> bytes;  // of JPEG files
  std::vector<Image> decoded;
};

Pictures load_pictures(const ImagesBenchFlags& flags) {
  Pictures out;
  if (flags.folder.empty()) {
    constexpr int64_t kSide = 480;
    for (int64_t i = 0; i < flags.batch; ++i)
      out.bytes.push_back(encode_jpeg(make_face(kSide, static_cast<uint64_t>(i)).image, 92, "face"));
  } else {
    std::vector<std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(flags.folder))
      if (entry.path().extension() == ".jpg") files.push_back(entry.path().string());
    if (files.empty()) throw usage_error({flags.folder, "has no .jpg files"});
    std::sort(files.begin(), files.end());
    for (size_t i = 0; i < static_cast<size_t>(flags.batch); ++i)
      out.bytes.push_back(read_file(files[i % files.size()]));
  }
  for (const std::string& bytes : out.bytes) out.decoded.push_back(decode_image(bytes, "picture"));
  return out;
}

ImageProcessorConfig config_of(const std::string& model) {
  const std::array<double, 3> half = {0.5, 0.5, 0.5};
  if (model == "clip")
    return {
        .short_edge = 224, .crops = true, .crop_height = 224, .crop_width = 224, .mean = half, .std = half};
  const int64_t side = model == "siglip" ? 224 : 384;
  return {.height = side, .width = side, .mean = half, .std = half};
}

// The whole way from the files' bytes, or from decoded pixels, into one block that is kept.
class Product {
 public:
  Product(const ImagesBenchFlags& flags, const Pictures& pictures, int64_t threads)
      : pictures_(pictures),
        decoded_(flags.decoded),
        processor_(config_of(flags.model),
                   {.like = flags.like == "torch" ? Arithmetic::kTorch : Arithmetic::kPillow}),
        pool_(static_cast<int>(threads - 1)),
        out_(static_cast<size_t>(processor_.values()) * pictures.bytes.size()) {}

  double round() {
    return ms_of([&] {
      pool_.parallel_for(static_cast<int64_t>(pictures_.bytes.size()), [&](int64_t i) {
        const auto at = static_cast<size_t>(i);
        float* to = out_.data() + i * processor_.values();
        if (decoded_)
          processor_.process(pictures_.decoded[at], "picture", to);
        else
          processor_.process(decode_image(pictures_.bytes[at], "picture"), "picture", to);
      });
    });
  }
  double decode_round() {
    return ms_of([&] {
      pool_.parallel_for(static_cast<int64_t>(pictures_.bytes.size()), [&](int64_t i) {
        decode_image(pictures_.bytes[static_cast<size_t>(i)], "picture");
      });
    });
  }
  std::string shape() const {
    const Image& first = pictures_.decoded.front();
    return text(pictures_.bytes.size(), decoded_ ? " pictures" : " JPEG files", ", the first of ",
                first.width, "x", first.height, " -> ", pictures_.bytes.size(), "x3x", processor_.height(),
                "x", processor_.width());
  }

 private:
  const Pictures& pictures_;
  bool decoded_;
  ImageProcessor processor_;
  ThreadPool pool_;
  std::vector<float> out_;
};

std::string threads_of(int64_t threads) { return text(threads, threads == 1 ? "_thread" : "_threads"); }

void measure_product(const ImagesBenchFlags& flags, const Pictures& pictures, int64_t threads) {
  Product product(flags, pictures, threads);
  const auto times =
      alternate(flags.rounds, {[&] { return product.round(); }, [&] { return product.decode_round(); }});
  Measurement out;
  out.ours = {text("images/", flags.model, "/", flags.like, "/", threads_of(threads)), times[0]};
  out.shape = product.shape();
  out.threads = static_cast<int>(threads);
  out.samples = static_cast<double>(flags.batch);
  out.compared_with = {{"decoding alone", times[1]}};
  print_measurement(out, flags.json);
}

// Resizing alone, of the first picture.
void measure_kernels(const ImagesBenchFlags& flags, const Pictures& pictures) {
  const Resize how = {.height = 224,
                      .width = 224,
                      .filter = Filter::kBicubic,
                      .like = flags.like == "torch" ? Arithmetic::kTorch : Arithmetic::kPillow};
  std::vector<std::function<double()>> sides;
  for (const ResizeKernel* kernel : resize_kernels())
    sides.emplace_back(
        [&, kernel] { return ms_of([&] { resize_by(*kernel, pictures.decoded.front(), how); }); });
  const auto times = alternate(flags.rounds, sides);
  Measurement out;
  out.ours = {text("images/resize/", flags.like, "/", resize_kernels().front()->name), times[0]};
  out.shape = text(pictures.decoded.front().width, "x", pictures.decoded.front().height, " -> 224x224");
  out.samples = 1;
  for (size_t i = 1; i < times.size(); ++i)
    out.compared_with.push_back({resize_kernels()[i]->name, times[i]});
  print_measurement(out, flags.json);
}

void run_images_bench(const ImagesBenchFlags& flags) {
  const Pictures pictures = load_pictures(flags);
  if (flags.serve) {  // "ready SHAPE"; then each line "round" gives its milliseconds
    Product product(flags, pictures, std::max<int64_t>(1, flags.threads));
    std::cout << "ready " << product.shape() << std::endl;
    for (std::string line; std::getline(std::cin, line) && line == "round";)
      std::cout << decimals(product.round(), 4) << std::endl;
    return;
  }
  const std::vector<int64_t> threads =
      flags.threads > 0 ? std::vector<int64_t>{flags.threads} : std::vector<int64_t>{1, 2};
  for (const int64_t count : threads) measure_product(flags, pictures, count);
  measure_kernels(flags, pictures);
}

}  // namespace

void add_images_bench(CLI::App& bench) {
  auto flags = std::make_shared<ImagesBenchFlags>();
  CLI::App* images = bench.add_subcommand("images", "Image files to what a vision tower reads");
  images->add_flag("--json", flags->json, "one JSON object a measurement");
  images->add_option("--rounds", flags->rounds, "measured rounds of each side")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  images->add_option("--threads", flags->threads, "threads; 0: one, and then two")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  images->add_option("--folder", flags->folder, "its .jpg files; without it: made faces of 480 x 480 pixels");
  images->add_option("--batch", flags->batch, "pictures a batch")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  images->add_option("--model", flags->model, "whose geometry")
      ->capture_default_str()
      ->check(CLI::IsMember({"clip", "siglip", "blip"}));
  images->add_option("--like", flags->like, "whose arithmetic of resizing")
      ->capture_default_str()
      ->check(CLI::IsMember({"torch", "pillow"}));
  images->add_flag("--decoded", flags->decoded, "from decoded pictures");
  images->add_flag("--serve", flags->serve, "one round for each line `round` on stdin");
  images->footer("Example: athanor bench images --json --model blip --threads 2");
  images->callback([flags] { run_images_bench(*flags); });
}

}  // namespace athanor
