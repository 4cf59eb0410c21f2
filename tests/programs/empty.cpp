// Links LibTorch and does nothing: what `athanor --help` is measured against (scripts/bench_startup.py).
#include <ATen/Version.h>

int main(int argc, char** /*argv*/) { return argc > 5 && at::show_config().empty() ? 1 : 0; }
