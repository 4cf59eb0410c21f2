#include "trainers/predictions_file.h"

#include "data/hdf5/hdf5_file.h"
#include "src/core/files.h"

namespace athanor {
namespace {

template <class T>
void write(Hdf5File& file, const std::string& name, const at::Tensor& values, int64_t first,
           int64_t samples) {
  const at::Tensor plain = values.to(at::kCPU, c10::CppTypeToScalarType<T>::value).contiguous();
  if (first == 0) {
    std::vector<int64_t> shape = plain.sizes().vec();
    shape[0] = samples;
    file.create_dataset<T>(name, shape);
  }
  file.write_rows<T>(name, first, plain.size(0), plain.const_data_ptr<T>());
}

}  // namespace

struct PredictionsFile::State {
  State(const std::string& target, int64_t samples, bool with_inputs)
      : atomic(target), file(Hdf5File::create(atomic.path())), samples(samples), with_inputs(with_inputs) {}

  AtomicPath atomic;
  Hdf5File file;
  int64_t samples;
  bool with_inputs;
  int64_t written = 0;
};

PredictionsFile::PredictionsFile(const std::string& path, int64_t samples, bool with_inputs)
    : state_(std::make_unique<State>(path, samples, with_inputs)) {}

PredictionsFile::~PredictionsFile() = default;

void PredictionsFile::add(const Batch& batch, const TensorMap& outputs) {
  State& s = *state_;
  if (batch.time.defined()) write<int64_t>(s.file, "time", batch.time, s.written, s.samples);
  for (const auto& [name, values] : outputs)
    write<float>(s.file, "outputs/" + name, values, s.written, s.samples);
  for (const auto& [name, values] : batch.labels) {
    if (values.is_floating_point()) {
      write<float>(s.file, "labels/" + name, values, s.written, s.samples);
    } else {
      write<int64_t>(s.file, "labels/" + name, values, s.written, s.samples);
    }
  }
  if (s.with_inputs)
    for (const auto& [name, values] : batch.inputs)
      write<float>(s.file, "inputs/" + name, values, s.written, s.samples);
  s.written += batch.size;
}

void PredictionsFile::commit() {
  state_->file.close();
  state_->atomic.commit();
}

}  // namespace athanor
