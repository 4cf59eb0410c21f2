// Painting shapes on an image and its class mask together: a shape is a signed distance (negative inside) in
// the coordinates of a frame, blended over the edge by coverage in the image, all or nothing in the mask.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace athanor {

struct Colour {
  double r = 0, g = 0, b = 0;  // linear in the pixel's value, 0 to 1
};

inline Colour operator*(Colour c, double k) { return {c.r * k, c.g * k, c.b * k}; }
inline Colour mix(Colour a, Colour b, double t) {
  return {a.r + (b.r - a.r) * t, a.g + (b.g - a.g) * t, a.b + (b.b - a.b) * t};
}

struct Point {
  double u = 0, v = 0;  // right and down
};

// Turned, scaled and moved coordinates: `scale_px` pixels a unit.
struct Frame {
  double x_px = 0, y_px = 0, scale_px = 1, angle = 0;  // radians, clockwise as seen

  Point point(double x, double y) const {
    const double dx = (x - x_px) / scale_px, dy = (y - y_px) / scale_px;
    return {dx * std::cos(angle) + dy * std::sin(angle), dy * std::cos(angle) - dx * std::sin(angle)};
  }
  Point pixel(Point p) const {
    return {x_px + scale_px * (p.u * std::cos(angle) - p.v * std::sin(angle)),
            y_px + scale_px * (p.u * std::sin(angle) + p.v * std::cos(angle))};
  }
};

constexpr int kImageOnly = -1;

class Canvas {
 public:
  explicit Canvas(int64_t size_px)
      : size_(size_px), colours_(static_cast<size_t>(size_px * size_px)), ids_(colours_.size()) {}

  int64_t size() const { return size_; }
  Colour& colour(int64_t y, int64_t x) { return colours_[static_cast<size_t>(y * size_ + x)]; }
  uint8_t id(int64_t y, int64_t x) const { return ids_[static_cast<size_t>(y * size_ + x)]; }

  // Paints where distance(Point) < 0, at most `reach` units from `centre`, with paint(Point). `id` marks the
  // mask, or kImageOnly.
  template <class Distance, class Paint>
  void paint(int id, const Frame& frame, Point centre, double reach, const Distance& distance,
             const Paint& paint, double opacity = 1) {
    const Point middle = frame.pixel(centre);
    const double reach_px = reach * frame.scale_px + 1;
    for (int64_t y = clamped(middle.v - reach_px); y < clamped(middle.v + reach_px + 1); ++y)
      for (int64_t x = clamped(middle.u - reach_px); x < clamped(middle.u + reach_px + 1); ++x) {
        const Point p = frame.point(static_cast<double>(x) + 0.5, static_cast<double>(y) + 0.5);
        const double cover = std::clamp(0.5 - distance(p) * frame.scale_px, 0.0, 1.0);
        if (cover <= 0) continue;
        colour(y, x) = mix(colour(y, x), paint(p), cover * opacity);
        if (cover > 0.5 && id != kImageOnly)
          ids_[static_cast<size_t>(y * size_ + x)] = static_cast<uint8_t>(id);
      }
  }

 private:
  int64_t clamped(double at) const {
    return static_cast<int64_t>(std::clamp(std::floor(at), 0.0, static_cast<double>(size_)));
  }

  int64_t size_;
  std::vector<Colour> colours_;
  std::vector<uint8_t> ids_;
};

// Signed distances, near enough at the edge.
inline double ellipse(Point p, Point centre, double ru, double rv) {
  const double u = (p.u - centre.u) / ru, v = (p.v - centre.v) / rv;
  return (std::sqrt(u * u + v * v) - 1) * std::min(ru, rv);
}
// A rounded box; power 2 is an ellipse, 4 and more nearly a box.
inline double rounded_box(Point p, Point centre, double ru, double rv, double power) {
  const double u = std::abs(p.u - centre.u) / ru, v = std::abs(p.v - centre.v) / rv;
  return (std::pow(std::pow(u, power) + std::pow(v, power), 1 / power) - 1) * std::min(ru, rv);
}
inline double segment(Point p, Point a, Point b, double radius) {
  const double du = b.u - a.u, dv = b.v - a.v;
  const double along =
      std::clamp(((p.u - a.u) * du + (p.v - a.v) * dv) / (du * du + dv * dv + 1e-12), 0.0, 1.0);
  return std::hypot(p.u - a.u - along * du, p.v - a.v - along * dv) - radius;
}

// Smooth noise in [0,1] with a period of one unit (values on a lattice, hashed, blended).
double smooth_noise(double u, double v, uint64_t seed);

}  // namespace athanor
