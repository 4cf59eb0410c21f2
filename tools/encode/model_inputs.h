// Inputs as a model reads them: texts as token ids, images as pixels, and ColModernVBERT's images as tiles
// with a place for each among the tokens.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "data/images/image_processor.h"
#include "data/images/tile_processor.h"
#include "data/text/tokenizer.h"
#include "tools/encode/encode_job.h"
#include "tools/encode/prompts.h"

namespace athanor {

class ThreadPool;

struct ModelInputs {
  std::vector<Encoding> tokens;     // of each input; empty where none are read
  at::Tensor pixels;                // [T,3,H,W] f32 of all images; undefined where none are seen
  std::vector<int64_t> first_tile;  // [N+1], where an input's begin in `pixels`
  std::vector<ImageFault> faults;   // of images, by index

  int64_t length(int64_t i) const;  // tokens of input i with its padding, 1 where none are read
  int64_t tiles(int64_t i) const;   // images of input i
};

class InputReader {
 public:
  // `options`, `encoder` and `pool` outlive it. Throws usage Error: files that do not fit the model.
  InputReader(const EncodeOptions& options, const Encoder& encoder, ThreadPool& pool);

  // Throws Error naming the input.
  ModelInputs read(std::vector<EncodeInput>& inputs) const;
  // Tokens at the head of every text that pooling does not count.
  int64_t uncounted() const { return uncounted_; }
  int64_t image_bytes() const;  // of an image's pixels, at most

 private:
  void read_pixels(const std::vector<std::string>& files, ModelInputs& out) const;
  void read_tiles(const std::vector<std::string>& files, std::vector<EncodeInput>& inputs,
                  ModelInputs& out) const;
  void place_tiles(const TiledImage& image, std::string& text) const;
  void expect_image_tokens(const std::string& place, const ModelInputs& inputs, int64_t i) const;
  void tokenize(std::vector<EncodeInput>& inputs, ModelInputs& out) const;

  const EncodeOptions& options_;
  const Encoder& encoder_;
  ThreadPool& pool_;
  std::unique_ptr<Tokenizer> tokenizer_;
  std::optional<ImageProcessor> images_;
  std::optional<TileProcessor> tiles_;
  Prompt prompt_;
  int64_t uncounted_ = 0;
};

}  // namespace athanor
