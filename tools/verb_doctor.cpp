// athanor doctor: whether this machine can train, and what to do where it cannot.
#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "src/core/error.h"
#include "tools/doctor.h"
#include "tools/verbs.h"

namespace athanor {

void add_doctor_verb(CLI::App& app) {
  auto as_json = std::make_shared<bool>(false);
  CLI::App* verb =
      app.add_subcommand("doctor", "Check this machine, and say what to do where something is wrong");
  verb->add_flag("--json", *as_json, "print JSON");
  verb->footer("Example:\n  athanor doctor");
  verb->callback([as_json, &app] {
    const std::vector<Finding> findings = examine(app.version());
    std::cout << (*as_json ? findings_json(findings) : findings_text(findings)) << std::flush;
    for (const Finding& finding : findings)
      if (finding.status == Finding::Status::kFailed)
        throw Error({.where = finding.name, .what = finding.text, .hint = finding.to_do});
  });
}

}  // namespace athanor
