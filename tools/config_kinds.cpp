#include "tools/config_kinds.h"

#include <algorithm>
#include <memory>

#include "src/core/config.h"
#include "src/core/config_keys.h"
#include "src/core/error.h"
#include "src/core/text.h"
#include "tools/rqa_sweep_config.h"
#include "trainers/job.h"

namespace athanor {
namespace {

// The fields of a config that lives as long as they do.
template <class Config>
FieldList owned(Config config) {
  return [held = std::make_shared<Config>(std::move(config))](Fields& fields) { held->list_fields(fields); };
}

RqaSweepConfig load_rqa_sweep(const std::string& path, const std::vector<std::string>& overrides) {
  RqaSweepConfig config;
  read_config(path, overrides, fields_of(config));
  config.options(path + ": ");
  return config;
}

template <class Config, class Load>
ConfigKind kind(const std::string& name, const std::string& summary, Load load) {
  return {name, summary, [] { return owned(Config()); },
          [load](const std::string& path, const std::vector<std::string>& overrides) {
            return owned(load(path, overrides));
          }};
}

std::vector<std::string> names_of(const std::vector<ConfigKind>& kinds) {
  std::vector<std::string> names;
  for (const ConfigKind& each : kinds) names.push_back(each.name);
  return names;
}

}  // namespace

const std::vector<ConfigKind>& config_kinds() {
  static const std::vector<ConfigKind> kinds{
      kind<JobConfig>("job", "a model's training and all that follows it: athanor train", load_job),
      kind<RqaSweepConfig>("rqa_sweep", "recurrence analysis of a study: athanor rqa sweep", load_rqa_sweep)};
  return kinds;
}

const ConfigKind& config_kind(const std::string& name) {
  for (const ConfigKind& each : config_kinds())
    if (each.name == name) return each;
  throw usage_error(
      {name, "no such kind of configuration", "", "", suggestion(name, names_of(config_kinds()))});
}

const ConfigKind& kind_of_config(const std::string& path) {
  const std::vector<std::string> keys = config_keys(path);
  const ConfigKind* best = &config_kinds().front();
  int64_t most = 0;
  std::vector<std::string> expected;
  for (const ConfigKind& each : config_kinds()) {
    const std::vector<std::string> known = field_keys(each.defaults());
    const int64_t held = std::count_if(keys.begin(), keys.end(), [&](const std::string& key) {
      return std::find(known.begin(), known.end(), key) != known.end();
    });
    if (held > most) best = &each, most = held;
    expected.push_back(text(each.name, " (", join(known, ", "), ")"));
  }
  if (most == 0 && !keys.empty())
    throw usage_error({path, "not a configuration of any kind", "keys of " + join(expected, " or of "),
                       join(keys, ", "), ""});
  return *best;
}

}  // namespace athanor
