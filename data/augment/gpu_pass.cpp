#include "data/augment/gpu_pass.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/DeviceGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include "src/core/error.h"
#include "src/ops/cuda/augment_cuda.h"

namespace athanor {
namespace {

// A copy of host memory on the device.
at::Tensor bytes_on(at::Device device, const void* data, size_t bytes) {
  return at::from_blob(const_cast<void*>(data), {static_cast<int64_t>(bytes)}, at::kByte)
      .to(device, /*non_blocking=*/false, /*copy=*/true);
}

void* current_stream(at::Device device) {
  if (device.is_cpu()) return nullptr;
  const c10::impl::VirtualGuardImpl guard(device.type());
  return guard.getStreamNativeHandle(guard.getStream(device));
}

at::Tensor changes_on(at::Device device, const std::vector<PictureChange>& changes, bool& blurs) {
  std::vector<PixelChange> pixels;
  pixels.reserve(changes.size());
  for (const PictureChange& change : changes) {
    pixels.push_back(pixel_change(change));
    blurs = blurs || pixels.back().blur_radius > 0;
  }
  return bytes_on(device, pixels.data(), pixels.size() * sizeof(PixelChange));
}

const uint8_t* bytes_of(const at::Tensor& tensor) {
  return tensor.defined() ? tensor.const_data_ptr<uint8_t>() : nullptr;
}

}  // namespace

DevicePictures augment_on_device(const CudaAugmentLibrary& library, const DevicePictures& in,
                                 const std::vector<PictureChange>& changes, const AugmentShape& shape,
                                 const AugmentRule& rule, at::ScalarType out_type) {
  const at::Device device = in.image.device();
  const auto options = in.image.options();
  const c10::DeviceGuard guard(device);
  bool blurs = false;
  const at::Tensor on_device = changes_on(device, changes, blurs);
  const at::Tensor mirror =
      rule.class_mirror != nullptr ? bytes_on(device, rule.class_mirror, 256) : at::Tensor();
  const std::vector<int64_t> sizes = {shape.batch, 3, shape.out_height, shape.out_width};
  const at::Tensor first = at::empty(sizes, options.dtype(at::kFloat));
  const at::Tensor second = at::empty(blurs ? sizes : std::vector<int64_t>{0}, options.dtype(at::kFloat));
  const at::Tensor sums = at::empty({shape.batch}, options.dtype(at::kLong));
  DevicePictures out;
  out.image = at::empty(sizes, options.dtype(out_type));
  if (in.mask.defined()) out.mask = at::empty({shape.batch, shape.out_height, shape.out_width}, options);
  CudaAugmentCall call{};
  call.shape = shape;
  call.rule = rule;
  call.rule.class_mirror = bytes_of(mirror);
  call.image = bytes_of(in.image);
  call.mask = bytes_of(in.mask);
  call.changes = static_cast<const PixelChange*>(on_device.const_data_ptr());
  call.scratch[0] = first.mutable_data_ptr<float>();
  call.scratch[1] = second.mutable_data_ptr<float>();
  call.sums = static_cast<unsigned long long*>(sums.mutable_data_ptr());
  call.out_image = out.image.mutable_data_ptr();
  call.out_mask = in.mask.defined() ? out.mask.mutable_data_ptr<uint8_t>() : nullptr;
  call.out_type = out_type == at::kBFloat16 ? PixelType::kBFloat16 : PixelType::kFloat32;
  call.blurs = blurs;
  call.stream = current_stream(device);
  if (const char* problem = library.augment(call))
    throw Error({.where = "augmentation on the GPU", .what = problem});
  return out;
}

}  // namespace athanor
