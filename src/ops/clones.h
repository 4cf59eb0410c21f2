// ATHANOR_CLONES before a function of plain loops: compiled for AVX-512, AVX2 and without either, the loader
// picks at start. Not under the address sanitizer, which runs before the loader has picked.
#pragma once

#if defined(__x86_64__) && defined(__linux__) && !defined(__SANITIZE_ADDRESS__)
#define ATHANOR_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define ATHANOR_CLONES
#endif
