// What `athanor doctor` looks at: facts about the program, its libraries and the machine, and a few checks
// that something works, each with what to do where it does not.
#pragma once

#include <string>
#include <vector>

namespace athanor {

struct Finding {
  enum class Status { kFact, kOk, kFailed };
  std::string name;
  std::string text;  // what was found, or what failed
  Status status = Status::kFact;
  std::string to_do;  // where it failed, or where more could be had
};

// Takes well under a second; writes and removes one small file in the current folder.
std::vector<Finding> examine(const std::string& program_version);

// A Hugging Face folder of an encoder: what it is, how fast texts, images and pairs become vectors on the CPU
// and on the GPU where there is one, and that a vector alone is the one in a batch. A second or two each.
std::vector<Finding> examine_model(const std::string& model);

std::string findings_text(const std::vector<Finding>& findings);
std::string findings_json(const std::vector<Finding>& findings);
bool any_failed(const std::vector<Finding>& findings);

}  // namespace athanor
