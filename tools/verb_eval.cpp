// athanor eval: a checkpoint judged on a split, against baselines; optionally its predictions as HDF5.
#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>
#include <memory>

#include "src/core/device.h"
#include "src/core/error.h"
#include "src/core/files.h"
#include "src/core/log.h"
#include "src/core/stop.h"
#include "src/core/text.h"
#include "tools/verbs.h"
#include "trainers/checkpoint.h"
#include "trainers/evaluation.h"

namespace athanor {
namespace {

struct EvalFlags {
  std::string path, split = "test", json, predictions, pictures;
  bool with_inputs = false, tta = false;
  std::vector<std::string> overrides;
};

// A place that can be written to, known before minutes of work.
void check_writable(const std::string& path, const std::string& flag) {
  if (path.empty()) return;
  const auto folder = std::filesystem::absolute(path).parent_path();
  if (!std::filesystem::is_directory(folder))
    throw usage_error({.where = flag, .what = text("there is no folder '", folder.string(), "'")});
  if (std::filesystem::is_directory(path))
    throw usage_error({.where = flag, .what = text("'", path, "' is a folder"), .expected = "a file"});
}

void run_eval(const EvalFlags& flags) {
  install_stop_signals();
  if (flags.with_inputs && flags.predictions.empty())
    throw usage_error({.where = "--with-inputs", .what = "needs --predictions FILE.h5"});
  check_writable(flags.json, "--json");
  check_writable(flags.predictions, "--predictions");
  if (std::filesystem::exists(flags.pictures) && !std::filesystem::is_directory(flags.pictures))
    throw usage_error({.where = "--pictures",
                       .what = text("'", flags.pictures, "' is a file"),
                       .expected = "a folder, or nothing there"});
  const std::string checkpoint = resolve_checkpoint(flags.path);
  const at::Device device = resolve_device(load_job(checkpoint + "/config.yaml", flags.overrides).device);
  LoadedModel loaded = load_checkpoint_model(checkpoint, flags.overrides, device);
  if (!is_checkpoint(flags.path) && !is_checkpoint(flags.path + "/checkpoints/best"))
    log_warning(text(flags.path, ": no best checkpoint yet; this is the last one, of step ", loaded.step));
  const Report report = evaluate_model(loaded,
                                       {.split = flags.split == "val"     ? Split::kVal
                                                 : flags.split == "train" ? Split::kTrain
                                                                          : Split::kTest,
                                        .predictions_path = flags.predictions,
                                        .with_inputs = flags.with_inputs,
                                        .pictures_path = flags.pictures,
                                        .mirror = flags.tta},
                                       device);
  if (!flags.json.empty()) write_file_atomically(flags.json, report.json);
  std::cout << report.table << std::flush;
}

}  // namespace

void add_eval_verb(CLI::App& app) {
  auto flags = std::make_shared<EvalFlags>();
  CLI::App* verb =
      app.add_subcommand("eval", "Judge a trained model on a split of its data, against baselines");
  verb->add_option("run", flags->path, "run directory (its best checkpoint) or checkpoint directory")
      ->required()
      ->type_name("RUN_DIR|CHECKPOINT");
  verb->add_option("overrides", flags->overrides, "changes to the job, e.g. data.path=other.h5 device=cpu")
      ->type_name("KEY=VALUE");
  verb->add_option("--split", flags->split, "val, test or train")
      ->check(CLI::IsMember({"val", "test", "train"}))
      ->capture_default_str();
  verb->add_option("--json", flags->json, "write the whole report here")->type_name("FILE");
  verb->add_option("--predictions", flags->predictions,
                   "write time, outputs/* and labels/* of each sample here")
      ->type_name("FILE.h5");
  verb->add_flag("--with-inputs", flags->with_inputs, "with inputs/* too");
  verb->add_option("--pictures", flags->pictures,
                   "write the evaluator's pictures here (masks: confusion matrix, samples)")
      ->type_name("DIR");
  verb->add_flag("--tta", flags->tta, "average with what the model says of the mirror image (masks)");
  verb->footer("Example:\n  athanor eval runs/first --split test --json report.json --predictions said.h5");
  verb->callback([flags] { run_eval(*flags); });
}

}  // namespace athanor
