// WebP through libwebp, lossy, lossless and with transparency; of an animation the first picture. Left out:
// writing, colour profiles.
#include <webp/decode.h>
#include <webp/demux.h>

#include <cstring>
#include <memory>

#include "data/images/codec.h"
#include "src/core/error.h"
#include "src/core/text.h"

namespace athanor {
namespace {

constexpr size_t kHeadBytes = 12;  // "RIFF", the number of bytes that follow, "WEBP"

struct Parts {
  void operator()(WebPDemuxer* demuxer) const { WebPDemuxDelete(demuxer); }
  void operator()(WebPAnimDecoder* decoder) const { WebPAnimDecoderDelete(decoder); }
};

[[noreturn]] void fail(const std::string& where, const std::string& why) {
  throw Error({where, text("is a broken WebP: ", why)});
}

const uint8_t* data_of(std::string_view bytes) { return reinterpret_cast<const uint8_t*>(bytes.data()); }

// What the head says of the file's length, which decoding alone would not miss behind the pixels.
bool is_whole(std::string_view bytes) {
  if (bytes.size() < kHeadBytes) return false;
  size_t follow = 0;
  for (size_t i = 0; i < 4; ++i) follow |= size_t{static_cast<unsigned char>(bytes[4 + i])} << 8 * i;
  return follow <= bytes.size() - 8;
}

int find_orientation(std::string_view bytes) {
  const WebPData data = {data_of(bytes), bytes.size()};
  const std::unique_ptr<WebPDemuxer, Parts> demuxer(WebPDemux(&data));
  WebPChunkIterator chunk;
  if (demuxer == nullptr || WebPDemuxGetChunk(demuxer.get(), "EXIF", 1, &chunk) == 0) return 1;
  std::string_view exif(reinterpret_cast<const char*>(chunk.chunk.bytes), chunk.chunk.size);
  constexpr std::string_view kHead("Exif\0\0", 6);  // of some writers
  if (exif.substr(0, kHead.size()) == kHead) exif.remove_prefix(kHead.size());
  const int orientation = exif_orientation(exif);
  WebPDemuxReleaseChunkIterator(&chunk);
  return orientation;
}

Image decode_still(std::string_view bytes, const WebPBitstreamFeatures& features, const std::string& where) {
  constexpr const char* kReasons[] = {"",
                                      "not enough memory",
                                      "a wrong parameter",
                                      "its data makes no sense",
                                      "a feature that is not known",
                                      "the file ends before the image does",
                                      "stopped",
                                      "the file ends before the image does"};
  Image out = make_image(features.height, features.width, features.has_alpha != 0 ? 4 : 3);
  WebPDecoderConfig config;
  if (WebPInitDecoderConfig(&config) == 0) fail(where, "the library is of another version");
  config.output.colorspace = out.channels == 4 ? MODE_RGBA : MODE_RGB;
  config.output.is_external_memory = 1;
  config.output.u.RGBA = {out.pixels.data(), static_cast<int>(out.width * out.channels), out.pixels.size()};
  const VP8StatusCode status = WebPDecode(data_of(bytes), bytes.size(), &config);
  if (status != VP8_STATUS_OK) fail(where, kReasons[static_cast<size_t>(status)]);
  return out;
}

Image decode_first_picture(std::string_view bytes, const std::string& where) {
  const WebPData data = {data_of(bytes), bytes.size()};
  WebPAnimDecoderOptions options;
  if (WebPAnimDecoderOptionsInit(&options) == 0) fail(where, "the library is of another version");
  options.color_mode = MODE_RGBA;
  const std::unique_ptr<WebPAnimDecoder, Parts> decoder(WebPAnimDecoderNew(&data, &options));
  WebPAnimInfo info;
  if (decoder == nullptr || WebPAnimDecoderGetInfo(decoder.get(), &info) == 0)
    fail(where, "an animation without head");
  uint8_t* pixels = nullptr;
  int milliseconds = 0;
  if (WebPAnimDecoderGetNext(decoder.get(), &pixels, &milliseconds) == 0)
    fail(where, "an animation without a whole first picture");
  Image out = make_image(info.canvas_height, info.canvas_width, 4);
  std::memcpy(out.pixels.data(), pixels, out.pixels.size());
  return out;
}

}  // namespace

bool is_webp(std::string_view bytes) { return bytes.substr(0, 4) == "RIFF" && bytes.substr(8, 4) == "WEBP"; }

Decoded decode_webp(std::string_view bytes, const std::string& where, const LoadOptions& options) {
  WebPBitstreamFeatures features;
  if (WebPGetFeatures(data_of(bytes), bytes.size(), &features) != VP8_STATUS_OK)
    fail(where, "its head makes no sense");
  check_pixels(where, features.height, features.width, options.most_pixels);
  if (!is_whole(bytes)) fail(where, "the file ends before the image does");
  const bool moves = features.has_animation != 0;
  Decoded out;
  out.image = moves ? decode_first_picture(bytes, where) : decode_still(bytes, features, where);
  if (out.image.channels == 4) out.image = without_transparency(out.image, options.colours);
  out.orientation = find_orientation(bytes);
  out.file_size = {out.image.height, out.image.width};
  return out;
}

}  // namespace athanor
