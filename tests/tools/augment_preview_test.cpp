// Claims about the picture of what training sees: what lies where in it, and what the verb refuses.
#include "tools/augment_preview.h"

#include <ATen/ATen.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "data/images/draw.h"
#include "data/images/synth_faces.h"
#include "src/core/config.h"
#include "src/core/files.h"
#include "tests/tools/bad_input.h"
#include "tests/tools/program.h"

namespace athanor::testing {
namespace {

constexpr int64_t kSide = kPreviewCellPx;  // shown pixel by pixel

DataSpec face_spec() {
  DataSpec spec;
  spec.inputs = {{"image", {3, kSide, kSide}, at::kByte}};
  spec.labels = {{"mask", {kSide, kSide}, at::kByte}};
  spec.constants = {{"mean/image", at::tensor({0.485F, 0.456F, 0.406F})},
                    {"std/image", at::tensor({0.229F, 0.224F, 0.225F})}};
  spec.class_colours = distinct_colours(19);
  return spec;
}

DecodedSample decoded(const FaceSample& face) {
  DecodedSample out;
  for (int64_t c = 0; c < 3; ++c)
    for (size_t i = 0; i < face.mask.pixels.size(); ++i)
      out.image.push_back(face.image.pixels[3 * i + static_cast<size_t>(c)]);
  out.mask = face.mask.pixels;
  return out;
}

Image mirrored(const Image& image) {
  Image out = image;
  for (int64_t y = 0; y < image.height; ++y)
    for (int64_t x = 0; x < image.width; ++x)
      std::copy_n(image.at(y, image.width - 1 - x), image.channels, out.at(y, x));
  return out;
}

int64_t times_in(const Image& sheet, const Image& part) {
  int64_t found = 0;
  for (int64_t top = 0; top + part.height <= sheet.height; ++top)
    for (int64_t left = 0; left + part.width <= sheet.width; ++left) {
      bool same = true;
      for (int64_t y = 0; same && y < part.height; ++y)
        same = std::equal(part.at(y, 0), part.at(y, 0) + part.width * 3, sheet.at(top + y, left));
      found += same ? 1 : 0;
    }
  return found;
}

struct Section {
  AugmentationChoice augment{augmentation_components(), "images"};
  void list_fields(Fields& fields) { fields.choice("augment", augment, ""); }
};

Image preview(const std::string& override, const std::vector<DecodedSample>& pictures,
              const PreviewOptions& options) {
  Section section;
  read_config("", {override}, fields_of(section));
  const DataSpec spec = face_spec();
  return augment_preview(*section.augment.make(spec), spec, pictures, options);
}

std::string write(const std::string& name, const std::string& content) {
  const std::string path = fixtures() + "/" + name;
  std::ofstream(path, std::ios::binary) << content;
  return path;
}

// A job, a picture and its mask.
struct Files {
  std::string job = write("preview.yaml",
                          "data: {name: image_masks, height: 48, width: 40}\n"
                          "augment: {name: images, policy: progressive, strong_from_epoch: 2}\n");
  std::string image = fixtures() + "/preview.jpg", mask = fixtures() + "/preview.png";
  Files() {
    const FaceSample face = make_face(64, 3);
    save_jpeg(image, face.image);
    save_png(mask, face.mask);
  }
};

}  // namespace

CATCH_TEST_CASE("augment preview: originals and samples lie side by side, with their masks over them",
                "[unit]") {
  const FaceSample one = make_face(kSide, 1), two = make_face(kSide, 2);
  const std::vector<DecodedSample> pictures = {decoded(one), decoded(two)};
  const Image plain = preview("augment.policy=none", pictures, {.variants = 3});
  CATCH_CHECK(plain.width >= kPreviewColumns * kSide);
  for (const FaceSample& face : {one, two}) {
    CATCH_CHECK(times_in(plain, face.image) == 4);
    CATCH_CHECK(times_in(plain, overlay(face.image, face.mask, face_spec().class_colours, 0.5)) == 4);
    CATCH_CHECK(times_in(plain, mirrored(face.image)) == 0);
  }
  const Image flipped = preview("augment.operations=[{name: flip, p: 1}]", pictures, {.variants = 3});
  CATCH_CHECK(times_in(flipped, one.image) == 1);
  CATCH_CHECK(times_in(flipped, mirrored(one.image)) == 3);
  CATCH_CHECK(times_in(preview("augment.name=none", pictures, {.variants = 2}), two.image) == 3);
}

CATCH_TEST_CASE("augment preview: more samples than columns take more rows", "[unit]") {
  const std::vector<DecodedSample> pictures = {decoded(make_face(kSide, 1))};
  const auto height = [&](int64_t variants) {
    return preview("augment.policy=none", pictures, {.variants = variants}).height;
  };
  CATCH_CHECK(height(1) == height(kPreviewColumns - 1));
  CATCH_CHECK(height(kPreviewColumns) > height(kPreviewColumns - 1) + 2 * kSide);
}

CATCH_TEST_CASE("augment preview: the verb draws the same for one seed and epoch, and another for another",
                "[unit]") {
  const Files files;
  const auto drawn = [&](const std::string& output, const std::vector<std::string>& more) {
    Run run{{"augment", "preview", "--config", files.job, "--image", files.image, "--mask", files.mask,
             "--output", fixtures() + "/" + output}};
    run.arguments.insert(run.arguments.end(), more.begin(), more.end());
    return run;
  };
  const auto outcomes =
      run_all({drawn("a.png", {}), drawn("b.png", {"--seed", "1"}), drawn("c.png", {"--seed", "2"}),
               drawn("d.png", {"--epoch", "2"}), drawn("e.png", {"augment.policy=none"})});
  std::vector<std::string> pictures;
  for (const char* name : {"a", "b", "c", "d", "e"})
    pictures.push_back(read_file(fixtures() + "/" + name + ".png"));
  for (const Outcome& outcome : outcomes) {
    CATCH_INFO(outcome.err);
    CATCH_CHECK(outcome.exit_code == 0);
  }
  CATCH_CHECK(pictures[0] == pictures[1]);
  for (size_t i = 2; i < pictures.size(); ++i) CATCH_CHECK(pictures[i] != pictures[0]);
  CATCH_CHECK(outcomes[0].out.find("1 picture and 11 samples of each, epoch 0, seed 1\n  flip p 0.5\n") !=
              std::string::npos);
  CATCH_CHECK(outcomes[3].out.find("rotate 20 deg p 0.4") != std::string::npos);
  CATCH_CHECK(load_image(fixtures() + "/a.png").width > kPreviewColumns * kSide);
}

CATCH_TEST_CASE("augment preview: without files it shows the training data", "[unit]") {
  const Files files;
  const std::string folder = fixtures() + "/preview_faces";
  if (!std::filesystem::exists(folder)) write_synth_faces({.output = folder, .count = 8, .size_px = 32});
  const Outcome outcome = run_athanor(
      {{"augment", "preview", "--config", files.job, "--output", "grid.png", "data.path=" + folder}});
  CATCH_INFO(outcome.err);
  CATCH_CHECK(outcome.exit_code == 0);
  CATCH_CHECK(outcome.out.find("2 pictures and 11 samples") != std::string::npos);
  CATCH_CHECK(outcome.left == std::vector<std::string>{"grid.png"});
}

CATCH_TEST_CASE("bad input: augment preview", "[unit]") {
  const Files files;
  const std::string small = fixtures() + "/small.png", high = fixtures() + "/high.png";
  save_png(small, make_face(32, 1).mask);
  Image ids = make_image(64, 64, 1);
  ids.pixels[0] = 77;
  save_png(high, ids);
  const auto with = [&](const std::string& job, const std::string& image, const std::string& mask,
                        const std::string& more = "seed=1") {
    return std::vector<std::string>{"augment", "preview", "--config", job,        "--image", image,
                                    "--mask",  mask,      "--output", "grid.png", more};
  };
  check_bad_inputs({
      {"no config", {"augment", "preview", "--output", "grid.png"}, 2, {"--config"}},
      {"no output", {"augment", "preview", "--config", files.job}, 2, {"--output"}},
      {"an image without a mask",
       {"augment", "preview", "--config", files.job, "--image", files.image, "--output", "grid.png"},
       2,
       {"a mask for each image", "1 images, 0 masks"}},
      {"no such image", with(files.job, "none.jpg", files.mask), 1, {"none.jpg"}},
      {"a mask that is an image", with(files.job, files.image, files.image), 1, {"preview.jpg"}},
      {"a mask of another size", with(files.job, files.image, small), 1, {"small.png", "32"}},
      {"an id of no class", with(files.job, files.image, high), 1, {"high.png", "77"}},
      {"an operation mistyped",
       with(files.job, files.image, files.mask, "augment.operations=[{name: flpi}]"),
       2,
       {"augment.operations", "did you mean 'flip'"}},
      {"data without pictures",
       {"augment", "preview", "--config", fixtures() + "/job.yaml", "--output", "grid.png"},
       2,
       {"has no pictures with masks"}},
      {"data that is not there",
       {"augment", "preview", "--config", files.job, "--output", "grid.png", "data.path=nowhere"},
       1,
       {"nowhere"}},
      {"into no folder",
       {"augment", "preview", "--config", files.job, "--image", files.image, "--mask", files.mask, "--output",
        "no/such/grid.png"},
       1,
       {"no/such"}},
      {"no samples at all",
       {"augment", "preview", "--config", files.job, "--output", "grid.png", "--count", "0"},
       2,
       {"--count"}},
  });
}

}  // namespace athanor::testing
