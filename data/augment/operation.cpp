// Lists of operations, the named ones among them, and the table of operations (operations.def).
#include "data/augment/operation.h"

#include "data/augment/operations.h"
#include "src/core/text.h"

namespace athanor {

#define ATHANOR_OPERATION(x) OperationComponent make_##x##_operation();
#include "data/augment/operations.def"
#undef ATHANOR_OPERATION

const std::vector<OperationComponent>& operation_components() {
  static const std::vector<OperationComponent> table = {
#define ATHANOR_OPERATION(x) make_##x##_operation(),
#include "data/augment/operations.def"
#undef ATHANOR_OPERATION
  };
  return table;
}

void OperationConfig::list_common_fields(Fields& fields) {
  fields.field("p", p, "how likely it is applied to a sample", kFraction);
  fields.field("from_epoch", from_epoch, "first epoch in which it is on", kNonNegative);
  fields.field("until_epoch", until_epoch, "first epoch in which it is off again; 0: never", kNonNegative);
}

bool OperationList::Entry::is_on(int64_t epoch) const {
  return p > 0 && epoch >= from_epoch && (until_epoch == 0 || epoch < until_epoch);
}

OperationList::OperationList(std::vector<OperationChoice> choices) {
  for (OperationChoice& choice : choices) {
    const auto& common = static_cast<const OperationConfig&>(choice.config());
    entries_.push_back({choice.make(), common.p, common.from_epoch, common.until_epoch});
  }
}

SampleChange OperationList::draw(uint64_t seed, int64_t epoch, int64_t sample,
                                 const SampleChange& unchanged) const {
  const uint64_t own = mix_seed(mix_seed(seed, static_cast<uint64_t>(epoch)), static_cast<uint64_t>(sample));
  SampleChange change = unchanged;
  for (size_t i = 0; i < entries_.size(); ++i) {
    if (!entries_[i].is_on(epoch)) continue;
    Rng rng(mix_seed(own, i));  // its own stream: changing one operation leaves the others' draws alone
    if (rng.uniform() < entries_[i].p) entries_[i].operation->draw(rng, change);
  }
  return change;
}

std::string OperationList::describe(int64_t epoch) const {
  std::vector<std::string> parts;
  for (const Entry& entry : entries_)
    if (entry.is_on(epoch))
      parts.push_back(entry.operation->describe() + (entry.p < 1 ? " p " + shortest(entry.p) : ""));
  return parts.empty() ? "nothing" : join(parts, ", ");
}

namespace {

template <class Config, class Set>
void append(std::vector<OperationChoice>& list, const char* name, const Set& set) {
  list.emplace_back(operation_components(), name);
  set(static_cast<Config&>(list.back().config()));
}

void append_strong(std::vector<OperationChoice>& list, int64_t from_epoch) {
  append<RotateConfig>(list, "rotate",
                       [&](RotateConfig& c) { c.p = 0.4, c.degrees = 20, c.from_epoch = from_epoch; });
  append<AffineConfig>(list, "affine", [&](AffineConfig& c) {
    c.p = 0.4, c.smallest_scale = 0.85, c.largest_scale = 1.15, c.translate = 0.1, c.from_epoch = from_epoch;
  });
  append<JitterConfig>(list, "jitter", [&](JitterConfig& c) {
    c.p = 0.5, c.brightness = 0.3, c.contrast = 0.3, c.saturation = 0.15, c.from_epoch = from_epoch;
  });
  append<BlurConfig>(list, "blur", [&](BlurConfig& c) { c.p = 0.2, c.from_epoch = from_epoch; });
}

}  // namespace

const std::vector<std::string>& policy_names() {
  static const std::vector<std::string> names = {"none", "minimal", "standard", "strong", "progressive"};
  return names;
}

std::vector<OperationChoice> policy_operations(const std::string& policy, int64_t progressive_from_epoch) {
  std::vector<OperationChoice> list;
  if (policy == "none") return list;
  append<FlipConfig>(list, "flip", [](FlipConfig&) {});
  if (policy == "standard") {
    append<RotateConfig>(list, "rotate", [](RotateConfig& c) { c.p = 0.3; });
    append<JitterConfig>(list, "jitter", [](JitterConfig& c) { c.p = 0.5; });
  }
  if (policy == "strong") append_strong(list, 0);
  if (policy == "progressive") append_strong(list, progressive_from_epoch);
  return list;
}

}  // namespace athanor
