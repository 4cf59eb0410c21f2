// The configs of the operations: policies are lists of them.
#pragma once

#include "data/augment/operation.h"

namespace athanor {

struct FlipConfig : OperationConfig {
  FlipConfig() { p = 0.5; }
  void list_fields(Fields& fields) override;
};

struct RotateConfig : OperationConfig {
  double degrees = 15;
  void list_fields(Fields& fields) override;
};

struct AffineConfig : OperationConfig {
  double degrees = 0;
  double smallest_scale = 0.9, largest_scale = 1.1;
  double translate = 0.05;
  void list_fields(Fields& fields) override;
};

struct CropConfig : OperationConfig {
  void list_fields(Fields& fields) override;
};

struct ResizedCropConfig : OperationConfig {
  double smallest_area = 0.5, largest_area = 1;
  double smallest_ratio = 0.75, largest_ratio = 4.0 / 3;
  void list_fields(Fields& fields) override;
};

struct JitterConfig : OperationConfig {
  double brightness = 0.2, contrast = 0.2, saturation = 0, hue = 0;
  void list_fields(Fields& fields) override;
};

// Brightness, contrast or saturation by itself.
struct AmountConfig : OperationConfig {
  double amount = 0.2;
  void list_fields(Fields& fields) override;
};

struct HueConfig : OperationConfig {
  double amount = 0.1;
  void list_fields(Fields& fields) override;
};

struct BlurConfig : OperationConfig {
  double smallest_sigma_px = 0.1, largest_sigma_px = 2;
  void list_fields(Fields& fields) override;
};

struct MixConfig : OperationConfig {
  double alpha = 1;
  void list_fields(Fields& fields) override;
};

}  // namespace athanor
