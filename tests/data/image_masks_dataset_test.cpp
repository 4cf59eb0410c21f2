#include <ATen/core/Tensor.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/tensor.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <functional>
#include <numeric>

#include "data/chunk_loader.h"
#include "data/dataset.h"
#include "data/images/face_classes.h"
#include "data/images/labelled_images.h"
#include "src/core/config.h"
#include "src/core/error.h"
#include "src/core/files.h"
#include "src/core/log.h"
#include "src/core/text.h"
#include "tests/data/images/image_files.h"

using namespace athanor;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

constexpr int64_t kHeight = 20, kWidth = 28;

struct Job {
  DatasetChoice data{dataset_components(), "image_masks"};
  void list_fields(Fields& fields) { fields.choice("data", data, "what to read"); }
};

// Pairs of made images and masks of three classes in train/ (10), val/ (4) and test/ (3), of several sizes.
class ImageFolder {
 public:
  ImageFolder() {
    for (const auto& [split, count] : {std::pair<const char*, int>{"train", 10}, {"val", 4}, {"test", 3}})
      for (const char* part : {"images", "masks"}) {
        fs::create_directories(file(text(split, "/", part)));
        for (int i = 0; i < count; ++i) {
          const int64_t height = 30 + 3 * i, width = 40 + i;
          if (part[0] == 'i')
            write_jpeg(image(split, i), made_image(height, width));
          else
            write_png(mask(split, i), made_mask(height, width, 3));
        }
      }
  }
  std::string file(const std::string& name) const { return folder_.file(name); }
  std::string image(const std::string& split, int i) const {
    return file(text(split, "/images/", i, ".jpg"));
  }
  std::string mask(const std::string& split, int i) const { return file(text(split, "/masks/", i, ".png")); }

  std::unique_ptr<Dataset> open(std::vector<std::string> overrides = {}) const {
    Job job;
    overrides.insert(overrides.begin(), {"data.path=" + file(""), text("data.height=", kHeight),
                                         text("data.width=", kWidth), "data.class_names=[sky, land, sea]"});
    read_config("", overrides, fields_of(job));
    return job.data.make();
  }

 private:
  TemporaryFolder folder_;
};

Batch copy_of(const Batch& batch) {
  Batch out = batch;
  for (auto& [name, tensor] : out.inputs) tensor = tensor.clone();
  for (auto& [name, tensor] : out.labels) tensor = tensor.clone();
  return out;
}

class Reader {
 public:
  Reader(const Dataset& dataset, Split split, const std::function<void(LoaderOptions&)>& change = {})
      : source_(dataset.open(split)) {
    LoaderOptions options;
    options.order = "sequential";
    options.batch_size = source_->size();
    if (change) change(options);
    loader_ = std::make_unique<ChunkDataLoader>(std::move(source_), dataset.spec(), options, 5, at::kCPU);
  }
  std::vector<Batch> epoch(int64_t number = 0) {
    loader_->start_epoch(number);
    std::vector<Batch> out;
    while (const auto batch = loader_->next()) out.push_back(copy_of(*batch));
    return out;
  }
  // All samples in order.
  Batch all() { return epoch().at(0); }

 private:
  std::unique_ptr<SampleSource> source_;
  std::unique_ptr<ChunkDataLoader> loader_;
};

bool same(const Batch& a, const Batch& b) {
  return a.samples == b.samples && at::equal(a.inputs.at("image"), b.inputs.at("image")) &&
         at::equal(a.labels.at("mask"), b.labels.at("mask"));
}

DecodedSample decoded(const ImageFolder& folder, const std::string& split, int i) {
  return decode_sample({folder.image(split, i), folder.mask(split, i), {}},
                       {.height = kHeight, .width = kWidth, .class_colours = {0, 1, 2}});
}

bool holds(const at::Tensor& row, const std::vector<uint8_t>& bytes) {
  return row.is_contiguous() && row.numel() == static_cast<int64_t>(bytes.size()) &&
         std::equal(bytes.begin(), bytes.end(), row.const_data_ptr<uint8_t>());
}

bool is_all(const at::Tensor& row, int value) {
  return holds(row, std::vector<uint8_t>(static_cast<size_t>(row.numel()), static_cast<uint8_t>(value)));
}

}  // namespace

CATCH_TEST_CASE("image_masks: a batch holds each file's pixels and ids, resized", "[unit]") {
  const ImageFolder folder;
  const auto dataset = folder.open();
  const Batch batch = Reader(*dataset, Split::kTrain).all();
  CATCH_CHECK(batch.size == 10);
  CATCH_CHECK(batch.inputs.at("image").sizes() == at::IntArrayRef({10, 3, kHeight, kWidth}));
  CATCH_CHECK(batch.labels.at("mask").sizes() == at::IntArrayRef({10, kHeight, kWidth}));
  CATCH_CHECK(batch.inputs.at("image").scalar_type() == at::kByte);
  CATCH_CHECK(batch.labels.at("mask").scalar_type() == at::kByte);
  for (int i = 0; i < 10; ++i) {
    CATCH_CHECK(batch.samples[static_cast<size_t>(i)] == i);
    const DecodedSample expected = decoded(folder, "train", i);
    CATCH_CHECK(holds(batch.inputs.at("image")[i], expected.image));
    CATCH_CHECK(holds(batch.labels.at("mask")[i], expected.mask));
  }
  CATCH_CHECK(
      holds(Reader(*dataset, Split::kVal).all().inputs.at("image")[3], decoded(folder, "val", 3).image));
  CATCH_CHECK(Reader(*dataset, Split::kTest).all().size == 3);
}

CATCH_TEST_CASE("image_masks: batches name their samples, whatever the order", "[unit]") {
  const ImageFolder folder;
  const auto dataset = folder.open();
  const Batch all = Reader(*dataset, Split::kTrain).all();
  Reader shuffled(*dataset, Split::kTrain, [](LoaderOptions& options) {
    options.order = "shuffled";
    options.batch_size = 3;
  });
  std::vector<int64_t> first_order;
  for (const int64_t epoch : {0, 1}) {
    std::vector<int64_t> order;
    for (const Batch& batch : shuffled.epoch(epoch))
      for (size_t j = 0; j < batch.samples.size(); ++j) {
        const int64_t sample = batch.samples[j];
        order.push_back(sample);
        CATCH_CHECK(
            at::equal(batch.inputs.at("image")[static_cast<int64_t>(j)], all.inputs.at("image")[sample]));
        CATCH_CHECK(
            at::equal(batch.labels.at("mask")[static_cast<int64_t>(j)], all.labels.at("mask")[sample]));
      }
    if (epoch == 1) CATCH_CHECK(order != first_order);
    first_order = order;
    std::sort(order.begin(), order.end());
    std::vector<int64_t> each(10);
    std::iota(each.begin(), each.end(), 0);
    CATCH_CHECK(order == each);
  }
}

CATCH_TEST_CASE("image_masks: threads, prefetching and the cache change no bit", "[unit]") {
  const ImageFolder folder;
  const Batch expected = Reader(*folder.open({"data.cache_gb=0"}), Split::kTrain).all();
  for (const char* cache : {"data.cache_gb=0", "data.cache_gb=0.00001", "data.cache_gb=1"})
    for (const int64_t threads : {1, 2, 5})
      for (const bool prefetch : {true, false}) {
        CATCH_CAPTURE(cache, threads, prefetch);
        Reader reader(*folder.open({cache}), Split::kTrain, [&](LoaderOptions& options) {
          options.threads = threads;
          options.prefetch = prefetch;
        });
        for (int epoch = 0; epoch < 2; ++epoch) CATCH_CHECK(same(reader.all(), expected));
      }
}

CATCH_TEST_CASE("image_masks: what is decoded is kept as far as memory is given, and no further", "[unit]") {
  const ImageFolder folder;
  // One chunk of half the split, so that each epoch reads again.
  const auto halves = [](LoaderOptions& options) {
    options.batch_size = 5;
    options.prefetch = false;
  };
  Reader kept(*folder.open({"data.cache_gb=1"}), Split::kTrain, halves);
  Reader not_kept(*folder.open({"data.cache_gb=0"}), Split::kTrain, halves);
  // Room for the first few samples alone, which one thread reads in order.
  const std::string few = text("data.cache_gb=", decimals(3.5 * 4 * kHeight * kWidth / (1 << 30), 9));
  Reader few_kept(*folder.open({few}), Split::kTrain, [&](LoaderOptions& options) {
    halves(options);
    options.threads = 1;
  });
  const std::vector<Batch> first = kept.epoch();
  CATCH_REQUIRE(first.size() == 2);
  for (Reader* reader : {&not_kept, &few_kept}) CATCH_CHECK(same(reader->epoch().at(1), first[1]));
  fs::remove(folder.image("train", 2));
  CATCH_CHECK(same(kept.epoch().at(0), first[0]));
  CATCH_CHECK(same(few_kept.epoch().at(0), first[0]));
  CATCH_CHECK_THROWS_WITH(not_kept.epoch(), Contains("2.jpg") && Contains("No such file"));
  fs::remove(folder.image("train", 4));
  CATCH_CHECK(same(kept.epoch().at(0), first[0]));
  CATCH_CHECK_THROWS_WITH(few_kept.epoch(), Contains("4.jpg") && Contains("No such file"));
}

CATCH_TEST_CASE("image_masks: the spec says what models, objectives and augmentation need", "[unit]") {
  const ImageFolder folder;
  const DataSpec spec =
      folder
          .open({"data.class_colours=['#000000', '#ff0000', '#00FF80']", "data.mirrored_classes=[land, sea]",
                 "data.ignore_index=200", "data.mean=[0.1, 0.2, 0.3]", "data.std=[0.5, 0.25, 1]"})
          ->spec();
  CATCH_CHECK(spec.find_input("image")->shape == std::vector<int64_t>{3, kHeight, kWidth});
  CATCH_CHECK(spec.find_label("mask")->shape == std::vector<int64_t>{kHeight, kWidth});
  CATCH_CHECK(spec.class_names == std::vector<std::string>{"sky", "land", "sea"});
  CATCH_CHECK(spec.class_colours == std::vector<int64_t>{0x000000, 0xFF0000, 0x00FF80});
  CATCH_CHECK(spec.class_mirrors == std::vector<int64_t>{0, 2, 1});
  CATCH_CHECK(spec.ignore_index == 200);
  CATCH_CHECK(at::equal(spec.constants.at("mean/image"), at::tensor({0.1F, 0.2F, 0.3F})));
  CATCH_CHECK(at::equal(spec.constants.at("std/image"), at::tensor({0.5F, 0.25F, 1.0F})));
}

CATCH_TEST_CASE("image_masks: without names the classes are those of CelebAMask-HQ, with their mirrors",
                "[unit]") {
  const ImageFolder folder;
  const DataSpec spec = folder.open({"data.class_names=[]"})->spec();
  CATCH_CHECK(spec.class_names == face_class_names());
  CATCH_CHECK(spec.class_colours == face_class_colours());
  CATCH_CHECK(spec.ignore_index == 255);
  CATCH_REQUIRE(spec.class_mirrors.size() == kFaceClasses);
  for (size_t id = 0; id < kFaceClasses; ++id) {
    const std::string& name = spec.class_names[id];
    std::string mirrored = name;
    if (name.rfind("left_", 0) == 0) mirrored = "right_" + name.substr(5);
    if (name.rfind("right_", 0) == 0) mirrored = "left_" + name.substr(6);
    CATCH_CHECK(spec.class_names[static_cast<size_t>(spec.class_mirrors[id])] == mirrored);
  }
}

CATCH_TEST_CASE("image_masks: masks in the classes' colours are ids", "[unit]") {
  const ImageFolder folder;
  const Batch ids = Reader(*folder.open(), Split::kTest).all();
  const std::vector<int64_t> colours = {0x102030, 0xFF0000, 0x00FF80};
  for (int i = 0; i < 3; ++i) {
    const Image mask = load_mask(folder.mask("test", i));
    Image coloured = make_image(mask.height, mask.width, 3);
    for (size_t k = 0; k < mask.pixels.size(); ++k)
      for (size_t c = 0; c < 3; ++c)
        coloured.pixels[3 * k + c] = static_cast<uint8_t>(colours[mask.pixels[k]] >> (16 - 8 * c) & 255);
    write_png(folder.mask("test", i), coloured);
  }
  const auto dataset = folder.open({"data.class_colours=['#102030', '#FF0000', '#00FF80']"});
  CATCH_CHECK(same(Reader(*dataset, Split::kTest).all(), ids));
  CATCH_CHECK_THROWS_WITH(Reader(*folder.open(), Split::kTest).all(),
                          Contains("colour #") && Contains("of no class"));
}

CATCH_TEST_CASE("image_masks: CelebAMask-HQ's parts become masks", "[unit]") {
  const TemporaryFolder folder;
  fs::create_directories(folder.file("CelebA-HQ-img"));
  fs::create_directories(folder.file("CelebAMask-HQ-mask-anno/0"));
  Image skin = make_image(16, 16, 1), hair = skin;
  std::fill_n(skin.pixels.begin(), 128, uint8_t{255});
  std::fill_n(hair.pixels.begin(), 64, uint8_t{255});
  for (int i = 0; i < 4; ++i) {
    write_jpeg(folder.file(text("CelebA-HQ-img/", i, ".jpg")), made_image(32, 32));
    write_png(folder.file(text("CelebAMask-HQ-mask-anno/0/0000", i, "_skin.png")), skin);
    if (i != 2) write_png(folder.file(text("CelebAMask-HQ-mask-anno/0/0000", i, "_hair.png")), hair);
  }
  Job job;
  read_config("",
              {"data.path=" + folder.file(""), "data.height=16", "data.width=16", "data.train_fraction=1",
               "data.val_fraction=0"},
              fields_of(job));
  const auto dataset = job.data.make();
  CATCH_CHECK_THAT(dataset->describe(), Contains("CelebAMask-HQ") && Contains("train: 4 samples"));
  const at::Tensor mask = Reader(*dataset, Split::kTrain).all().labels.at("mask");
  for (int i = 0; i < 4; ++i)
    for (int64_t row = 0; row < 16; ++row)
      CATCH_CHECK(is_all(mask[i][row], row < 4 && i != 2 ? kHair : row < 8 ? kSkin : kBackground));
}

CATCH_TEST_CASE("image_masks: a bad sample ends the run, named, with the way out", "[unit]") {
  struct Case {
    const char* name;
    std::function<void(const ImageFolder&)> spoil;
    const char* says;
  };
  const std::vector<Case> cases = {
      {"a mask of another size",
       [](const ImageFolder& f) { write_png(f.mask("train", 6), made_mask(11, 12, 3)); },
       "6.png: mask and image differ in size"},
      {"an id beyond the classes",
       [](const ImageFolder& f) { write_png(f.mask("train", 6), made_mask(48, 46, 4)); },
       "6.png: class id 3 of no class"},
      {"a broken JPEG", [](const ImageFolder& f) { fs::resize_file(f.image("train", 6), 300); },
       "6.jpg: is a broken JPEG"},
      {"a mask of 16 bits",
       [](const ImageFolder& f) {
         fs::copy_file(golden_image("mask_16.png"), f.mask("train", 6), fs::copy_options::overwrite_existing);
       },
       "6.png: a mask of 16 bits"},
      {"an empty file", [](const ImageFolder& f) { write_bytes(f.image("train", 6), ""); },
       "6.jpg: is empty"},
      {"an image without a mask", [](const ImageFolder& f) { fs::remove(f.mask("train", 6)); },
       "6.jpg: has no mask"},
      {"a mask without an image", [](const ImageFolder& f) { fs::remove(f.image("train", 6)); },
       "6.png: has no image"},
  };
  for (const Case& one : cases) {
    CATCH_CAPTURE(one.name);
    const ImageFolder folder;
    one.spoil(folder);
    const std::string what = error_of([&] { Reader(*folder.open(), Split::kTrain).all(); });
    CATCH_CHECK_THAT(what, Contains(one.says));
    CATCH_CHECK_THAT(what, Contains("data.on_bad=skip"));
    CATCH_CHECK(what.find('\n') == std::string::npos);
  }
}

CATCH_TEST_CASE("image_masks: bad samples that are skipped are named once and count for nothing", "[unit]") {
  const ImageFolder folder;
  const Batch right = Reader(*folder.open(), Split::kTrain).all();
  fs::resize_file(folder.image("train", 2), 300);
  write_png(folder.mask("train", 6), made_mask(48, 46, 4));
  fs::remove(folder.mask("val", 0));
  const std::string log = folder.file("log.txt");
  set_log_file(log);
  const auto dataset = folder.open({"data.on_bad=skip", "data.cache_gb=0"});
  Reader reader(*dataset, Split::kTrain);
  for (int epoch = 0; epoch < 2; ++epoch) {
    const Batch batch = reader.all();
    CATCH_REQUIRE(batch.size == 10);
    for (int64_t i = 0; i < 10; ++i) {
      const at::Tensor image = batch.inputs.at("image")[i], mask = batch.labels.at("mask")[i];
      if (i == 2 || i == 6) {
        CATCH_CHECK(is_all(image, 0));
        CATCH_CHECK(is_all(mask, 255));
      } else {
        CATCH_CHECK(at::equal(image, right.inputs.at("image")[i]));
        CATCH_CHECK(at::equal(mask, right.labels.at("mask")[i]));
      }
    }
  }
  set_log_file("");
  const std::string said = read_file(log);
  const auto times = [&](const std::string& part) {
    int count = 0;
    for (size_t at = said.find(part); at != std::string::npos; at = said.find(part, at + 1)) ++count;
    return count;
  };
  CATCH_CHECK(times("2.jpg: is a broken JPEG") == 1);
  CATCH_CHECK(times("6.png: class id 3 of no class") == 1);
  CATCH_CHECK_THAT(dataset->describe(), Contains("val: 3 samples") && Contains("left out: 1 without a mask"));
}

CATCH_TEST_CASE("image_masks: a split that is bad for the most part is no data", "[unit]") {
  const ImageFolder folder;
  for (int i = 0; i < 5; ++i) fs::resize_file(folder.image("train", i), 300);
  const auto read = [&] { Reader(*folder.open({"data.on_bad=skip"}), Split::kTrain).all(); };
  CATCH_CHECK(error_of(read).empty());
  fs::resize_file(folder.image("train", 5), 300);
  CATCH_CHECK_THAT(error_of(read),
                   Contains("split train: more than half of the samples are bad; got 6 of 10") &&
                       Contains("is a broken JPEG"));
}

CATCH_TEST_CASE("image_masks: samples without folders of splits are drawn by the seed", "[unit]") {
  const ImageFolder folder;
  const std::string train = "data.path=" + folder.file("train");
  const auto dataset = folder.open({train, "data.train_fraction=0.6", "data.val_fraction=0.2"});
  CATCH_CHECK_THAT(dataset->describe(),
                   Contains("one folder") && Contains("train: 6 samples\nval: 2 samples\n"
                                                      "test: 2 samples"));
  const auto val = [&](const std::string& seed) {
    return Reader(*folder.open({train, "data.split_seed=" + seed}), Split::kVal).all();
  };
  CATCH_CHECK(same(val("1"), val("1")));
  int differ = 0;
  for (const char* seed : {"2", "3", "4", "5"}) differ += !same(val("1"), val(seed));
  CATCH_CHECK(differ > 0);
}

CATCH_TEST_CASE("image_masks: every bad config is refused in one line that names the key", "[unit]") {
  const ImageFolder folder;
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"data.path=", "data.path"},
      {"data.path=/nowhere/at/all", "no such folder"},
      {"data.layout=coco", "data.layout"},
      {"data.images=", "data.images"},
      {"data.height=0", "data.height"},
      {"data.width=20000", "data.width"},
      {"data.train_fraction=1.5", "data.train_fraction"},
      {"data.val_fraction=0.5", "train_fraction + val_fraction is more than 1"},
      {"data.class_colours=['#000000']", "data.class_colours: not one a class; expected 3, got 1"},
      {"data.class_colours=[red, green, blue]", "data.class_colours: no colour; expected \"#RRGGBB\""},
      {"data.class_colours=['#00000g', '#000000', '#000000']", "data.class_colours: no colour"},
      {"data.mirrored_classes=[land]", "data.mirrored_classes: a class without its partner"},
      {"data.mirrored_classes=[land, see]", "did you mean 'sea'?"},
      {"data.ignore_index=2", "data.ignore_index: is the id of a class; expected 3 to 255, got 2"},
      {"data.ignore_index=256", "data.ignore_index"},
      {"data.mean=[0.5, 0.5]", "data.mean: wrong length"},
      {"data.std=[1, 1, 0]", "data.std"},
      {"data.on_bad=ignore", "data.on_bad"},
      {"data.cache_gb=-1", "data.cache_gb"},
      {"data.hieght=3", "did you mean"},
  };
  CATCH_CHECK(error_of([&] { folder.open(); }).empty());
  for (const auto& [override_, says] : cases) {
    CATCH_CAPTURE(override_);
    const std::string what = error_of([&] { folder.open({override_}); });
    CATCH_CHECK_THAT(what, Contains(says));
    CATCH_CHECK(what.find('\n') == std::string::npos);
  }
  std::string names = "data.class_names=[c0";
  for (int i = 1; i < 256; ++i) names += text(", c", i);
  CATCH_CHECK_THAT(error_of([&] { folder.open({names + "]"}); }),
                   Contains("too many classes; expected at most 255"));
}
