#include "tools/encode/prompts.h"

#include <filesystem>
#include <map>

#include "models/encoders/hf_folder.h"
#include "src/core/error.h"

namespace athanor {
namespace {

constexpr const char* kImage = "<image>";
constexpr const char* kEndOfUtterance = "<end_of_utterance>";
constexpr int kQueryTokens = 10;  // that ColModernVBERT's processor puts behind a query

struct Prompts {
  std::map<std::string, Prompt> named;
  std::string by_default;  // a name, or ""
};

// Of a processor_config.json; an empty field where there is none.
std::string processor_field(const std::string& folder, const std::string& field) {
  const std::string file = folder + "/processor_config.json";
  return std::filesystem::exists(file) ? HfConfig(file).word(field, "") : "";
}

Prompts sentence_prompts(const std::string& folder) {
  Prompts prompts;
  const std::string file = folder + "/config_sentence_transformers.json";
  if (!std::filesystem::exists(file)) return prompts;
  const HfConfig config(file), named = config.section("prompts");
  for (const std::string& name : named.fields()) prompts.named[name] = {named.word(name), ""};
  prompts.by_default = config.word("default_prompt_name", "");
  if (!prompts.by_default.empty() && !prompts.named.contains(prompts.by_default))
    config.refuse("default_prompt_name", "the name of one of the prompts");
  if (prompts.named.contains("document")) prompts.named.emplace("passage", prompts.named["document"]);
  return prompts;
}

Prompts prompts_of(const Encoder& encoder, InputKind input) {
  Prompts prompts;
  if (encoder.joint() != nullptr) {
    std::string after;
    for (int i = 0; i < kQueryTokens; ++i) after += kEndOfUtterance;
    prompts.named["query"] = {processor_field(encoder.text_folder(), "query_prefix"), after};
    prompts.named["passage"] = {};
  } else if (encoder.text_folder() != encoder.folder()) {
    for (const auto& [name, prompt] : encoder.prompts()) prompts.named[name] = {prompt, ""};
  } else {
    return sentence_prompts(encoder.folder());
  }
  const std::string usual = input == InputKind::kTexts ? "query" : "passage";
  if (prompts.named.contains(usual)) prompts.by_default = usual;
  return prompts;
}

}  // namespace

Prompt find_prompt(const Encoder& encoder, InputKind input, const std::optional<std::string>& asked) {
  const Prompts prompts = prompts_of(encoder, input);
  const std::string name = asked.value_or(prompts.by_default);
  if (const auto at = prompts.named.find(name); at != prompts.named.end()) return at->second;
  if (name == "query" || name == "passage" || name == "document")
    throw usage_error({"--prompt " + name, "the model has no prompt of this name", "", "",
                       "give the text itself, as in --prompt \"" + name + ": \""});
  return {name, ""};
}

std::string around_image(const Encoder& encoder, InputKind input, const std::string& text) {
  if (text.find(kImage) != std::string::npos) return text;
  const std::string own = processor_field(encoder.text_folder(), "visual_prompt_prefix");
  if (input == InputKind::kImages && !own.empty()) return own;
  return std::string("<|begin_of_text|>User:") + kImage +
         (input == InputKind::kImages ? "Describe the image." : text) + kEndOfUtterance + "\nAssistant:";
}

}  // namespace athanor
