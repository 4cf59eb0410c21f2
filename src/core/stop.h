// SIGINT and SIGTERM set a flag that loops poll: finish the step, save, exit 130. A second signal ends at
// once.
#pragma once

namespace athanor {

void install_stop_signals();
bool stop_requested();
// For tests, and to begin a second run in one process.
void request_stop(bool stop);

}  // namespace athanor
