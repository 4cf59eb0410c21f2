// The GPU's side of augmentation (src/ops/cuda/augment_cuda.h): one thread a pixel, the arithmetic of
// augment_pixel.h. Pictures wait as fp32 between the steps; the mean for contrast is a sum of whole numbers,
// so that it does not depend on the order of threads.
#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include "src/ops/cuda/augment_cuda.h"
#include "src/ops/cuda/device_array.h"

namespace athanor {
namespace {

constexpr double kGreyUnits = 1 << 24;  // of a sum; 2^28 pixels fit in 64 bits
constexpr int kBlockWidth = 32, kBlockHeight = 8;

struct Pixel {
  int64_t b, y, x;
  bool inside;
};
__device__ Pixel own_pixel(const AugmentShape& s) {
  const int64_t x = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  const int64_t y = static_cast<int64_t>(blockIdx.y) * blockDim.y + threadIdx.y;
  return {static_cast<int64_t>(blockIdx.z), y, x, x < s.out_width && y < s.out_height};
}

__device__ float* plane_of(float* pictures, const AugmentShape& s, int64_t b, int64_t c) {
  return pictures + (b * 3 + c) * s.out_height * s.out_width;
}

__device__ void store(const CudaAugmentCall& call, const Pixel& p, const Colour& colour, float* pictures) {
  for (int c = 0; c < 3; ++c)
    plane_of(pictures, call.shape, p.b, c)[p.y * call.shape.out_width + p.x] = colour.rgb[c];
}

__device__ void add_grey(const CudaAugmentCall& call, const Pixel& p, const Colour& colour) {
  const double grey = p.inside ? grey_of_colour(colour) : 0.0;
  unsigned long long sum = __double2ull_rn(grey * kGreyUnits);
  for (int lanes = 16; lanes > 0; lanes /= 2) sum += __shfl_down_sync(0xffffffffU, sum, lanes);
  if (threadIdx.x == 0) atomicAdd(call.sums + p.b, sum);
}

__global__ void warp_pictures(const CudaAugmentCall call) {
  const Pixel p = own_pixel(call.shape);
  const AugmentShape& s = call.shape;
  const PixelChange& change = call.changes[p.b];
  Colour colour{};
  if (p.inside) {
    const PixelPlace place = place_of(change.map, p.x, p.y, s, call.rule.border);
    colour = warped_colour(call.image + p.b * 3 * s.height * s.width, s, place, call.rule);
    if (call.mask != nullptr)
      call.out_mask[(p.b * s.out_height + p.y) * s.out_width + p.x] =
          warped_class(call.mask + p.b * s.height * s.width, s, place, call.rule, change.mirrored);
    if (change.blur_radius == 0 && change.brightness != 1) colour = brightened(colour, change.brightness);
    store(call, p, colour, call.scratch[0]);
  }
  if (change.blur_radius == 0 && change.contrast != 1) add_grey(call, p, colour);
}

// Across from scratch 0 to 1, or down from 1 to 0; pictures without blur stay.
__global__ void blur_pictures(const CudaAugmentCall call, const bool down) {
  const Pixel p = own_pixel(call.shape);
  const AugmentShape& s = call.shape;
  const PixelChange& change = call.changes[p.b];
  if (change.blur_radius == 0) return;
  Colour colour{};
  if (p.inside) {
    for (int c = 0; c < 3; ++c) {
      const float* plane = plane_of(call.scratch[down ? 1 : 0], s, p.b, c);
      float sum = 0;
      for (int64_t k = -change.blur_radius; k <= change.blur_radius; ++k) {
        const int64_t y = down ? mirrored(p.y + k, s.out_height) : p.y;
        const int64_t x = down ? p.x : mirrored(p.x + k, s.out_width);
        sum += change.blur_weights[k + change.blur_radius] * plane[y * s.out_width + x];
      }
      colour.rgb[c] = sum;
    }
    if (down && change.brightness != 1) colour = brightened(colour, change.brightness);
    store(call, p, colour, call.scratch[down ? 0 : 1]);
  }
  if (down && change.contrast != 1) add_grey(call, p, colour);
}

__global__ void finish_pictures(const CudaAugmentCall call) {
  const Pixel p = own_pixel(call.shape);
  if (!p.inside) return;
  const AugmentShape& s = call.shape;
  const double pixels = static_cast<double>(s.out_height * s.out_width);
  const auto mean = static_cast<float>(static_cast<double>(call.sums[p.b]) / kGreyUnits / pixels);
  Colour colour;
  for (int c = 0; c < 3; ++c) colour.rgb[c] = plane_of(call.scratch[0], s, p.b, c)[p.y * s.out_width + p.x];
  colour = finished(colour, call.changes[p.b], mean, call.rule);
  for (int64_t c = 0; c < 3; ++c) {
    const int64_t place = ((p.b * 3 + c) * s.out_height + p.y) * s.out_width + p.x;
    if (call.out_type == PixelType::kBFloat16)
      static_cast<__nv_bfloat16*>(call.out_image)[place] = __float2bfloat16_rn(colour.rgb[c]);
    else
      static_cast<float*>(call.out_image)[place] = colour.rgb[c];
  }
}

}  // namespace
}  // namespace athanor

extern "C" {

const char* athanor_cuda_check() {
  int devices = 0;
  const char* problem = athanor::problem_of(cudaGetDeviceCount(&devices));
  return problem != nullptr ? problem : devices == 0 ? "no GPU" : nullptr;
}

const char* athanor_cuda_augment(const athanor::CudaAugmentCall& call) {
  using namespace athanor;
  const AugmentShape& s = call.shape;
  if (s.batch == 0) return nullptr;
  const auto stream = static_cast<cudaStream_t>(call.stream);
  const dim3 block(kBlockWidth, kBlockHeight);
  const dim3 grid(static_cast<unsigned>((s.out_width + kBlockWidth - 1) / kBlockWidth),
                  static_cast<unsigned>((s.out_height + kBlockHeight - 1) / kBlockHeight),
                  static_cast<unsigned>(s.batch));
  if (const char* problem = problem_of(
          cudaMemsetAsync(call.sums, 0, static_cast<size_t>(s.batch) * sizeof(*call.sums), stream)))
    return problem;
  warp_pictures<<<grid, block, 0, stream>>>(call);
  if (call.blurs) blur_pictures<<<grid, block, 0, stream>>>(call, false);
  if (call.blurs) blur_pictures<<<grid, block, 0, stream>>>(call, true);
  finish_pictures<<<grid, block, 0, stream>>>(call);
  return problem_of(cudaGetLastError());
}

const char* athanor_cuda_augment_on_host(const athanor::AugmentBatch& batch,
                                         const athanor::AugmentRule& rule) {
  using namespace athanor;
  const AugmentShape& s = batch.shape;
  const auto in = static_cast<size_t>(s.batch * s.height * s.width);
  const auto out = static_cast<size_t>(s.batch * s.out_height * s.out_width);
  const bool has_mask = batch.mask != nullptr, bf16 = batch.out_type == PixelType::kBFloat16;
  std::vector<PixelChange> changes;
  bool blurs = false;
  for (int64_t b = 0; b < s.batch; ++b) {
    changes.push_back(pixel_change(batch.changes[b]));
    blurs = blurs || changes.back().blur_radius > 0;
  }
  DeviceArray<uint8_t> image(3 * in), mask(has_mask ? in : 0), out_mask(has_mask ? out : 0);
  DeviceArray<uint8_t> out_image(3 * out * (bf16 ? 2 : 4));
  DeviceArray<float> first(3 * out), second(blurs ? 3 * out : 0);
  DeviceArray<PixelChange> device_changes(changes.size());
  DeviceArray<unsigned long long> sums(changes.size());
  DeviceArray<uint8_t> mirror(rule.class_mirror != nullptr ? 256 : 0);
  AugmentRule device_rule = rule;
  device_rule.class_mirror = mirror.data;
  mirror.fill_from(rule.class_mirror);
  image.fill_from(batch.image);
  if (has_mask) mask.fill_from(batch.mask);
  device_changes.fill_from(changes.data());
  for (const cudaError_t error : {image.error, mask.error, out_mask.error, out_image.error, first.error,
                                  second.error, device_changes.error, sums.error, mirror.error})
    if (error != cudaSuccess) return cudaGetErrorString(error);
  if (const char* problem = athanor_cuda_augment({s,
                                                  device_rule,
                                                  image.data,
                                                  mask.data,
                                                  device_changes.data,
                                                  {first.data, second.data},
                                                  sums.data,
                                                  out_image.data,
                                                  out_mask.data,
                                                  batch.out_type,
                                                  blurs,
                                                  nullptr}))
    return problem;
  out_image.copy_to(batch.out_image);
  if (has_mask) out_mask.copy_to(batch.out_mask);
  return problem_of(out_image.error != cudaSuccess ? out_image.error : out_mask.error);
}

}  // extern "C"
