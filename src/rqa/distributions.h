// Upper tails of the distributions behind group tests, by series and continued fractions: NIST Digital
// Library of Mathematical Functions 8.7.1, 8.9.2 (incomplete gamma) and 8.17.22 (incomplete beta), the
// fractions after W. Lentz (1976). Relative error below 1e-11 far into the tails, where 1 - cdf would have
// lost everything.
#pragma once

namespace athanor::rqa {

// P(X > x) of chi-squared with df > 0 degrees of freedom; 1 for x <= 0, NaN for NaN.
double chi_squared_upper(double x, double df);
// P(X > x) of F with df1, df2 > 0 degrees of freedom; 1 for x <= 0, NaN for NaN.
double f_upper(double x, double df1, double df2);

}  // namespace athanor::rqa
