// Face parsing from the command line, on made faces: train, eval, predict.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "data/images/face_classes.h"
#include "data/images/image.h"
#include "src/core/files.h"
#include "tests/tools/bad_input.h"
#include "tests/tools/program.h"

namespace athanor::testing {
namespace {

namespace fs = std::filesystem;
using Catch::Matchers::Contains;
using Json = nlohmann::ordered_json;

// A trained run of a small model: fixtures()/faces, faces_run, and photos of several sizes and kinds.
const std::string& face_fixtures() {
  static const std::string folder = [] {
    const std::string in = fixtures();
    std::ofstream(in + "/faces.yaml")
        << "data: {name: image_masks, path: " << in
        << "/faces, height: 32, width: 32, batch_size: 4}\n"
           "model: {name: micro_segformer, widths: [4, 4, 8, 8], depths: [1, 1, 1, 1], "
           "decoder: 8}\n"
           "objective: {name: segmentation}\n"
           "evaluator: {name: masks}\n"
           "trainer: {max_steps: 4, eval_every_steps: 2, monitor: val/miou, "
           "monitor_mode: max}\n";
    const Outcome made =
        run_athanor({{"synth", "faces", "--output", in + "/faces", "--count", "20", "--size", "48"}});
    CATCH_INFO(made.err);
    CATCH_REQUIRE(made.exit_code == 0);
    const Outcome trained = run_athanor({{"train", in + "/faces.yaml", "--run-dir", in + "/faces_run"}});
    CATCH_INFO(trained.err);
    CATCH_REQUIRE(trained.exit_code == 0);
    fs::create_directories(in + "/photos");
    for (const auto& entry : fs::directory_iterator(in + "/faces/test/images")) {
      const Image face = load_image(entry.path());
      save_jpeg(in + "/photos/same.jpg", face);
      save_png(in + "/photos/wide.png", resize_bilinear(face, 40, 100));
      save_jpeg(in + "/photos/tiny.JPEG", resize_bilinear(face, 7, 5));
      break;
    }
    std::ofstream(in + "/photos/notes.txt") << "not an image\n";
    fs::copy(in + "/photos", in + "/mixed_photos");
    std::ofstream(in + "/mixed_photos/broken.jpg") << "\xff\xd8\xff\xe0 this is cut short";
    return in;
  }();
  return folder;
}

CATCH_TEST_CASE("train on masks: metrics, and pictures of the best evaluation in the run directory",
                "[unit]") {
  const std::string run = face_fixtures() + "/faces_run";
  for (const char* name : {"confusion", "samples", "worst"}) {
    const Image picture = load_image(run + "/pictures/" + name + ".png");
    CATCH_CHECK(picture.width > 100);
    CATCH_CHECK(picture.height > 100);
  }
  const std::string metrics = read_file(run + "/metrics.jsonl");
  for (const char* name :
       {"val/miou", "val/f_score", "val/f_score_per_image", "val/pixel_accuracy", "val/loss_dice"})
    CATCH_CHECK_THAT(metrics, Contains(name));
}

CATCH_TEST_CASE("eval of masks: a table, a report and pictures; --tta averages with the mirror image",
                "[unit]") {
  const std::string in = face_fixtures(), report = in + "/masks.json", mirrored = in + "/mirrored.json";
  const std::vector<Outcome> outcomes =
      run_all({{{"eval", in + "/faces_run", "--json", report, "--pictures", in + "/pictures"}},
               {{"eval", in + "/faces_run", "--json", mirrored, "--tta"}}});
  CATCH_INFO(outcomes[0].err << outcomes[1].err);
  CATCH_REQUIRE(outcomes[0].exit_code == 0);
  CATCH_REQUIRE(outcomes[1].exit_code == 0);
  CATCH_CHECK_THAT(outcomes[0].out, Contains("mIoU") && Contains("all background") && Contains("lower_lip"));
  CATCH_CHECK_THAT(outcomes[1].out, Contains("mirror image"));
  CATCH_CHECK(fs::exists(in + "/pictures/confusion.png"));
  CATCH_CHECK(outcomes[0].left.empty());
  const Json plain = Json::parse(read_file(report)), tta = Json::parse(read_file(mirrored));
  CATCH_CHECK(plain["classes"].size() == kFaceClasses);
  CATCH_CHECK_FALSE(plain.contains("tta"));
  CATCH_CHECK(tta["tta"] == "mirror");
  CATCH_CHECK(tta["loss"] != plain["loss"]);
}

CATCH_TEST_CASE("eval: an evaluator without pictures says so, and makes no folder", "[unit]") {
  const Outcome outcome =
      run_athanor({{"eval", fixtures() + "/run", "--pictures", fixtures() + "/no_pictures"}});
  CATCH_CHECK(outcome.exit_code == 0);
  CATCH_CHECK_THAT(outcome.err, Contains("'market'") && Contains("no pictures"));
  CATCH_CHECK_FALSE(fs::exists(fixtures() + "/no_pictures"));
}

CATCH_TEST_CASE("predict: a mask for each image at its size, with the classes' colours; overlays beside",
                "[unit]") {
  const std::string in = face_fixtures(), output = in + "/parsed";
  const Outcome outcome = run_athanor({{"predict", in + "/faces_run", "--images", in + "/photos", "--output",
                                        output, "--overlay", "--batch-size", "2"}});
  CATCH_INFO(outcome.err);
  CATCH_REQUIRE(outcome.exit_code == 0);
  CATCH_CHECK_THAT(outcome.out, Contains("wrote 3 masks"));
  for (const auto& [name, height, width] :
       {std::tuple<std::string, int64_t, int64_t>{"same", 48, 48}, {"wide", 40, 100}, {"tiny", 7, 5}}) {
    CATCH_INFO(name);
    const Image mask = load_mask(output + "/masks/" + name + ".png");
    CATCH_CHECK(mask.channels == 1);
    CATCH_CHECK(mask.height == height);
    CATCH_CHECK(mask.width == width);
    CATCH_CHECK(*std::max_element(mask.pixels.begin(), mask.pixels.end()) < kFaceClasses);
    const Image coloured = load_image(output + "/masks/" + name + ".png");
    const int64_t colour = face_class_colours()[*mask.at(3, 2)];
    CATCH_CHECK(coloured.at(3, 2)[0] == colour >> 16);
    CATCH_CHECK(load_image(output + "/overlays/" + name + ".jpg").width == width);
  }
  const Outcome one = run_athanor({{"predict", in + "/faces_run", "--images", in + "/photos/wide.png",
                                    "--output", in + "/parsed_one", "--threads", "0"}});
  CATCH_REQUIRE(one.exit_code == 0);
  CATCH_CHECK(read_file(in + "/parsed_one/masks/wide.png") == read_file(output + "/masks/wide.png"));
  CATCH_CHECK_FALSE(fs::exists(in + "/parsed_one/overlays"));
}

CATCH_TEST_CASE("predict: a broken image is named; it ends the run, or is left out and counted", "[unit]") {
  const std::string in = face_fixtures(), run = in + "/faces_run", photos = in + "/mixed_photos";
  const std::vector<Outcome> outcomes =
      run_all({{{"predict", run, "--images", photos, "--output", in + "/refused"}},
               {{"predict", run, "--images", photos, "--output", in + "/skipped", "--skip-bad"}}});
  CATCH_CHECK(outcomes[0].exit_code == 1);
  CATCH_CHECK_THAT(outcomes[0].err, Contains("broken.jpg") && Contains("--skip-bad"));
  CATCH_CHECK_FALSE(fs::exists(in + "/refused"));
  CATCH_INFO(outcomes[1].err);
  CATCH_CHECK(outcomes[1].exit_code == 0);
  CATCH_CHECK_THAT(outcomes[1].err, Contains("broken.jpg"));
  CATCH_CHECK_THAT(outcomes[1].out, Contains("wrote 3 masks") && Contains("left out 1 broken"));
  CATCH_CHECK(lines_of(outcomes[0].err).size() == 1);
}

CATCH_TEST_CASE("bad input: predict and --tta", "[unit]") {
  const std::string in = face_fixtures(), run = in + "/faces_run";
  fs::create_directories(in + "/no_photos");
  fs::create_directories(in + "/twins");
  fs::copy_file(in + "/photos/same.jpg", in + "/twins/a.jpg", fs::copy_options::overwrite_existing);
  fs::copy_file(in + "/photos/wide.png", in + "/twins/a.png", fs::copy_options::overwrite_existing);
  check_bad_inputs({
      {"predict without images", {"predict", run, "--output", "x"}, 2, {"--images"}},
      {"predict of no run", {"predict", "runs/none", "--images", in, "--output", "x"}, 2, {"runs/none"}},
      {"no folder of images", {"predict", run, "--images", "no/such", "--output", "x"}, 2, {"no/such"}},
      {"a folder without images",
       {"predict", run, "--images", in + "/no_photos", "--output", "x"},
       2,
       {"no_photos", "no images"}},
      {"two images of one name",
       {"predict", run, "--images", in + "/twins", "--output", "x"},
       2,
       {"a.jpg", "a.png", "two images of one name"}},
      {"masks where something is already",
       {"predict", run, "--images", in + "/photos", "--output", in + "/faces"},
       2,
       {"/faces", "already"}},
      {"a model of bars",
       {"predict", in + "/run", "--images", in + "/photos", "--output", "x"},
       2,
       {"multi_timeframe_lstm", "does not read images"}},
      {
          "no broken image but one",
          {"predict", run, "--images", in + "/mixed_photos/broken.jpg", "--output", "x", "--skip-bad"},
          1,
          {"no image could be read"},
          0,
          true,
      },
      {"a mirror of bars", {"eval", in + "/run", "--tta"}, 2, {"--tta", "mirrored"}},
      {"pictures into a file",
       {"eval", run, "--pictures", in + "/faces.yaml"},
       2,
       {"--pictures", "faces.yaml", "is a file"}},
  });
}

}  // namespace
}  // namespace athanor::testing
