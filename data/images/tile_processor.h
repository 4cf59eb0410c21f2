// From image files to the tiles that Idefics3's image processor makes of each (ColModernVBERT has it too):
// resized to a longest edge, then to whole tiles, cut, and the whole image in one tile behind them. Equal to
// transformers 5 on the same pixels, with torchvision 0.26, where Lanczos is bicubic. Left out: padding to
// the number of tiles of other images.
#pragma once

#include "data/images/image_processor.h"

namespace athanor {

struct TiledImage {
  int64_t rows = 0, columns = 0;  // of tiles; 0: the whole image alone
  std::vector<float> pixels;      // [rows columns + 1,3,S,S]
  std::string fault;              // "" or what was wrong with the file; no pixels then
};

class TileProcessor {
 public:
  // Throws usage Error where the config is of a processor without tiles.
  explicit TileProcessor(const ImageProcessorConfig& config);

  int64_t side() const { return config_.tile; }
  int64_t most_tiles() const;  // of an image
  // channels 3
  TiledImage process(const Image& image) const;
  // Throws Error naming the file, as load_image() does.
  TiledImage process_file(const std::string& file) const;

 private:
  void put(const Image& image, int64_t top, int64_t left, float* out) const;

  ImageProcessorConfig config_;
  PixelValues values_;
};

// Files at once by the pool, in their order.
std::vector<TiledImage> process_tiles(const TileProcessor& processor, std::span<const std::string> files,
                                      ThreadPool& pool);

}  // namespace athanor
