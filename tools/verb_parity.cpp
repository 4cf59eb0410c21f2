// athanor parity: this program beside transformers, on one model.
#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "src/core/error.h"
#include "tools/parity.h"
#include "tools/verbs.h"

namespace athanor {

void add_parity_verb(CLI::App& app) {
  auto options = std::make_shared<ParityOptions>();
  CLI::App* verb =
      app.add_subcommand("parity", "Compare a model's vectors with those of transformers (Python)");
  verb->add_option("--model", options->model, "Hugging Face folder")->required()->type_name("DIR");
  verb->add_option("--text", options->texts, "texts as for athanor encode, up to 2000 (a dozen of its own)")
      ->type_name("FILE.txt|.jsonl");
  verb->add_option("--images", options->images, "images as for athanor encode, up to 64 (made ones)")
      ->type_name("DIR|FILE");
  verb->add_option("--python", options->python,
                   "Python with transformers (the environment of scripts/parity where it is, else python3)")
      ->type_name("PATH");
  verb->footer("Example:\n  athanor parity --model all-MiniLM-L6-v2");
  verb->callback([options] {
    const ParityReport report = compare_with_reference(*options);
    std::cout << parity_text(report) << std::flush;
    if (!report.holds()) throw Error({options->model, "differs from the reference", "", "see DIFFERS above"});
  });
}

}  // namespace athanor
