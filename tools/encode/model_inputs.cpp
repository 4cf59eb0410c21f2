#include "tools/encode/model_inputs.h"

#include <ATen/ops/empty.h>

#include <algorithm>

#include "models/encoders/modern_vbert.h"
#include "src/core/error.h"
#include "src/core/text.h"
#include "src/core/thread_pool.h"

namespace athanor {
namespace {

std::unique_ptr<Tokenizer> tokenizer_of(const Encoder& encoder) {
  const TextTower& tower = encoder.text();
  TokenizerOptions options;
  options.padding = Padding::To::kNone;
  if (tower.is_full_length()) {
    options.padding = Padding::To::kLength;
    options.padding_length = options.max_length = tower.longest();
    return read_tokenizer(encoder.text_folder(), options);
  }
  auto tokenizer = read_tokenizer(encoder.text_folder(), options);
  const int64_t length = tokenizer->truncation().max_length;
  if (length > 0 && length <= tower.longest()) return tokenizer;
  options.max_length = tower.longest();
  return read_tokenizer(encoder.text_folder(), options);
}

// As sentence-transformers counts a prompt: its tokens with the special ones before, not those behind.
int64_t prompt_tokens(const Tokenizer& tokenizer, const std::string& prompt) {
  if (prompt.empty()) return 0;
  const std::vector<int32_t> ids = tokenizer.encode({prompt}).ids, ends = tokenizer.encode({""}).ids;
  const bool has_end = !ends.empty() && !ids.empty() && ends.back() == ids.back();
  return static_cast<int64_t>(ids.size()) - (has_end ? 1 : 0);
}

void expect_size(const std::string& folder, int64_t height, int64_t width, int64_t side) {
  if (height == side && width == side) return;
  throw usage_error({folder + "/preprocessor_config.json", "makes images of another size than the model sees",
                     text(side, " x ", side), text(width, " x ", height)});
}

bool is_fault(const ModelInputs& inputs, int64_t i) {
  return std::any_of(inputs.faults.begin(), inputs.faults.end(),
                     [&](const ImageFault& fault) { return fault.index == i; });
}

void expect_token(const Tokenizer& tokenizer, const std::string& folder, int64_t id) {
  if (tokenizer.token(static_cast<int32_t>(id)) == "<image>") return;
  throw usage_error({folder + "/tokenizer.json", "is not this model's",
                     text("<image> as token ", id, ", which config.json has as image_token_id"),
                     tokenizer.token(static_cast<int32_t>(id))});
}

}  // namespace

int64_t ModelInputs::length(int64_t i) const {
  return tokens.empty() ? 1 : static_cast<int64_t>(tokens[static_cast<size_t>(i)].ids.size());
}

int64_t ModelInputs::tiles(int64_t i) const {
  return pixels.defined() ? first_tile[static_cast<size_t>(i) + 1] - first_tile[static_cast<size_t>(i)] : 0;
}

InputReader::InputReader(const EncodeOptions& options, const Encoder& encoder, ThreadPool& pool)
    : options_(options), encoder_(encoder), pool_(pool) {
  const ColModernVbert* joint = encoder.joint();
  const bool sees = options.input_kind != InputKind::kTexts,
             reads = options.input_kind != InputKind::kImages || joint != nullptr;
  if (reads) {
    tokenizer_ = tokenizer_of(encoder);
    if (options.input_kind != InputKind::kImages)
      prompt_ = find_prompt(encoder, options.input_kind, options.prompt);
    if (!encoder.counts_prompt()) uncounted_ = prompt_tokens(*tokenizer_, prompt_.before);
  }
  if (!sees) return;
  const std::string& folder = encoder.vision_folder();
  const ImageProcessorConfig config = load_image_processor_config(folder);
  const int64_t side = encoder.vision().image_size();
  if (joint == nullptr) {
    images_.emplace(config);
    expect_size(folder, images_->height(), images_->width(), side);
  } else {
    tiles_.emplace(config);
    expect_size(folder, tiles_->side(), tiles_->side(), side);
    expect_token(*tokenizer_, folder, joint->image_token());
  }
}

int64_t InputReader::image_bytes() const {
  const int64_t values = tiles_    ? tiles_->most_tiles() * 3 * tiles_->side() * tiles_->side()
                         : images_ ? images_->values()
                                   : 0;
  return values * static_cast<int64_t>(sizeof(float));
}

ModelInputs InputReader::read(std::vector<EncodeInput>& inputs) const {
  ModelInputs out;
  if (images_ || tiles_) {
    std::vector<std::string> files;
    for (const EncodeInput& input : inputs) files.push_back(input.image);
    if (images_)
      read_pixels(files, out);
    else
      read_tiles(files, inputs, out);
    if (!out.faults.empty() && !options_.skip_bad) throw Error({.what = out.faults.front().message});
  }
  if (tokenizer_ != nullptr) tokenize(inputs, out);
  return out;
}

void InputReader::read_pixels(const std::vector<std::string>& files, ModelInputs& out) const {
  const auto count = static_cast<int64_t>(files.size());
  out.pixels = at::empty({count, 3, images_->height(), images_->width()});
  for (int64_t i = 0; i <= count; ++i) out.first_tile.push_back(i);
  out.faults =
      process_images(*images_, files, OnBadImage::kBlank, out.pixels.mutable_data_ptr<float>(), pool_);
}

void InputReader::read_tiles(const std::vector<std::string>& files, std::vector<EncodeInput>& inputs,
                             ModelInputs& out) const {
  const std::vector<TiledImage> images = process_tiles(*tiles_, files, pool_);
  const int64_t side = tiles_->side(), values = 3 * side * side;
  out.first_tile = {0};
  for (size_t i = 0; i < images.size(); ++i) {
    if (!images[i].fault.empty()) out.faults.push_back({static_cast<int64_t>(i), images[i].fault});
    out.first_tile.push_back(out.first_tile.back() + static_cast<int64_t>(images[i].pixels.size()) / values);
    std::string around = around_image(encoder_, options_.input_kind, inputs[i].text);
    place_tiles(images[i], around);
    inputs[i].text = around;
  }
  out.pixels = at::empty({out.first_tile.back(), 3, side, side});
  auto* to = out.pixels.mutable_data_ptr<float>();
  for (const TiledImage& image : images) to = std::copy(image.pixels.begin(), image.pixels.end(), to);
}

// As transformers' processor writes the tiles of an image in place of its token.
void InputReader::place_tiles(const TiledImage& image, std::string& text) const {
  constexpr std::string_view kImage = "<image>", kAround = "<fake_token_around_image>";
  std::string run;
  for (int64_t i = 0; i < encoder_.joint()->image_tokens(); ++i) run += kImage;
  std::string placed;
  for (int64_t row = 1; row <= image.rows; ++row) {
    for (int64_t column = 1; column <= image.columns; ++column)
      placed += athanor::text(kAround, "<row_", row, "_col_", column, ">", run);
    placed += "\n";
  }
  placed += athanor::text(image.rows > 0 ? "\n" : "", kAround, "<global-img>", run, kAround);
  text.replace(text.find(kImage), kImage.size(), placed);
}

void InputReader::tokenize(std::vector<EncodeInput>& inputs, ModelInputs& out) const {
  std::vector<TextPair> texts;
  for (EncodeInput& input : inputs) {
    if (!prompt_.before.empty()) input.text.insert(0, prompt_.before);
    input.text += prompt_.after;
    texts.push_back({input.text});
  }
  out.tokens = tokenizer_->encode_batch(texts, pool_);
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (out.tokens[i].attention_length == 0)
      throw Error({inputs[i].place, "the text has no tokens", "one at least", "",
                   "this model's tokenizer adds none of its own"});
    if (encoder_.joint() != nullptr) expect_image_tokens(inputs[i].place, out, static_cast<int64_t>(i));
  }
}

// A text may ask for more images than it has, or be cut off within one.
void InputReader::expect_image_tokens(const std::string& place, const ModelInputs& inputs, int64_t i) const {
  const ColModernVbert& joint = *encoder_.joint();
  const std::vector<int32_t>& ids = inputs.tokens[static_cast<size_t>(i)].ids;
  const int64_t wanted = inputs.tiles(i) * joint.image_tokens(),
                got = std::count(ids.begin(), ids.end(), static_cast<int32_t>(joint.image_token()));
  if (got == wanted || is_fault(inputs, i)) return;
  throw Error({place, "the text has not the tokens of its image", std::to_string(wanted), std::to_string(got),
               "<image> may stand once in a pair's text, and in no other"});
}

}  // namespace athanor
