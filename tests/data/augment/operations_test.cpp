// Claims about what augmentation draws: for whom, how often, how far, and what the named lists hold.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <numbers>
#include <set>
#include <thread>

#include "data/augment/operation.h"
#include "src/core/config.h"
#include "src/core/error.h"

using namespace athanor;
using Catch::Matchers::Contains;

namespace {

constexpr int64_t kSamples = 20000;

struct ListConfig {
  OperationChoices operations{operation_components()};
  void list_fields(Fields& fields) { fields.choices("operations", operations, ""); }
};

// "[{name: flip}, …]"
OperationList list_of(const std::string& yaml) {
  ListConfig config;
  read_config("", {"operations=" + yaml}, fields_of(config));
  return OperationList(config.operations);
}

OperationList policy(const std::string& name, int64_t progressive_from_epoch = 50) {
  OperationChoices list(operation_components());
  add_policy(list, name, progressive_from_epoch);
  return OperationList(list);
}

SampleChange picture(int64_t height = 100, int64_t width = 200) {
  SampleChange unchanged;
  unchanged.height = unchanged.out_height = height;
  unchanged.width = unchanged.out_width = width;
  unchanged.crop = {0, 0, static_cast<double>(width), static_cast<double>(height)};
  return unchanged;
}

std::vector<double> numbers(const SampleChange& c) {
  const PictureChange& p = c.picture;
  return {p.map.xx,        p.map.xy,       p.map.x0,
          p.map.yx,        p.map.yy,       p.map.y0,
          p.blur_sigma_px, p.brightness,   p.contrast,
          p.saturation,    p.hue_turns,    c.crop.x,
          c.crop.y,        c.crop.width,   c.crop.height,
          c.mix,           c.paste.x,      c.paste.y,
          c.paste.width,   c.paste.height, c.picture.mirrored ? 1. : 0.};
}

double degrees_of(const SampleChange& c) {
  return std::atan2(c.picture.map.yx, c.picture.map.yy) * 180 / std::numbers::pi;
}

struct Spread {
  int64_t changed = 0;
  double low = 1e9, high = -1e9, sum = 0;
  double share() const { return static_cast<double>(changed) / kSamples; }
  double mean() const { return sum / static_cast<double>(changed); }
};

// Over kSamples samples: how often `value` is not `unchanged`, and between what it lies then.
template <class Value>
Spread spread(const OperationList& list, int64_t epoch, double unchanged, const Value& value) {
  Spread out;
  for (int64_t sample = 0; sample < kSamples; ++sample) {
    const double x = value(list.draw(7, epoch, sample, picture()));
    if (std::abs(x - unchanged) < 1e-12) continue;
    ++out.changed;
    out.low = std::min(out.low, x);
    out.high = std::max(out.high, x);
    out.sum += x;
  }
  return out;
}

// Applied to about `share` of the samples, between low and high, and near to both ends.
void check_spread(const Spread& got, double share, double low, double high) {
  CATCH_CAPTURE(got.share(), got.low, got.high);
  CATCH_CHECK(got.share() == Approx(share).margin(0.02));
  CATCH_CHECK(got.low >= low - 1e-6);
  CATCH_CHECK(got.high <= high + 1e-6);
  CATCH_CHECK(got.low < low + 0.02 * (high - low));
  CATCH_CHECK(got.high > high - 0.02 * (high - low));
}

const char* const kEverything =
    "[{name: flip}, {name: rotate, p: 0.5}, {name: affine, degrees: 3}, {name: resized_crop, p: 0.5}, "
    "{name: jitter, saturation: 0.3, hue: 0.1}, {name: blur}, {name: mixup, p: 0.5}, {name: cutmix, p: 0.5}]";

}  // namespace

CATCH_TEST_CASE("operations: what a sample goes through depends on seed, epoch and sample alone", "[unit]") {
  const OperationList list = list_of(kEverything), again = list_of(kEverything);
  std::vector<std::vector<double>> one_by_one(50), by_threads(50);
  for (int64_t s = 0; s < 50; ++s)
    one_by_one[static_cast<size_t>(s)] = numbers(list.draw(1, 2, s, picture()));
  std::vector<std::thread> threads;
  for (int64_t t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int64_t s = 49 - t; s >= 0; s -= 4)  // backwards, and each thread its own
        by_threads[static_cast<size_t>(s)] = numbers(again.draw(1, 2, s, picture()));
    });
  for (std::thread& thread : threads) thread.join();
  CATCH_CHECK(by_threads == one_by_one);
  CATCH_CHECK(std::set<std::vector<double>>(one_by_one.begin(), one_by_one.end()).size() == 50);
  CATCH_CHECK(numbers(list.draw(3, 2, 0, picture())) != one_by_one[0]);
  CATCH_CHECK(numbers(list.draw(1, 3, 0, picture())) != one_by_one[0]);
}

CATCH_TEST_CASE("operations: one operation's probability leaves the others' draws alone", "[unit]") {
  const OperationList rare = list_of("[{name: jitter, p: 0}, {name: rotate}]");
  const OperationList often = list_of("[{name: jitter, p: 1}, {name: rotate}]");
  for (int64_t s = 0; s < 20; ++s)
    CATCH_CHECK(degrees_of(rare.draw(1, 0, s, picture())) == degrees_of(often.draw(1, 0, s, picture())));
}

CATCH_TEST_CASE("operations: a list is applied in its order", "[unit]") {
  // A picture that is first moved and then mirrored ends elsewhere than one that is first mirrored.
  const auto moved = [](const char* yaml) { return list_of(yaml).draw(1, 0, 0, picture()).picture.map.x0; };
  const char* const affine = "{name: affine, smallest_scale: 1, largest_scale: 1, translate: 0.3}";
  const double before = moved((std::string("[") + affine + ", {name: flip, p: 0}]").c_str());
  CATCH_REQUIRE(std::abs(before) > 1);  // what the picture moved by, backwards
  CATCH_CHECK(moved((std::string("[") + affine + ", {name: flip, p: 1}]").c_str()) == Approx(199 + before));
}

CATCH_TEST_CASE("policies: they are what they say", "[unit]") {
  CATCH_CHECK(policy("none").describe(0) == "nothing");
  CATCH_CHECK(policy("minimal").describe(0) == "flip p 0.5");
  CATCH_CHECK(policy("standard").describe(0) ==
              "flip p 0.5, rotate 15 deg p 0.3, jitter (brightness 0.2, contrast 0.2) p 0.5");
  const std::string strong =
      "flip p 0.5, rotate 20 deg p 0.4, affine scale 0.85-1.15 translate 0.1 p 0.4, "
      "jitter (brightness 0.3, contrast 0.3, saturation 0.15) p 0.5, blur sigma 0.1-2 px p 0.2";
  CATCH_CHECK(policy("strong").describe(0) == strong);
  CATCH_CHECK(policy("progressive", 3).describe(2) == "flip p 0.5");
  CATCH_CHECK(policy("progressive", 3).describe(3) == strong);
  CATCH_CHECK(policy_names() ==
              std::vector<std::string>{"none", "minimal", "standard", "strong", "progressive"});
}

CATCH_TEST_CASE("policies: standard draws as often and as far as it says", "[unit]") {
  const OperationList list = policy("standard");
  const auto mirrored =
      spread(list, 0, 0, [](const SampleChange& c) { return c.picture.mirrored ? 1.0 : 0.0; });
  CATCH_CHECK(mirrored.share() == Approx(0.5).margin(0.02));
  check_spread(spread(list, 0, 0, degrees_of), 0.3, -15, 15);
  check_spread(spread(list, 0, 1, [](const SampleChange& c) { return c.picture.brightness; }), 0.5, 0.8, 1.2);
  check_spread(spread(list, 0, 1, [](const SampleChange& c) { return c.picture.contrast; }), 0.5, 0.8, 1.2);
}

CATCH_TEST_CASE("policies: progressive is minimal before its epoch and strong from it on", "[unit]") {
  const OperationList list = policy("progressive", 50), minimal = policy("minimal"),
                      strong = policy("strong");
  int64_t turned = 0;
  for (int64_t s = 0; s < 200; ++s) {
    CATCH_REQUIRE(numbers(list.draw(1, 49, s, picture())) == numbers(minimal.draw(1, 49, s, picture())));
    CATCH_REQUIRE(numbers(list.draw(1, 50, s, picture())) == numbers(strong.draw(1, 50, s, picture())));
    turned += degrees_of(list.draw(1, 50, s, picture())) != 0 ? 1 : 0;
  }
  CATCH_CHECK(turned > 50);
}

CATCH_TEST_CASE("operations: affine scales about the centre and moves by parts of the sides", "[unit]") {
  const auto centre = [](const SampleChange& c) {  // where the picture's centre goes
    const Affine& m = c.picture.map;
    const double det = m.xx * m.yy - m.xy * m.yx, dx = 99.5 - m.x0, dy = 49.5 - m.y0;
    return std::pair{(m.yy * dx - m.xy * dy) / det, (m.xx * dy - m.yx * dx) / det};
  };
  const OperationList list =
      list_of("[{name: affine, smallest_scale: 0.5, largest_scale: 2, translate: 0.1}]");
  check_spread(spread(list, 0, 1, [](const SampleChange& c) { return 1 / c.picture.map.xx; }), 1, 0.5, 2);
  check_spread(spread(list, 0, 99.5, [&](const SampleChange& c) { return centre(c).first; }), 1, 79.5, 119.5);
  check_spread(spread(list, 0, 49.5, [&](const SampleChange& c) { return centre(c).second; }), 1, 39.5, 59.5);
  const OperationList turns = list_of("[{name: rotate, degrees: 180}]");
  for (int64_t s = 0; s < 20; ++s) CATCH_CHECK(centre(turns.draw(1, 0, s, picture())).first == Approx(99.5));
}

CATCH_TEST_CASE("operations: colours are drawn within their amounts, and factors are never negative",
                "[unit]") {
  const auto picture_of = [](const char* yaml, float PictureChange::*member, double unchanged) {
    return spread(list_of(yaml), 0, unchanged, [member](const SampleChange& c) { return c.picture.*member; });
  };
  check_spread(picture_of("[{name: brightness, p: 0.4, amount: 0.1}]", &PictureChange::brightness, 1), 0.4,
               0.9, 1.1);
  check_spread(picture_of("[{name: contrast, amount: 3}]", &PictureChange::contrast, 1), 1, 0, 4);
  check_spread(picture_of("[{name: saturation, amount: 0.5}]", &PictureChange::saturation, 1), 1, 0.5, 1.5);
  check_spread(picture_of("[{name: hue, amount: 0.25}]", &PictureChange::hue_turns, 0), 1, -0.25, 0.25);
  check_spread(picture_of("[{name: jitter, hue: 0.1}]", &PictureChange::hue_turns, 0), 1, -0.1, 0.1);
  check_spread(spread(list_of("[{name: blur, smallest_sigma_px: 1, largest_sigma_px: 3}]"), 0, 0,
                      [](const SampleChange& c) { return c.picture.blur_sigma_px; }),
               1, 1, 3);
}

CATCH_TEST_CASE("operations: a resized crop lies inside the picture, of the size and shape asked for",
                "[unit]") {
  const OperationList list = list_of("[{name: resized_crop, smallest_area: 0.2, largest_area: 0.6}]");
  for (int64_t s = 0; s < 2000; ++s) {
    const PixelBox box = list.draw(1, 0, s, picture()).crop;
    CATCH_REQUIRE((box.x >= 0 && box.y >= 0 && box.x + box.width <= 200 && box.y + box.height <= 100));
    CATCH_REQUIRE((box.width / box.height > 0.75 - 1e-9 && box.width / box.height < 4.0 / 3 + 1e-9));
  }
  check_spread(
      spread(list, 0, 0, [](const SampleChange& c) { return c.crop.width * c.crop.height / (100 * 200); }), 1,
      0.2, 0.6);
}

CATCH_TEST_CASE("operations: a resized crop that never fits is the largest box of an allowed shape",
                "[unit]") {
  const OperationList list =
      list_of("[{name: resized_crop, smallest_area: 1, smallest_ratio: 0.5, largest_ratio: 1}]");
  const PixelBox box = list.draw(1, 0, 0, picture()).crop;
  CATCH_CHECK(box.width == 100);
  CATCH_CHECK(box.height == 100);
  CATCH_CHECK(box.x == 50);
}

CATCH_TEST_CASE("operations: a crop takes whole pixels at every place where it fits", "[unit]") {
  SampleChange unchanged = picture(10, 12);
  unchanged.out_height = 8;
  unchanged.out_width = 11;
  const OperationList list = list_of("[{name: crop}]");
  std::set<std::pair<double, double>> places;
  for (int64_t s = 0; s < 500; ++s) {
    const PixelBox box = list.draw(1, 0, s, unchanged).crop;
    CATCH_REQUIRE((box.width == 11 && box.height == 8));
    places.insert({box.x, box.y});
  }
  CATCH_CHECK(places == std::set<std::pair<double, double>>{{0, 0}, {0, 1}, {0, 2}, {1, 0}, {1, 1}, {1, 2}});
  unchanged.out_width = 20;  // wider than the picture: centred
  CATCH_CHECK(list.draw(1, 0, 0, unchanged).crop.x == -4);
}

CATCH_TEST_CASE("operations: mixup draws shares of Beta(alpha, alpha), the smaller part from the partner",
                "[unit]") {
  const auto mix = [](const SampleChange& c) { return c.mix; };
  const Spread flat = spread(list_of("[{name: mixup}]"), 0, 0, mix);  // Beta(1,1) is uniform
  check_spread(flat, 1, 0, 0.5);
  CATCH_CHECK(flat.mean() == Approx(0.25).margin(0.005));
  // E min(b, 1-b) is 1/2 - E|b - 1/2|: for Beta(2,2), 1/2 - 3/16; for Beta(1/2,1/2), 1/2 - 1/pi.
  CATCH_CHECK(spread(list_of("[{name: mixup, alpha: 2}]"), 0, 0, mix).mean() == Approx(0.3125).margin(0.005));
  CATCH_CHECK(spread(list_of("[{name: mixup, alpha: 0.5}]"), 0, 0, mix).mean() ==
              Approx(0.5 - 1 / std::numbers::pi).margin(0.005));
}

CATCH_TEST_CASE("operations: cutmix draws boxes of whole pixels inside the output", "[unit]") {
  const OperationList list = list_of("[{name: cutmix, p: 0.5}]");
  double area = 0;
  int64_t drawn = 0;
  for (int64_t s = 0; s < kSamples; ++s) {
    const PixelBox box = list.draw(1, 0, s, picture()).paste;
    if (box.width * box.height == 0) continue;
    ++drawn;
    area += box.width * box.height / (100 * 200);
    CATCH_REQUIRE((box.x >= 0 && box.y >= 0 && box.x + box.width <= 200 && box.y + box.height <= 100));
    for (const double side : {box.x, box.y, box.width, box.height}) CATCH_REQUIRE(side == std::floor(side));
  }
  CATCH_CHECK(static_cast<double>(drawn) / kSamples == Approx(0.5).margin(0.02));
  // Half of the picture but for what the border cuts off: with side s = sqrt(u), the mean of (s - s^2/4)^2.
  CATCH_CHECK(area / static_cast<double>(drawn) == Approx(1.0 / 2 - 1.0 / 5 + 1.0 / 48).margin(0.01));
}

CATCH_TEST_CASE("operations: each is on from its epoch until the other", "[unit]") {
  const OperationList list = list_of("[{name: flip, p: 1, from_epoch: 2, until_epoch: 4}]");
  for (const int64_t epoch : {0, 1, 2, 3, 4, 5}) {
    const bool on = epoch == 2 || epoch == 3;
    CATCH_CHECK(list.draw(1, epoch, 0, picture()).picture.mirrored == on);
    CATCH_CHECK(list.describe(epoch) == (on ? "flip" : "nothing"));
    CATCH_CHECK(list.drawn_names(1, epoch, 0) ==
                (on ? std::vector<std::string>{"flip"} : std::vector<std::string>{}));
  }
}

CATCH_TEST_CASE("operations: contradictions are refused before training", "[unit]") {
  const auto refused = [](const std::string& yaml, const std::string& fragment) {
    CATCH_CHECK_THROWS_WITH(list_of(yaml), Contains(fragment) && !Contains("\n"));
  };
  refused("[{name: affine, smallest_scale: 2}]", "smallest_scale is above largest_scale");
  refused("[{name: resized_crop, smallest_area: 0.9, largest_area: 0.5}]", "smallest_area is above");
  refused("[{name: resized_crop, smallest_ratio: 2}]", "smallest_ratio is above largest_ratio");
  refused("[{name: blur, smallest_sigma_px: 3}]", "blur: smallest_sigma_px is above");
  refused("[{name: flip, from_epoch: 5, until_epoch: 5}]", "flip: is never on");
  refused("[{name: hue, amount: 0.6}]", "a number in [0,0.5]");
  refused("[{name: mixup, alpha: 0}]", "a number > 0");
  refused("[{name: rotate, p: 1.5}]", "a number in [0,1]");
  refused("[{name: rotat}]", "did you mean 'rotate'?");
  refused("[{name: flip, degrees: 3}]", "unknown key 'operations[0].degrees'");
}
