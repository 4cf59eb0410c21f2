// The inner loops of LSTM training on the CPU, for one block of rows (samples) at one step: matrix products
// with the gates fused behind them, in fp32, for AVX2 and AVX-512. Plain pointers;
// models/layers/fused_lstm.cpp drives them. Gate columns lie interleaved: for each group of `lanes` units,
// `lanes` columns of i, then of f, g and o.
#pragma once

#include <cstdint>
#include <vector>

namespace athanor {

// Which units drop out: a hash of (key, row, unit), so that forward and backward draw the same mask.
struct DropoutMask {
  uint64_t key = 0;        // of this step
  uint32_t threshold = 0;  // drops where the hash lies below; 0: no dropout
  float scale = 1;         // 1 / (1 - p)
  uint32_t first_row = 0;  // of the block in the batch
};

struct LstmForwardStep {
  int64_t rows, input, hidden;
  const float* x;         // [rows,input]
  const float* h_before;  // [rows,hidden]
  const float* c_before;  // [rows,hidden]
  const float* weights;   // [hidden/lanes][input+hidden][4*lanes]
  const float* bias;      // [4*hidden], interleaved
  float* gates;           // [rows,4*hidden], interleaved, after their activations
  float* c;               // [rows,hidden]
  float* h;               // [rows,hidden]
  float* dropped;         // [rows,hidden] h after dropout; nullptr: not wanted
  DropoutMask mask;
};

struct LstmBackwardStep {
  int64_t rows, hidden;
  const float* c_before;    // [rows,hidden]
  const float* c;           // [rows,hidden]
  const float* dh_next;     // [rows,hidden] from the step after
  const float* dh_above;    // from the layer above or the output; nullptr: none
  int64_t dh_above_stride;  // floats between rows
  DropoutMask mask;         // on dh_above
  float* gates;             // [rows,4*hidden] activations, replaced by the gradient before them
  float* dc;                // [rows,hidden] in: from the step after; out: for the step before
  float* dbias;             // [4*hidden], added to
};

// C[m,n] (+)= sum over k of A[m*row_stride + k*k_stride] * B[k*ldb + n].
struct MatrixProduct {
  int64_t m, n, k;
  const float* a;
  int64_t a_row_stride, a_k_stride;
  const float* b;
  int64_t ldb;
  float* c;
  int64_t ldc;
  bool accumulate;
};

struct LstmKernel {
  const char* name;
  int64_t lanes;  // floats a vector; `hidden` and a product's n must be multiples
  void (*forward)(const LstmForwardStep&);
  void (*backward)(const LstmBackwardStep&);
  // a [m,k] by rows, b weights as `pack` leaves them.
  void (*multiply_weights)(const MatrixProduct&);
  // Two products of one a, [k,m] transposed.
  void (*multiply_transposed)(const MatrixProduct&, const MatrixProduct&);
  // Brings weights [rows,columns] into the kernel's form, in no more room; nullptr where fp32 stays as it is.
  void (*pack)(const float* weights, int64_t rows, int64_t columns, float* packed);
};

extern const LstmKernel kLstmKernelAvx2;
extern const LstmKernel kLstmKernelAvx512;
// Products of bf16 factors summed in fp32 (all else stays fp32), by AMX tiles.
extern const LstmKernel kLstmKernelAmx;
// Those that this CPU runs, the best first: for fp32, or for bf16.
const std::vector<const LstmKernel*>& lstm_kernels(bool bf16);
// The best, or nullptr.
const LstmKernel* find_lstm_kernel(bool bf16);

}  // namespace athanor
