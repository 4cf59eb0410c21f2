// Functions that run on the CPU and on the GPU: compiled for both where nvcc compiles them.
#pragma once

#if defined(__CUDACC__)
#define ATHANOR_BOTH __host__ __device__
#else
#define ATHANOR_BOTH
#endif
