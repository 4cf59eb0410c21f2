// athanor config: a job's configuration resolved, checked, described.
#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "src/core/config.h"
#include "tools/verbs.h"
#include "trainers/job.h"

namespace athanor {
namespace {

constexpr const char* kExamples =
    "Example:\n"
    "  athanor config show configs/multi_timeframe_lstm.yaml optimizer.lr=5e-4\n"
    "  athanor config validate configs/quickstart.yaml configs/face_parsing.yaml\n"
    "  athanor config schema > athanor.schema.json   # for editors with a YAML language server";

void add_show(CLI::App& verb) {
  struct Flags {
    std::string path;
    std::vector<std::string> overrides;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* show = verb.add_subcommand("show", "Print the job with every key, its value and its meaning");
  show->add_option("config", flags->path, "the job")->required()->type_name("CONFIG");
  show->add_option("overrides", flags->overrides, "changes to it")->type_name("KEY=VALUE");
  show->footer("Example:\n  athanor config show configs/multi_timeframe_lstm.yaml optimizer.lr=5e-4");
  show->callback([flags] {
    JobConfig job = load_job(flags->path, flags->overrides);
    std::cout << config_yaml(fields_of(job)) << std::flush;
  });
}

void add_validate(CLI::App& verb) {
  auto paths = std::make_shared<std::vector<std::string>>();
  CLI::App* validate = verb.add_subcommand("validate", "Check jobs; says nothing of the data that they name");
  validate->add_option("configs", *paths, "the jobs")->required()->type_name("CONFIG");
  validate->footer("Example:\n  athanor config validate configs/quickstart.yaml configs/face_parsing.yaml");
  validate->callback([paths] {
    for (const std::string& path : *paths) {
      load_job(path, {});
      std::cout << path << ": OK\n";
    }
  });
}

void add_descriptions(CLI::App& verb) {
  CLI::App* schema = verb.add_subcommand("schema", "Print the JSON Schema of jobs");
  schema->footer("Example:\n  athanor config schema > athanor.schema.json");
  schema->callback([] {
    JobConfig job;
    std::cout << config_schema(fields_of(job), "Athanor job") << std::flush;
  });
  CLI::App* reference = verb.add_subcommand("reference", "Print all keys as Markdown tables");
  reference->footer("Example:\n  athanor config reference > REFERENCE.md");
  reference->callback([] {
    JobConfig job;
    std::cout << config_reference(fields_of(job)) << std::flush;
  });
}

}  // namespace

void add_config_verb(CLI::App& app) {
  CLI::App* verb = app.add_subcommand("config", "Show, check or describe the configuration of jobs");
  verb->require_subcommand(1);
  verb->footer(kExamples);
  add_show(*verb);
  add_validate(*verb);
  add_descriptions(*verb);
}

}  // namespace athanor
