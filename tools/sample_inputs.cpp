#include "tools/sample_inputs.h"

#include <unistd.h>

#include <utility>

#include "src/core/text.h"

namespace athanor {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTexts[] = {
    "a",
    "Two roads diverged in a yellow wood, and sorry I could not travel both.",
    "How do I go on with a run that was killed?",
    "The café's naïve façade; Ångström, Čeština, İstanbul.",
    "Быстрая коричневая лиса прыгает через ленивую собаку.",
    "敏捷的棕色狐狸跳过了懒狗。",
    "いろはにほへと ちりぬるを",
    "الثعلب البني السريع يقفز فوق الكلب الكسول",
    "तेज़ भूरी लोमड़ी आलसी कुत्ते के ऊपर कूदती है",
    "emoji 😀👩‍👩‍👧 and numbers 3.14159, 1,000,000 — (brackets) [too] {all}",
    "x = f(y) ** 2  # some_code, with_underscores and CamelCase",
    "A longer passage, since padding and positions show only where texts are of several lengths: it goes on "
    "for "
    "a while, says little, repeats that it says little, and ends at last."};

}  // namespace

ScratchFolder::ScratchFolder(const std::string& name)
    : path_(fs::temp_directory_path() / text("athanor-", name, "-", ::getpid())) {
  fs::create_directories(path_);
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

std::vector<EncodeInput> sample_texts() {
  std::vector<EncodeInput> inputs;
  for (const char* text : kTexts) inputs.push_back({.text = text});
  return inputs;
}

// Smooth colours with a pattern, in odd sizes: what resizing does shows.
std::vector<Image> sample_images() {
  std::vector<Image> images;
  for (const auto& [height, width] : {std::pair<int64_t, int64_t>{64, 64}, {51, 97}, {400, 300}, {23, 640}}) {
    Image image = make_image(height, width, 3);
    for (int64_t y = 0; y < height; ++y)
      for (int64_t x = 0; x < width; ++x)
        for (int64_t c = 0; c < 3; ++c)
          image.at(y, x)[c] = static_cast<uint8_t>(
              (y * (c + 1) * 255 / height + x * x * (3 - c) / width + (x ^ y) % 9 * 8) % 256);
    images.push_back(std::move(image));
  }
  return images;
}

std::vector<EncodeInput> save_images(const std::vector<Image>& images, const ScratchFolder& folder) {
  std::vector<EncodeInput> inputs;
  for (const Image& image : images) {
    inputs.push_back({.image = folder.file(text(inputs.size(), ".png"))});
    save_png(inputs.back().image, image);
  }
  return inputs;
}

}  // namespace athanor
