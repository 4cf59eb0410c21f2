// Activations of the form x g(s x), where g rises from 0 to 1 and g(-v) = 1 - g(v), as piecewise polynomials:
// what a vector of numbers looks up is in registers, so that it takes half the time of an exponential and a
// division. GELU (Hendrycks and Gimpel 2016) by erf and by tanh, SiLU, and CLIP's x sigmoid(1.702 x).
#pragma once

#include "src/ops/activation.h"

namespace athanor {

struct GateTable {
  static constexpr int kPieces = 32, kTerms = 5;
  float pieces_a_unit;  // pieces of |x| a unit
  // terms[t][p]: of (|x| - middle of piece p)^t, for x from 0 to kPieces / pieces_a_unit, behind which g is 1
  alignas(64) float terms[kTerms][kPieces];
};

// Of an activation that has the form; within 2e-7 of g.
const GateTable& gate_table(Activation activation);

}  // namespace athanor
