// The subcommands of `athanor rqa`, one file each (tools/verb_rqa_x.cpp); tools/verb_rqa.cpp puts them
// together.
#pragma once

namespace CLI {
class App;
}

namespace athanor {

void add_rqa_one(CLI::App& rqa);
void add_rqa_sweep(CLI::App& rqa);
void add_rqa_merge(CLI::App& rqa);
void add_rqa_report(CLI::App& rqa);
void add_rqa_plot(CLI::App& rqa);
void add_rqa_synth(CLI::App& rqa);

}  // namespace athanor
