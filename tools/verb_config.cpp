// athanor config: a configuration, of a training job or of another kind, resolved, checked, described.
#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "src/core/config.h"
#include "tools/config_kinds.h"
#include "tools/verbs.h"

namespace athanor {
namespace {

constexpr const char* kExamples =
    "Example:\n"
    "  athanor config show configs/multi_timeframe_lstm.yaml optimizer.lr=5e-4\n"
    "  athanor config validate configs/*.yaml\n"
    "  athanor config schema > athanor.schema.json   # for editors with a YAML language server";

std::string kinds_text() {
  std::string out;
  for (const ConfigKind& each : config_kinds())
    out += (out.empty() ? "" : "; ") + each.name + ", " + each.summary;
  return out;
}

void add_show(CLI::App& verb) {
  struct Flags {
    std::string path;
    std::vector<std::string> overrides;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* show =
      verb.add_subcommand("show", "Print a configuration with every key, its value and its meaning");
  show->add_option("config", flags->path, "the file: " + kinds_text())->required()->type_name("CONFIG");
  show->add_option("overrides", flags->overrides, "changes to it")->type_name("KEY=VALUE");
  show->footer("Example:\n  athanor config show configs/multi_timeframe_lstm.yaml optimizer.lr=5e-4");
  show->callback([flags] {
    std::cout << config_yaml(kind_of_config(flags->path).load(flags->path, flags->overrides)) << std::flush;
  });
}

void add_validate(CLI::App& verb) {
  auto paths = std::make_shared<std::vector<std::string>>();
  CLI::App* validate =
      verb.add_subcommand("validate", "Check configurations; says nothing of the data that they name");
  validate->add_option("configs", *paths, "the files")->required()->type_name("CONFIG");
  validate->footer("Example:\n  athanor config validate configs/*.yaml");
  validate->callback([paths] {
    for (const std::string& path : *paths) {
      kind_of_config(path).load(path, {});
      std::cout << path << ": OK\n";
    }
  });
}

void add_schema(CLI::App& verb) {
  auto name = std::make_shared<std::string>("job");
  CLI::App* schema = verb.add_subcommand("schema", "Print the JSON Schema of a kind of configuration");
  schema->add_option("kind", *name, kinds_text())->type_name("KIND")->capture_default_str();
  schema->footer("Example:\n  athanor config schema > athanor.schema.json");
  schema->callback([name] {
    const ConfigKind& kind = config_kind(*name);
    std::cout << config_schema(kind.defaults(), "Athanor " + kind.name) << std::flush;
  });
}

void add_reference(CLI::App& verb) {
  CLI::App* reference =
      verb.add_subcommand("reference", "Print all keys of all configurations as Markdown tables");
  reference->footer("Example:\n  athanor config reference > REFERENCE.md");
  reference->callback([] {
    for (const ConfigKind& kind : config_kinds())
      std::cout << "## `" << kind.name << "`: " << kind.summary << "\n\n"
                << config_reference(kind.defaults()) << std::flush;
  });
}

}  // namespace

void add_config_verb(CLI::App& app) {
  CLI::App* verb = app.add_subcommand("config", "Show, check or describe configurations");
  verb->require_subcommand(1);
  verb->footer(kExamples);
  add_show(*verb);
  add_validate(*verb);
  add_schema(*verb);
  add_reference(*verb);
}

}  // namespace athanor
