// Intel's AMX: products of small matrices ("tiles") of bf16 or int8 factors.
#pragma once

namespace athanor {

// Whether this CPU has tiles for bf16 and int8 (and AVX-512 with bf16 conversions beside them), and the
// system gave this process leave to use them.
bool has_amx();

}  // namespace athanor
