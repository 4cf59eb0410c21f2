// athanor: the program. Adds the verbs, holds the only catch, turns errors into one line and an exit code.
#include <CLI/CLI.hpp>
#include <exception>
#include <iostream>

#include "src/core/error.h"
#include "tools/verbs.h"

namespace {

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
  athanor::add_export_verb(app);
  athanor::add_config_verb(app);
  athanor::add_doctor_verb(app);
  athanor::add_bench_verb(app);
  try {
    app.parse(argc, argv);
    return 0;
  } catch (const CLI::Success& success) {
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    std::cerr << "athanor: " << error.what() << "; hint: athanor --help\n";
    return static_cast<int>(athanor::ExitCode::kUsage);
  }
}

}  // namespace

int main(int argc, char** argv) {
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
