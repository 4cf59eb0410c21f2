// `athanor parity`: what this program makes of texts and images beside what transformers makes of them, where
// Python with transformers is installed. The reference is scripts/rivals/reference_vectors.py.
#pragma once

#include <string>
#include <vector>

namespace athanor {

struct ParityOptions {
  std::string model;
  std::string texts, images;  // as `athanor encode` reads them; "": made ones
  std::string python;         // "": the environment of scripts/parity where it is, else python3
};

struct ParityRow {
  std::string what;  // "text/hidden", "image/vectors", …
  double difference = 0, allowed = 0;
  std::string shape;
  bool holds() const { return difference <= allowed; }  // false for what is not finite
};

struct ParityReport {
  std::string reference;  // "transformers 5.23.0, torch 2.11.0"
  int64_t texts = 0, images = 0;
  std::vector<ParityRow> rows;
  bool holds() const;
};

// Token ids must be the same; values may differ by 1e-5 of the largest one, above 1. Images go to both sides
// as decoded here. Throws usage Error: Python or a package is missing, a model that transformers does not
// have; Error where the reference fails.
ParityReport compare_with_reference(const ParityOptions& options);

std::string parity_text(const ParityReport& report);

}  // namespace athanor
