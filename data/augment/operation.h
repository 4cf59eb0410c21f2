// One entry of an augmentation list: with probability p it draws numbers and writes them into what a sample
// will go through. Geometry composes into one map; factors of the same kind multiply.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "src/core/component.h"
#include "src/core/random.h"
#include "src/ops/augment.h"

namespace athanor {

struct PixelBox {
  double x = 0, y = 0, width = 0, height = 0;  // from the outer corner of the first pixel
};

// What one sample goes through. The numbers of `picture` apply from `picture.map` inwards; then the crop.
struct SampleChange {
  int64_t height = 0, width = 0;          // of the picture, pixels
  int64_t out_height = 0, out_width = 0;  // of what training sees
  PictureChange picture;
  PixelBox crop;  // of the mapped picture, shown in the whole output
  // The partner is the next sample of the batch, as it comes out of its own changes.
  double mix = 0;  // share of the partner that is blended in, [0,1]
  PixelBox paste;  // of the output, whole pixels, shows the partner instead; empty: nothing
};

// Fields that every operation has.
struct OperationConfig : ConfigStruct {
  double p = 1;
  int64_t from_epoch = 0, until_epoch = 0;
  void list_common_fields(Fields& fields);
};

class Operation {
 public:
  virtual ~Operation() = default;
  virtual void draw(Rng& rng, SampleChange& change) const = 0;
  virtual std::string describe() const = 0;
  // Whether it takes from the sample's partner.
  virtual bool mixes() const { return false; }
};

using OperationComponent = Component<Operation>;
const std::vector<OperationComponent>& operation_components();
using OperationChoice = Choice<Operation>;
using OperationChoices = ChoiceList<Operation>;

// A list in the order in which it is applied, each with when and how often.
class OperationList {
 public:
  // Throws usage Error for one that can never be on, or whose fields contradict each other.
  explicit OperationList(const OperationChoices& choices);
  // What sample `sample` goes through in `epoch`; depends on nothing else.
  SampleChange draw(uint64_t seed, int64_t epoch, int64_t sample, const SampleChange& unchanged) const;
  // Of the operations that it then goes through.
  std::vector<std::string> drawn_names(uint64_t seed, int64_t epoch, int64_t sample) const;
  std::string describe(int64_t epoch) const;
  bool mixes() const;

 private:
  struct Entry {
    std::string name;
    std::unique_ptr<Operation> operation;
    double p;
    int64_t from_epoch, until_epoch;
    bool is_on(int64_t epoch) const;
  };
  // Calls what(entry, its random numbers) for each that is drawn.
  template <class What>
  void each_drawn(uint64_t seed, int64_t epoch, int64_t sample, const What& what) const;
  std::vector<Entry> entries_;
};

// "none", "minimal", "standard", "strong", "progressive".
const std::vector<std::string>& policy_names();
// Appends the operations that `policy` stands for.
void add_policy(OperationChoices& list, const std::string& policy, int64_t progressive_from_epoch);

}  // namespace athanor
