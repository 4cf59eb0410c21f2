// athanor predict: a trained model over a folder of images, a mask for each.
#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "src/core/device.h"
#include "src/core/stop.h"
#include "tools/verbs.h"
#include "trainers/checkpoint.h"
#include "trainers/predict_images.h"

namespace athanor {
namespace {

struct PredictFlags {
  std::string run;
  PredictImagesOptions options;
  std::vector<std::string> overrides;
};

void run_predict(const PredictFlags& flags) {
  open_cuda_library();
  install_stop_signals();
  const std::string checkpoint = resolve_checkpoint(flags.run);
  const at::Device device = resolve_device(load_job(checkpoint + "/config.yaml", flags.overrides).device);
  LoadedModel loaded = load_checkpoint_model(checkpoint, flags.overrides, device);
  const PredictImagesCounts counts = predict_images(loaded, flags.options, device);
  const std::string& output = flags.options.output;
  std::cout << "wrote " << counts.written << " masks to " << output << "/masks"
            << (flags.options.overlay ? " and overlays to " + output + "/overlays" : "");
  if (counts.skipped > 0) std::cout << "; left out " << counts.skipped << " broken images";
  std::cout << "\n";
}

}  // namespace

void add_predict_verb(CLI::App& app) {
  auto flags = std::make_shared<PredictFlags>();
  PredictImagesOptions& options = flags->options;
  CLI::App* verb = app.add_subcommand("predict", "Write a trained model's mask for each image of a folder");
  verb->add_option("run", flags->run, "run directory (its best checkpoint) or checkpoint directory")
      ->required()
      ->type_name("RUN_DIR|CHECKPOINT");
  verb->add_option("overrides", flags->overrides, "changes to the job, e.g. device=cpu")
      ->type_name("KEY=VALUE");
  verb->add_option("--images", options.images, "folder of JPEG and PNG files of any size, or one file")
      ->required()
      ->type_name("DIR|FILE");
  verb->add_option("--output", options.output, "folder to make: masks/NAME.png, class ids with a palette")
      ->required()
      ->type_name("DIR");
  verb->add_flag("--overlay", options.overlay, "also overlays/NAME.jpg: the mask over the image");
  verb->add_flag("--tta", options.mirror, "average with what the model says of the mirror image");
  verb->add_flag("--skip-bad", options.skip_bad,
                 "name broken images and leave them out, instead of ending there");
  verb->add_option("--batch-size", options.batch_size, "images at a time")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  verb->add_option("--threads", options.threads, "that decode and write")
      ->check(CLI::Range(0, 256))
      ->capture_default_str();
  verb->footer("Example:\n  athanor predict runs/faces --images photos --output parsed --overlay");
  verb->callback([flags] { run_predict(*flags); });
}

}  // namespace athanor
