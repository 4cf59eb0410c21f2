// athanor: the program. Adds the verbs, holds the only catch, turns errors into one line and an exit code.
#include <CLI/CLI.hpp>
#include <exception>
#include <iostream>
#include <string>
#include <vector>

#include "src/core/error.h"
#include "src/core/files.h"
#include "src/core/memory.h"
#include "src/core/text.h"
#include "tools/verbs.h"

namespace {

// An unknown verb is what CLI11 calls a missing one: name it, and the nearest verb that stands at its place.
std::string what_is_wrong(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App* verb = &app;
  std::string place, line = "athanor";
  while (!verb->get_subcommands().empty()) {
    verb = verb->get_subcommands().front();
    line += " " + verb->get_name();
    place = verb->get_name() + ": ";
  }
  std::vector<std::string> known;
  for (const CLI::App* one : verb->get_subcommands([](const CLI::App*) { return true; }))
    known.push_back(one->get_name());
  const std::vector<std::string> unknown = app.remaining(true);
  if (!known.empty() && !unknown.empty() && unknown.front().front() != '-')
    return place + "unknown verb '" + unknown.front() +
           "'; hint: " + athanor::suggestion(unknown.front(), known);
  return std::string(error.what()) + "; hint: " + line + " --help";
}

int run(int argc, char** argv) {
  CLI::App app{"Athanor: trains, evaluates and exports LibTorch models from one YAML file a job.", "athanor"};
  app.require_subcommand(1);
  app.set_version_flag("--version", ATHANOR_VERSION);
  app.footer(
      "A first job, from bars to an exported model:\n"
      "  athanor synth bars --output M1.csv\n"
      "  athanor prepare bars --input M1.csv --output bars.h5\n"
      "  athanor train configs/multi_timeframe_lstm.yaml data.path=bars.h5 --run-dir runs/first\n"
      "  athanor eval runs/first --split test\n"
      "  athanor export runs/first --output model.pt");
  athanor::add_prepare_verb(app);
  athanor::add_synth_verb(app);
  athanor::add_train_verb(app);
  athanor::add_eval_verb(app);
  athanor::add_encode_verb(app);
  athanor::add_predict_verb(app);
  athanor::add_export_verb(app);
  athanor::add_config_verb(app);
  athanor::add_parity_verb(app);
  athanor::add_doctor_verb(app);
  athanor::add_augment_verb(app);
  athanor::add_tokenize_verb(app);
  athanor::add_rqa_verb(app);
  athanor::add_bench_verb(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    std::cerr << "athanor: " << what_is_wrong(app, error) << "\n";
    return static_cast<int>(athanor::ExitCode::kUsage);
  }
  if (!std::cout.flush())
    throw athanor::Error({"standard output", "cannot write: " + athanor::system_reason()});
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  athanor::keep_freed_memory();
  try {
    return run(argc, argv);
  } catch (const athanor::Error& error) {
    std::cerr << "athanor: " << error.what() << "\n";
    return static_cast<int>(error.exit_code());
  } catch (const std::exception& error) {
    const std::string message = error.what();
    std::cerr << "athanor: internal error: " << message.substr(0, message.find('\n')) << "\n";
    return static_cast<int>(athanor::ExitCode::kFailed);
  }
}
