// preprocessor_config.json, strictly: a field that nobody here knows could change the pixels.
#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "data/images/image_processor.h"
#include "src/core/error.h"
#include "src/core/files.h"
#include "src/core/text.h"

namespace athanor {
namespace {

using Json = nlohmann::json;

constexpr std::array<double, 3> kClipMean = {0.48145466, 0.4578275, 0.40821073};
constexpr std::array<double, 3> kClipStd = {0.26862954, 0.26130258, 0.27577711};
constexpr std::array<double, 3> kHalf = {0.5, 0.5, 0.5};
constexpr int64_t kMostSide = 16384;

struct Kind {
  ImageProcessorConfig defaults;
  bool square = false;  // a size of one number is both sides, not the shorter one
};

// The classes of transformers 5, with what they have where the file says nothing.
std::vector<Kind> kinds() {
  const ImageProcessorConfig clip = {.kind = "CLIPImageProcessor",
                                     .short_edge = 224,
                                     .crops = true,
                                     .crop_height = 224,
                                     .crop_width = 224,
                                     .mean = kClipMean,
                                     .std = kClipStd};
  const ImageProcessorConfig siglip = {
      .kind = "SiglipImageProcessor", .height = 224, .width = 224, .mean = kHalf, .std = kHalf};
  const ImageProcessorConfig blip = {
      .kind = "BlipImageProcessor", .height = 384, .width = 384, .mean = kClipMean, .std = kClipStd};
  ImageProcessorConfig vit = siglip;
  vit.kind = "ViTImageProcessor";
  vit.filter = Filter::kBilinear;
  const ImageProcessorConfig idefics = {.kind = "Idefics3ImageProcessor",
                                        .tile = 364,
                                        .longest_edge = 4 * 364,
                                        .splits = true,
                                        .mean = kHalf,
                                        .std = kHalf};
  return {{clip, false}, {siglip, false}, {blip, true}, {vit, true}, {idefics, false}};
}

class Fields {
 public:
  Fields(const Json& object, std::string where) : object_(object), where_(std::move(where)) {
    if (!object_.is_object()) throw usage_error({where_, "not what it should be", "a JSON object"});
  }

  // Null stands for a field that is not there.
  const Json* find(const std::string& name) {
    known_.insert(name);
    const auto at = object_.find(name);
    return at == object_.end() || at->is_null() ? nullptr : &*at;
  }

  [[noreturn]] void refuse(const std::string& name, const std::string& expected) const {
    const auto at = object_.find(name);
    const std::string got =
        at == object_.end() ? "nothing" : at->dump(-1, ' ', false, Json::error_handler_t::replace);
    throw usage_error({where_ + ": " + name, "cannot be used", expected, got.substr(0, 80)});
  }

  void flag(const std::string& name, bool& value) {
    const Json* json = find(name);
    if (json == nullptr) return;
    if (!json->is_boolean()) refuse(name, "true or false");
    value = json->get<bool>();
  }

  std::string word(const std::string& name) {
    const Json* json = find(name);
    if (json == nullptr) return "";
    if (!json->is_string()) refuse(name, "a text");
    return json->get<std::string>();
  }

  // What would change the pixels, and is not done here unless it is off.
  void expect_off(const std::string& name) {
    const Json* json = find(name);
    if (json != nullptr && *json != false) refuse(name, "false or nothing: it is not done here");
  }

  void expect_all_known() const {
    for (const auto& [name, value] : object_.items())
      if (!value.is_null() && !known_.contains(name))
        throw usage_error({where_ + ": " + name, "unknown field", "", "",
                           suggestion(name, {known_.begin(), known_.end()})});
  }

  const std::string& where() const { return where_; }

 private:
  const Json& object_;
  std::string where_;
  std::set<std::string> known_;
};

int64_t side(const Fields& fields, const std::string& name, const Json& json) {
  if (!json.is_number_integer() || json.get<int64_t>() < 1 || json.get<int64_t>() > kMostSide)
    fields.refuse(name, text("whole numbers from 1 to ", kMostSide));
  return json.get<int64_t>();
}

struct Size {
  int64_t short_edge = 0, height = 0, width = 0;
};

// A number, [height, width], {height, width} or {shortest_edge}.
Size read_size(const Fields& fields, const std::string& name, const Json& json, bool square) {
  constexpr const char* kForms = "a number, [height, width], {height, width} or {shortest_edge}";
  Size out;
  if (json.is_number()) {
    const int64_t edge = side(fields, name, json);
    return square ? Size{0, edge, edge} : Size{edge, 0, 0};
  }
  if (json.is_array() && json.size() == 2)
    return {0, side(fields, name, json[0]), side(fields, name, json[1])};
  if (!json.is_object()) fields.refuse(name, kForms);
  for (const auto& [key, value] : json.items()) {
    if (value.is_null()) continue;
    int64_t* to = key == "shortest_edge" ? &out.short_edge
                  : key == "height"      ? &out.height
                  : key == "width"       ? &out.width
                                         : nullptr;
    if (to == nullptr) fields.refuse(name, kForms);
    *to = side(fields, name, value);
  }
  const bool sides = out.height > 0 && out.width > 0, none = out.height == 0 && out.width == 0;
  if (out.short_edge > 0 ? !none : !sides) fields.refuse(name, kForms);
  return out;
}

void read_colours(Fields& fields, const std::string& name, std::array<double, 3>& values) {
  const Json* json = fields.find(name);
  if (json == nullptr) return;
  const bool one = json->is_number();
  if (!one && !(json->is_array() && json->size() == 3)) fields.refuse(name, "a number or three");
  for (size_t c = 0; c < 3; ++c) {
    const Json& value = one ? *json : (*json)[c];
    if (!value.is_number()) fields.refuse(name, "a number or three");
    values[c] = value.get<double>();
  }
}

// {longest_edge} alone.
void read_longest_edge(Fields& fields, const std::string& name, int64_t& edge) {
  const Json* json = fields.find(name);
  if (json == nullptr) return;
  if (!json->is_object() || json->size() != 1 || !json->contains("longest_edge"))
    fields.refuse(name, "{longest_edge}");
  edge = side(fields, name, json->at("longest_edge"));
}

// Lanczos of a processor of tiles is bicubic in torchvision 0.26.
void read_filter(Fields& fields, bool is_lanczos_known, Filter& filter) {
  const Json* json = fields.find("resample");
  if (json == nullptr || (is_lanczos_known && *json == 1)) return;
  if (*json != 0 && *json != 2 && *json != 3)
    fields.refuse("resample", "0 (nearest), 2 (bilinear) or 3 (bicubic)");
  filter = *json == 0 ? Filter::kNearest : *json == 2 ? Filter::kBilinear : Filter::kBicubic;
}

Kind read_kind(Fields& fields) {
  std::string name = fields.word("image_processor_type");
  const std::string old = fields.word("feature_extractor_type");
  if (name.empty()) name = old;
  if (name.empty()) return {};
  std::string stem = name;
  for (const std::string ending : {"Fast", "Pil"})
    if (stem.ends_with(ending)) stem.resize(stem.size() - ending.size());
  if (stem.ends_with("FeatureExtractor")) stem.replace(stem.size() - 16, 16, "ImageProcessor");
  std::vector<std::string> names;
  for (const Kind& kind : kinds()) {
    if (kind.defaults.kind == stem) return kind;
    names.push_back(kind.defaults.kind);
  }
  throw usage_error({fields.where() + ": image_processor_type", "an image processor that is not known",
                     join(names, ", "), "'" + name + "'"});
}

void expect_whole(const Fields& fields, const ImageProcessorConfig& config) {
  if (config.resizes && config.tile == 0 && config.short_edge == 0 && config.height == 0)
    fields.refuse("size", "a size, or an image_processor_type that has one");
  if (config.crops && config.crop_height == 0) fields.refuse("crop_size", "a size");
  if (config.normalises &&
      std::any_of(config.std.begin(), config.std.end(), [](double s) { return !(s > 0); }))
    fields.refuse("image_std", "numbers above zero, or an image_processor_type that has them");
  if (config.rescales && !(config.rescale_factor > 0)) fields.refuse("rescale_factor", "a number above zero");
}

ImageProcessorConfig read_fields(Fields fields) {
  const Kind kind = read_kind(fields);
  ImageProcessorConfig out = kind.defaults;
  fields.flag("do_resize", out.resizes);
  fields.flag("do_center_crop", out.crops);
  fields.flag("do_rescale", out.rescales);
  fields.flag("do_normalize", out.normalises);
  bool square = kind.square || out.kind.empty(), always = true;
  fields.flag("default_to_square", square);
  fields.flag("do_convert_rgb", always);  // towers read RGB: what is not RGB is converted in any case
  if (out.tile > 0) {
    read_longest_edge(fields, "size", out.longest_edge);
    read_longest_edge(fields, "max_image_size", out.tile);
    fields.flag("do_image_splitting", out.splits);
    fields.flag("do_pad", always);  // with whole images, which a mask leaves out: they are not there at all
    fields.find("return_row_col_info");
  } else if (const Json* size = fields.find("size")) {
    const Size read = read_size(fields, "size", *size, square);
    out.short_edge = read.short_edge, out.height = read.height, out.width = read.width;
  }
  if (const Json* size = fields.find("crop_size")) {
    const Size read = read_size(fields, "crop_size", *size, true);
    if (read.short_edge > 0) fields.refuse("crop_size", "height and width");
    out.crop_height = read.height, out.crop_width = read.width;
  }
  if (const Json* factor = fields.find("rescale_factor")) {
    if (!factor->is_number()) fields.refuse("rescale_factor", "a number above zero");
    out.rescale_factor = factor->get<double>();
  }
  read_filter(fields, out.tile > 0, out.filter);
  read_colours(fields, "image_mean", out.mean);
  read_colours(fields, "image_std", out.std);
  if (out.tile == 0)
    for (const char* name : {"do_pad", "do_image_splitting"}) fields.expect_off(name);
  if (const Json* format = fields.find("data_format"); format != nullptr && *format != "channels_first")
    fields.refuse("data_format", "\"channels_first\"");
  // Nothing of the pixels depends on these.
  for (const char* name : {"processor_class", "_valid_processor_keys", "return_tensors", "disable_grouping",
                           "image_seq_length", "pad_size", "device", "_processor_class"})
    fields.find(name);
  fields.expect_all_known();
  expect_whole(fields, out);
  return out;
}

Json parse(const std::string& file) {
  Json json = Json::parse(read_file(file), nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) throw usage_error({file, "not what it should be", "a JSON object"});
  return json;
}

}  // namespace

ImageProcessorConfig load_image_processor_config(const std::string& folder) {
  const std::string own = folder + "/preprocessor_config.json", shared = folder + "/processor_config.json";
  if (std::filesystem::exists(own)) return read_fields({parse(own), own});
  if (!std::filesystem::exists(shared))
    throw usage_error(
        {folder, "has no image processor", "preprocessor_config.json", "", "is this a vision model?"});
  const Json json = parse(shared);
  const auto part = json.find("image_processor");
  if (part == json.end()) throw usage_error({shared, "has no image processor", "the field image_processor"});
  return read_fields({*part, shared + ": image_processor"});
}

}  // namespace athanor
