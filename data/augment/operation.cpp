// Lists of operations, the named ones among them, and the table of operations (operations.def).
#include "data/augment/operation.h"

#include "data/augment/operations.h"
#include "src/core/error.h"
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
  fields.field("from_epoch", from_epoch, "first epoch in which it is on, counted from 0", kNonNegative);
  fields.field("until_epoch", until_epoch, "first epoch in which it is off again; 0: never", kNonNegative);
}

bool OperationList::Entry::is_on(int64_t epoch) const {
  return p > 0 && epoch >= from_epoch && (until_epoch == 0 || epoch < until_epoch);
}

OperationList::OperationList(const OperationChoices& choices) {
  for (const OperationChoice& choice : choices.choices()) {
    const auto& common = static_cast<const OperationConfig&>(choice.config());
    if (common.until_epoch != 0 && common.until_epoch <= common.from_epoch)
      throw usage_error({text("augment.operations: ", choice.name()), "is never on",
                         "until_epoch 0 or above from_epoch",
                         text("from ", common.from_epoch, " until ", common.until_epoch)});
    entries_.push_back({choice.name(), choice.make(), common.p, common.from_epoch, common.until_epoch});
  }
}

bool OperationList::mixes() const {
  return std::any_of(entries_.begin(), entries_.end(),
                     [](const Entry& entry) { return entry.p > 0 && entry.operation->mixes(); });
}

template <class What>
void OperationList::each_drawn(uint64_t seed, int64_t epoch, int64_t sample, const What& what) const {
  const uint64_t own = mix_seed(mix_seed(seed, static_cast<uint64_t>(epoch)), static_cast<uint64_t>(sample));
  for (size_t i = 0; i < entries_.size(); ++i) {
    if (!entries_[i].is_on(epoch)) continue;
    Rng rng(mix_seed(own, i));  // its own stream: changing one operation leaves the others' draws alone
    if (rng.uniform() < entries_[i].p) what(entries_[i], rng);
  }
}

SampleChange OperationList::draw(uint64_t seed, int64_t epoch, int64_t sample,
                                 const SampleChange& unchanged) const {
  SampleChange change = unchanged;
  each_drawn(seed, epoch, sample, [&](const Entry& entry, Rng& rng) { entry.operation->draw(rng, change); });
  return change;
}

std::vector<std::string> OperationList::drawn_names(uint64_t seed, int64_t epoch, int64_t sample) const {
  std::vector<std::string> names;
  each_drawn(seed, epoch, sample, [&](const Entry& entry, Rng&) { names.push_back(entry.name); });
  return names;
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
void append(OperationChoices& list, const char* name, const Set& set) {
  OperationChoice& choice = list.add();
  choice.select(name);
  set(static_cast<Config&>(choice.config()));
}

void append_strong(OperationChoices& list, int64_t from_epoch) {
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

void add_policy(OperationChoices& list, const std::string& policy, int64_t progressive_from_epoch) {
  if (policy == "none") return;
  append<FlipConfig>(list, "flip", [](FlipConfig& c) { c.p = 0.5; });
  if (policy == "standard") {
    append<RotateConfig>(list, "rotate", [](RotateConfig& c) { c.p = 0.3, c.degrees = 15; });
    append<JitterConfig>(list, "jitter",
                         [](JitterConfig& c) { c.p = 0.5, c.brightness = 0.2, c.contrast = 0.2; });
  }
  if (policy == "strong") append_strong(list, 0);
  if (policy == "progressive") append_strong(list, progressive_from_epoch);
}

}  // namespace athanor
