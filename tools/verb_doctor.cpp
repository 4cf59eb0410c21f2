// athanor doctor: whether this machine can train and a model can be encoded with, and what to do where not.
#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "src/core/error.h"
#include "tools/doctor.h"
#include "tools/verbs.h"

namespace athanor {

void add_doctor_verb(CLI::App& app) {
  struct Flags {
    bool as_json = false;
    std::string model;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* verb =
      app.add_subcommand("doctor", "Check this machine, and say what to do where something is wrong");
  verb->add_option("--model", flags->model, "an encoder's Hugging Face folder: check it too, and time it")
      ->type_name("DIR");
  verb->add_flag("--json", flags->as_json, "print JSON");
  verb->footer("Examples:\n  athanor doctor\n  athanor doctor --model all-MiniLM-L6-v2");
  verb->callback([flags, &app] {
    std::vector<Finding> findings = examine(app.version());
    if (!flags->model.empty())
      for (Finding& finding : examine_model(flags->model)) findings.push_back(std::move(finding));
    std::cout << (flags->as_json ? findings_json(findings) : findings_text(findings)) << std::flush;
    for (const Finding& finding : findings)
      if (finding.status == Finding::Status::kFailed)
        throw Error({.where = finding.name, .what = finding.text, .hint = finding.to_do});
  });
}

}  // namespace athanor
