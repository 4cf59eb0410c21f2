#include "src/rqa/distributions.h"

#include <cmath>
#include <limits>

namespace athanor::rqa {
namespace {

constexpr double kEnough = 1e-16;  // relative size of a term that ends a series
constexpr double kTiny = 1e-300;   // stands for 0 in a denominator
constexpr int kMostTerms = 100000;

double not_zero(double value) { return std::abs(value) < kTiny ? kTiny : value; }

// Lentz's evaluation of 1 / (b0 + a1 / (b1 + a2 / (b2 + …))): next(n) gives {a_n, b_n}.
struct Term {
  double a, b;
};
template <class Next>
double reciprocal_fraction(double b0, const Next& next) {
  double c = 1 / kTiny, d = 1 / not_zero(b0), value = d;
  for (int n = 1; n < kMostTerms; ++n) {
    const auto [a, b] = next(n);
    d = 1 / not_zero(a * d + b);
    c = not_zero(b + a / c);
    value *= c * d;
    if (std::abs(c * d - 1) < kEnough) break;
  }
  return value;
}

// Q(a, x) = Γ(a, x) / Γ(a).
double gamma_upper(double a, double x) {
  const double factor = std::exp(a * std::log(x) - x - std::lgamma(a));
  if (x >= a + 1)
    return factor * reciprocal_fraction(x + 1 - a, [&](int n) {
             return Term{-n * (n - a), x + 2 * n + 1 - a};
           });
  double term = 1 / a, sum = term;
  for (int n = 1; n < kMostTerms && term > sum * kEnough; ++n) sum += term *= x / (a + n);
  return 1 - factor * sum;
}

// I_x(a, b) for x below its mean, where the fraction converges fast; y = 1 - x.
double beta_lower(double x, double y, double a, double b) {
  const double factor =
      std::exp(a * std::log(x) + b * std::log(y) + std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b)) / a;
  return factor * reciprocal_fraction(1, [&](int n) {
           const double k = n / 2;
           const double up = n % 2 ? -(a + k) * (a + b + k) * x / ((a + 2 * k) * (a + 2 * k + 1))
                                   : k * (b - k) * x / ((a + 2 * k - 1) * (a + 2 * k));
           return Term{up, 1};
         });
}

}  // namespace

double chi_squared_upper(double x, double df) {
  if (std::isnan(x)) return x;
  if (x <= 0) return 1;
  return std::isinf(x) ? 0 : gamma_upper(df / 2, x / 2);
}

double f_upper(double x, double df1, double df2) {
  if (std::isnan(x) || std::isnan(df1) || std::isnan(df2)) return std::numeric_limits<double>::quiet_NaN();
  if (x <= 0) return 1;
  if (std::isinf(x)) return 0;
  const double a = df2 / 2, b = df1 / 2;
  const double inner = df2 / (df2 + df1 * x), outer = df1 * x / (df2 + df1 * x);
  if (inner < (a + 1) / (a + b + 2)) return beta_lower(inner, outer, a, b);
  return 1 - beta_lower(outer, inner, b, a);
}

}  // namespace athanor::rqa
