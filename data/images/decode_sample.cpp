// A labelled image from its files to planar pixels and class ids.
#include <array>
#include <cstdio>
#include <map>

#include "data/images/labelled_images.h"
#include "src/core/text.h"

namespace athanor {
namespace {

std::string size_text(ImageSize size) { return text(size.width, " x ", size.height, " pixels"); }

std::string colour_text(int64_t colour) {
  char hex[8];
  std::snprintf(hex, sizeof hex, "#%06X", static_cast<unsigned>(colour & 0xFFFFFF));
  return hex;
}

template <class Load>
auto loaded(SampleFault fault, const Load& load) {
  try {
    return load();
  } catch (const Error& error) {
    throw SampleError(fault, error);
  }
}

[[noreturn]] void fail_at(const std::string& path, int64_t at, const Image& mask, const std::string& what,
                          const std::string& expected) {
  throw SampleError(SampleFault::kUnknownClass,
                    {path, text(what, " at pixel ", at % mask.width, ",", at / mask.width), expected});
}

void check_ids(const Image& mask, const std::string& path, const DecodeOptions& options) {
  const auto classes = static_cast<int64_t>(options.class_colours.size());
  bool known[256];
  for (int64_t id = 0; id < 256; ++id) known[id] = id < classes || id == options.ignore_index;
  for (size_t i = 0; i < mask.pixels.size(); ++i)
    if (!known[mask.pixels[i]])
      fail_at(
          path, static_cast<int64_t>(i), mask, text("class id ", int{mask.pixels[i]}, " of no class"),
          text("0 to ", classes - 1, options.ignore_index < 0 ? "" : text(", or ", options.ignore_index)));
}

std::map<int64_t, uint8_t> ids_by_colour(const DecodeOptions& options) {
  std::map<int64_t, uint8_t> ids;
  for (size_t id = options.class_colours.size(); id-- > 0;)
    ids[options.class_colours[id]] = static_cast<uint8_t>(id);
  return ids;
}

// Programs that pack colours into a palette number them as they like. Where the indexes in use stand for the
// colours of different classes, the colours count; with any other palette (black without end, made up to be
// seen) the indexes are the ids.
void use_palette(Image& mask, const std::vector<int64_t>& palette, const DecodeOptions& options) {
  const std::map<int64_t, uint8_t> ids = ids_by_colour(options);
  bool used[256] = {}, taken[256] = {};
  for (const uint8_t index : mask.pixels) used[index] = true;
  std::array<uint8_t, 256> id_of{};
  bool coloured = false;
  for (size_t index = 0; index < id_of.size(); ++index) {
    if (!used[index]) continue;
    const auto id = index < palette.size() ? ids.find(palette[index]) : ids.end();
    if (id == ids.end() || taken[id->second]) return;
    taken[id->second] = true;
    coloured = coloured || palette[index] != 0;
    id_of[index] = id->second;
  }
  if (!coloured) return;
  for (uint8_t& pixel : mask.pixels) pixel = id_of[pixel];
}

Image ids_of_colours(const Image& colours, const std::string& path, const DecodeOptions& options) {
  const std::map<int64_t, uint8_t> ids = ids_by_colour(options);
  Image out = make_image(colours.height, colours.width, 1);
  int64_t last_colour = -1;
  uint8_t last_id = 0;
  for (size_t i = 0; i < out.pixels.size(); ++i) {
    const uint8_t* rgb = colours.pixels.data() + 3 * i;
    const int64_t colour = int64_t{rgb[0]} << 16 | int64_t{rgb[1]} << 8 | rgb[2];
    if (colour != last_colour) {
      const auto id = ids.find(colour);
      if (id == ids.end())
        fail_at(path, static_cast<int64_t>(i), colours, text("colour ", colour_text(colour), " of no class"),
                "the colours of data.class_colours");
      last_colour = colour;
      last_id = id->second;
    }
    out.pixels[i] = last_id;
  }
  return out;
}

// Parts drawn one over the other: a pixel belongs to the last part that is not black there.
Image mask_of_parts(const LabelledFiles& files) {
  Image out;
  for (size_t id = 0; id < files.parts.size(); ++id) {
    const std::string& path = files.parts[id];
    if (path.empty()) continue;
    const Image part = loaded(SampleFault::kBadMask, [&] { return load_mask(path); });
    if (out.pixels.empty()) out = make_image(part.height, part.width, 1);
    if (part.height != out.height || part.width != out.width)
      throw SampleError(SampleFault::kSizesDiffer,
                        {path, "a part of another size than the others", size_text({out.height, out.width}),
                         size_text({part.height, part.width})});
    for (size_t i = 0; i < out.pixels.size(); ++i)
      if (part.pixels[i * static_cast<size_t>(part.channels)] != 0) out.pixels[i] = static_cast<uint8_t>(id);
  }
  if (out.pixels.empty()) throw SampleError(SampleFault::kNoMask, ErrorText{files.image, "has no mask"});
  return out;
}

// A mask as large as its image; parts (CelebAMask-HQ's are half as large) need its proportions alone.
void check_sizes(const LabelledFiles& files, ImageSize image, const Image& mask) {
  const bool fits = files.parts.empty() ? image.height == mask.height && image.width == mask.width
                                        : image.height * mask.width == image.width * mask.height;
  if (fits) return;
  throw SampleError(SampleFault::kSizesDiffer,
                    {files.mask.empty() ? files.image : files.mask, "mask and image differ in size",
                     text(size_text(image), " as ", files.image), size_text({mask.height, mask.width})});
}

std::vector<uint8_t> planar(const Image& image) {
  std::vector<uint8_t> out(image.pixels.size());
  const size_t plane = out.size() / 3;
  for (size_t i = 0; i < plane; ++i)
    for (size_t c = 0; c < 3; ++c) out[c * plane + i] = image.pixels[3 * i + c];
  return out;
}

}  // namespace

const char* fault_text(SampleFault fault) {
  constexpr const char* kTexts[] = {"without a mask",
                                    "masks without an image",
                                    "broken images",
                                    "broken masks",
                                    "masks of another size than their image",
                                    "with ids or colours of no class"};
  return kTexts[static_cast<size_t>(fault)];
}

DecodedSample decode_sample(const LabelledFiles& files, const DecodeOptions& options) {
  ImageSize size;
  const Image image = loaded(SampleFault::kBadImage, [&] {
    return load_image_resized(files.image, options.height, options.width, &size);
  });
  std::vector<int64_t> palette;
  Image mask = files.parts.empty()
                   ? loaded(SampleFault::kBadMask, [&] { return load_mask(files.mask, &palette); })
                   : mask_of_parts(files);
  check_sizes(files, size, mask);
  if (!palette.empty()) use_palette(mask, palette, options);
  if (mask.channels == 3) mask = ids_of_colours(mask, files.mask, options);
  check_ids(mask, files.mask.empty() ? files.image : files.mask, options);
  return {planar(image), resize_nearest(mask, options.height, options.width).pixels};
}

}  // namespace athanor
