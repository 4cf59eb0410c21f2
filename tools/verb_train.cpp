// athanor train: a job file in, a run directory with a trained model out.
#include <ATen/Context.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>
#include <memory>

#include "src/core/config.h"
#include "src/core/device.h"
#include "src/core/error.h"
#include "src/core/log.h"
#include "src/core/stop.h"
#include "src/core/text.h"
#include "tools/verbs.h"
#include "trainers/run_dir.h"
#include "trainers/train_job.h"

namespace athanor {
namespace {

struct TrainFlags {
  std::vector<std::string> words;  // CONFIG, then overrides
  std::string run_dir;
  bool resume = false, dry_run = false, overfit_one_batch = false;
};

constexpr int64_t kOverfitSteps = 300;

std::string resumed_config(const std::string& run_dir) {
  std::string path = run_dir + "/config.yaml";
  if (!std::filesystem::exists(path))
    throw usage_error(
        {run_dir, "no run to resume: it holds no config.yaml", "", "", "give CONFIG to start one"});
  return path;
}

JobConfig read_job(const TrainFlags& flags, std::string& config_path) {
  if (flags.resume && flags.run_dir.empty())
    throw usage_error(
        {"--resume", "which run?", "--run-dir DIR", "", "athanor train --resume --run-dir runs/NAME"});
  std::vector<std::string> overrides = flags.words;
  if (!overrides.empty() && overrides.front().find('=') == std::string::npos) {
    config_path = overrides.front();
    overrides.erase(overrides.begin());
  } else if (flags.resume) {
    config_path = resumed_config(flags.run_dir);
  } else {
    throw usage_error({"athanor train", "no job file", "athanor train CONFIG.yaml", "", "see configs/"});
  }
  if (flags.overfit_one_batch) overrides.emplace_back("trainer.overfit_one_batch=true");
  JobConfig job = load_job(config_path, overrides);
  if (job.trainer.overfit_one_batch) {
    // As many steps as asked for, whatever an epoch is.
    if (job.trainer.max_steps == 0) job.trainer.max_steps = kOverfitSteps;
    job.trainer.max_epochs = 0;
  }
  return job;
}

void check_same_job(const Checkpoint& checkpoint, JobConfig& job, const std::string& run_dir) {
  JobConfig before = load_job(checkpoint.directory + "/config.yaml", {});
  const std::vector<std::string> different = differing_keys(before, job);
  if (!different.empty())
    throw usage_error({run_dir, "the job is not the one that was begun here", "", join(different, "; "),
                       "resume without these changes, or start anew with another --run-dir"});
  const auto length = [](const JobConfig& one) {
    return std::pair(one.trainer.max_epochs, one.trainer.max_steps);
  };
  const std::string& schedule = job.schedule.name;
  if (length(before) != length(job) && job.schedule.total_steps == 0 && schedule != "constant" &&
      schedule != "plateau")
    log_warning("the run has another length now, and with it its '" + schedule +
                "' schedule, from here on; schedule.total_steps would have kept it");
}

void print_result(const TrainResult& result, JobConfig& job, const std::string& run_dir) {
  std::cout << "trained " << result.step << " steps"
            << (result.stopped_early ? ", then stopped early: no better " + job.trainer.monitor : "") << "\n";
  for (const auto& [name, value] : result.last_evaluation)
    std::cout << "  last " << name << " " << decimals(value, 4) << "\n";
  if (job.trainer.overfit_one_batch)
    std::cout << "  loss of the one batch " << decimals(result.train_loss, 6) << "\n";
  if (result.best_step >= 0)
    std::cout << "  best " << job.trainer.monitor << " " << decimals(result.best_value, 4) << " at step "
              << result.best_step << "\n";
  std::cout << "checkpoint  " << run_dir << "/checkpoints/" << (result.best_step >= 0 ? "best" : "last")
            << "\n"
            << "next        athanor eval " << run_dir << " --split test\n"
            << "            athanor export " << run_dir << " --output model.pt\n";
}

void dry_run(TrainJob& job) {
  std::cout << job.plan() << "\n";
  const double loss = job.trainer().try_batch();
  job.trainer().check_validation();
  std::cout << "checked: one batch forward and backward (loss " << decimals(loss, 4)
            << ") and validation; nothing was written\n";
}

void train(const TrainFlags& flags) {
  open_cuda_library();
  // Before the first worker thread, which inherits it: fading gradients become denormals, which are slow.
  at::globalContext().setFlushDenormal(true);
  install_stop_signals();
  std::string config_path;
  JobConfig config = read_job(flags, config_path);
  const std::string run_path = flags.run_dir.empty() ? default_run_dir(config_path) : flags.run_dir;
  if (!flags.resume && !flags.dry_run) check_new_run_dir(run_path);
  const at::Device device = resolve_device(config.device);
  TrainJob job(std::move(config), device);
  if (flags.dry_run) return dry_run(job);

  RunDir run(run_path, flags.resume, config_yaml(fields_of(job.config())), job.spec(),
             job.config().trainer.keep_last);
  const std::optional<Checkpoint> checkpoint = flags.resume ? run.find_checkpoint() : std::nullopt;
  if (checkpoint) {
    check_same_job(*checkpoint, job.config(), run_path);
    job.trainer().resume(*checkpoint);
  } else {
    job.trainer().check_validation();
  }
  run.begin(job.device(), checkpoint ? &*checkpoint : nullptr);
  log_info(text(checkpoint ? text("resuming at step ", checkpoint->values.at("step")) : "training", " in ",
                run_path, ": ", parameter_count(job.model()), " parameters, ", job.trainer().total_steps(),
                " steps, ", job.config().trainer.precision, ", ", device_text(job.device())));
  const TrainResult result = job.trainer().run(&run);
  if (result.interrupted)
    throw Error({run_path, text("interrupted after step ", result.step, ", which is saved"), "", "",
                 "athanor train --resume --run-dir " + run_path},
                ExitCode::kInterrupted);
  print_result(result, job.config(), run_path);
}

}  // namespace

void add_train_verb(CLI::App& app) {
  auto flags = std::make_shared<TrainFlags>();
  CLI::App* verb = app.add_subcommand("train", "Train the model of a job file");
  verb->add_option("CONFIG", flags->words, "job file, then overrides: key.sub=value …")->type_name("");
  verb->add_option("--run-dir", flags->run_dir, "where the run is kept (runs/<config>-<time>)")
      ->type_name("DIR");
  verb->add_flag("--resume", flags->resume, "go on from the newest whole checkpoint of --run-dir");
  verb->add_flag("--dry-run", flags->dry_run,
                 "check everything, print the model and the plan, write nothing");
  verb->add_flag("--overfit-one-batch", flags->overfit_one_batch,
                 "train on the first batch alone, as a test");
  verb->footer(
      "Example:\n"
      "  athanor train configs/quickstart.yaml data.path=bars.h5 optimizer.lr=1e-3 --run-dir runs/first\n"
      "  athanor train --resume --run-dir runs/first\n"
      "Every key with its meaning: athanor config show configs/quickstart.yaml");
  verb->callback([flags] { train(*flags); });
}

}  // namespace athanor
