#include "data/images/image_processor.h"

#include <cstring>
#include <limits>

#include "data/images/codec.h"
#include "src/core/files.h"
#include "src/core/thread_pool.h"
#include "tests/data/images/image_files.h"

using namespace athanor;
using Catch::Matchers::Contains;

namespace {

std::string golden_file(const std::string& name) {
  return std::string(ATHANOR_SOURCE_DIR) + "/tests/data/images/golden/" + name;
}

// int64 [3], then f32 of that shape.
struct Values {
  int64_t shape[3] = {};
  std::vector<float> values;
};

Values load_values(const std::string& name) {
  const std::string bytes = read_file(golden_file(name));
  Values out;
  CATCH_REQUIRE(bytes.size() > sizeof out.shape);
  std::memcpy(out.shape, bytes.data(), sizeof out.shape);
  out.values.resize((bytes.size() - sizeof out.shape) / sizeof(float));
  std::memcpy(out.values.data(), bytes.data() + sizeof out.shape, out.values.size() * sizeof(float));
  return out;
}

class ProcessorFolder : public TemporaryFolder {
 public:
  explicit ProcessorFolder(const std::string& json, const std::string& name = "preprocessor_config.json") {
    write_bytes(file(name), json);
  }
  ImageProcessorConfig load() const { return load_image_processor_config(file("")); }
  std::string error() const {
    return error_of([&] { ImageProcessor{load()}; });
  }
};

ImageProcessor small_siglip() { return ImageProcessor({.height = 4, .width = 5, .std = {1, 1, 1}}); }

}  // namespace

CATCH_TEST_CASE("image processor: values equal those of both of transformers' backends", "[unit][parity]") {
  for (const std::string name : {"clip", "clip_old", "clip_small", "siglip", "blip", "raw"})
    for (const std::string like : {"torch", "pillow"}) {
      CATCH_CAPTURE(name, like);
      const ProcessorFolder folder(read_file(golden_file("processor_" + name + ".json")));
      const ImageProcessor processor(folder.load(),
                                     {.like = like == "torch" ? Arithmetic::kTorch : Arithmetic::kPillow});
      const Values expected = load_values("processor_" + name + "." + like);
      CATCH_REQUIRE((expected.shape[1] == processor.height() && expected.shape[2] == processor.width()));
      std::vector<float> got(static_cast<size_t>(processor.values()));
      processor.process_file(golden_file("photo.png"), got.data());
      CATCH_CHECK(got == expected.values);
    }
}

CATCH_TEST_CASE("image processor: a class alone brings the geometry of its model", "[unit]") {
  const auto load = [](const std::string& kind) {
    return ProcessorFolder("{\"image_processor_type\": \"" + kind + "\"}").load();
  };
  const ImageProcessorConfig clip = load("CLIPImageProcessor"), siglip = load("SiglipImageProcessorFast"),
                             blip = load("BlipImageProcessor"), vit = load("ViTFeatureExtractor");
  CATCH_CHECK(
      (clip.short_edge == 224 && clip.crops && clip.crop_height == 224 && clip.filter == Filter::kBicubic));
  CATCH_CHECK((siglip.height == 224 && siglip.width == 224 && !siglip.crops && siglip.mean[0] == 0.5));
  CATCH_CHECK((blip.height == 384 && blip.short_edge == 0 && blip.std[2] == 0.27577711));
  CATCH_CHECK((vit.height == 224 && vit.filter == Filter::kBilinear));
}

CATCH_TEST_CASE("image processor: the file of a whole processor serves too", "[unit]") {
  const ProcessorFolder folder(
      R"({"processor_class": "X", "image_processor": {"image_processor_type": "BlipImageProcessor", "size": 7}})",
      "processor_config.json");
  CATCH_CHECK(folder.load().height == 7);
  CATCH_CHECK_THAT(ProcessorFolder(R"({"a": 1})", "processor_config.json").error(),
                   Contains("processor_config.json: has no image processor"));
}

CATCH_TEST_CASE("image processor: what it does not know or cannot do is refused by name with its place",
                "[unit]") {
  const auto error = [](const std::string& fields) {
    return ProcessorFolder(R"({"image_processor_type": "SiglipImageProcessor", )" + fields + "}").error();
  };
  CATCH_CHECK(error(R"("size": 30, "do_center_crop": true, "crop_size": 20, "do_pad": null)").empty());
  CATCH_CHECK_THAT(error(R"("do_flip": true)"), Contains("preprocessor_config.json: do_flip: unknown field"));
  CATCH_CHECK_THAT(error(R"("do_rezise": true)"),
                   Contains("do_rezise") && Contains("did you mean 'do_resize'?"));
  CATCH_CHECK_THAT(error(R"("resample": 1)"), Contains("resample") && Contains("3 (bicubic), got 1"));
  CATCH_CHECK_THAT(error(R"("do_resize": "yes")"),
                   Contains("do_resize") && Contains("true or false, got \"yes\""));
  CATCH_CHECK_THAT(error(R"("size": {"longest_edge": 9})"),
                   Contains(": size") && Contains("{shortest_edge}"));
  CATCH_CHECK_THAT(error(R"("size": {"height": 9})"), Contains(": size"));
  CATCH_CHECK_THAT(error(R"("size": -3)"), Contains("1 to 16384, got -3"));
  CATCH_CHECK_THAT(error(R"("size": 2.5)"), Contains("1 to 16384"));
  CATCH_CHECK_THAT(error(R"("size": 30)"), Contains("no common size") && Contains("do_center_crop"));
  CATCH_CHECK_THAT(error(R"("do_resize": false)"), Contains("no common size"));
  CATCH_CHECK_THAT(error(R"("image_mean": [1, 2])"), Contains("image_mean") && Contains("a number or three"));
  CATCH_CHECK_THAT(error(R"("image_std": 0)"), Contains("image_std") && Contains("above zero"));
  CATCH_CHECK_THAT(error(R"("rescale_factor": 0)"), Contains("rescale_factor"));
  CATCH_CHECK_THAT(error(R"("do_pad": true)"), Contains("do_pad"));
  CATCH_CHECK_THAT(error(R"("do_center_crop": true)"), Contains("crop_size"));
  CATCH_CHECK_THAT(
      ProcessorFolder(R"({"image_processor_type": "PixtralImageProcessor"})").error(),
      Contains("not known") && Contains("CLIPImageProcessor") && Contains("'PixtralImageProcessor'"));
  CATCH_CHECK_THAT(ProcessorFolder(R"({"image_processor_type": "Idefics3ImageProcessor"})").error(),
                   Contains("no common size"));  // it cuts tiles: data/images/tile_processor.h
  CATCH_CHECK_THAT(ProcessorFolder("[1]").error(),
                   Contains("preprocessor_config.json") && Contains("a JSON object"));
  CATCH_CHECK_THAT(ProcessorFolder("{\"size\"").error(), Contains("a JSON object"));
  CATCH_CHECK_THAT(ProcessorFolder("{}").error(), Contains("size") && Contains("image_processor_type"));
  CATCH_CHECK_THAT(ProcessorFolder("{}", "other.json").error(), Contains("has no image processor"));
}

CATCH_TEST_CASE("image processor: a broken file is reported, skipped or fatal as asked", "[unit]") {
  const TemporaryFolder folder;
  std::vector<std::string> files;
  for (const char* name : {"a.png", "b.png", "c.png", "d.png", "e.png"}) files.push_back(folder.file(name));
  for (size_t i = 0; i < files.size(); ++i) {
    Image image = make_image(3, 3, 3);
    std::fill(image.pixels.begin(), image.pixels.end(), static_cast<uint8_t>(50 * (i + 1)));
    write_png(files[i], image);
  }
  write_bytes(files[1], "");
  write_bytes(files[3], read_file(files[3]).substr(0, 40));
  const ImageProcessor processor = small_siglip();
  ThreadPool pool(2);
  const auto run = [&](OnBadImage on_bad) {
    std::vector<float> out(5 * static_cast<size_t>(processor.values()), -1);
    const auto faults = process_images(processor, files, on_bad, out.data(), pool);
    CATCH_REQUIRE(faults.size() == 2);
    CATCH_CHECK((faults[0].index == 1 && faults[1].index == 3));
    CATCH_CHECK_THAT(faults[0].message, Contains("b.png: is empty; expected a JPEG, PNG or WebP"));
    CATCH_CHECK_THAT(faults[1].message, Contains("d.png: is a broken PNG"));
    std::vector<int> firsts;
    for (size_t row = 0; row < 5; ++row)
      firsts.push_back(static_cast<int>(out[row * static_cast<size_t>(processor.values())] * 255 + 0.5F));
    return firsts;
  };
  CATCH_CHECK(run(OnBadImage::kBlank) == std::vector<int>{50, 0, 150, 0, 250});
  const std::vector<int> skipped = run(OnBadImage::kSkip);
  CATCH_CHECK(std::vector<int>(skipped.begin(), skipped.begin() + 3) == std::vector<int>{50, 150, 250});
  std::vector<float> out(5 * static_cast<size_t>(processor.values()));
  CATCH_CHECK_THROWS_WITH(process_images(processor, files, OnBadImage::kRefuse, out.data(), pool),
                          Contains("b.png: is empty"));
}

CATCH_TEST_CASE(
    "image processor: an image beyond the decompression limit is refused before its pixels are made",
    "[unit]") {
  // The head alone decides.
  std::string png = encode_png(make_image(1, 1, 3), {}, "head");
  const TemporaryFolder folder;
  const auto put = [&](size_t at, uint32_t value) {
    for (size_t i = 0; i < 4; ++i) png[at + i] = static_cast<char>(value >> (24 - 8 * i) & 255);
  };
  put(16, 20000), put(20, 20000);
  uint32_t crc = 0xFFFFFFFF;
  for (size_t i = 12; i < 29; ++i) {
    crc ^= static_cast<unsigned char>(png[i]);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xEDB88320 : 0);
  }
  put(29, ~crc);
  write_bytes(folder.file("huge.png"), png);
  std::vector<float> out(60);
  CATCH_CHECK_THROWS_WITH(
      small_siglip().process_file(folder.file("huge.png"), out.data()),
      Contains("huge.png: an image of unusable size; expected at most 178956970 pixels, got 20000 "
               "x 20000"));
  const ImageProcessor strict({.height = 4, .width = 5, .std = {1, 1, 1}}, {.load = {.most_pixels = 1000}});
  CATCH_CHECK_THROWS_WITH(strict.process_file(golden_file("photo.png"), out.data()),
                          Contains("at most 1000 pixels"));
}

CATCH_TEST_CASE("image processor: an image of one row is refused where its other side would have no end",
                "[unit]") {
  const ImageProcessor clip(
      {.short_edge = 224, .crops = true, .crop_height = 2, .crop_width = 2, .std = {1, 1, 1}});
  std::vector<float> out(12);
  CATCH_CHECK_THROWS_WITH(clip.process(make_image(1, 5000, 3), "line.png", out.data()),
                          Contains("line.png: is too long for its width"));
  clip.process(make_image(10, 500, 3), "long.png", out.data());
}
