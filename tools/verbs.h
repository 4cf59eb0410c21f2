// The verbs of `athanor`, one file each (tools/verb_x.cpp): flags -> config -> one call. A verb adds its
// subcommand to the app and sets a callback; errors are thrown, main() holds the only catch.
#pragma once

namespace CLI {
class App;
}

namespace athanor {

void add_train_verb(CLI::App& app);
void add_eval_verb(CLI::App& app);
void add_encode_verb(CLI::App& app);
void add_predict_verb(CLI::App& app);
void add_export_verb(CLI::App& app);
void add_prepare_verb(CLI::App& app);
void add_synth_verb(CLI::App& app);
void add_config_verb(CLI::App& app);
void add_parity_verb(CLI::App& app);
void add_doctor_verb(CLI::App& app);
void add_augment_verb(CLI::App& app);
void add_tokenize_verb(CLI::App& app);
void add_bench_verb(CLI::App& app);
void add_rqa_verb(CLI::App& app);

}  // namespace athanor
