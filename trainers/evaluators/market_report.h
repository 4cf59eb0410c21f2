// The report of `market`: as JSON for programs and as a table for a person.
#pragma once

#include <string>
#include <vector>

#include "trainers/evaluator.h"
#include "trainers/evaluators/market_metrics.h"

namespace athanor {

struct CalibrationBin {
  int64_t samples = 0;
  double confidence = 0;  // mean probability of the class called
  double accuracy = 0;
};

struct MarketResult {
  const Predictions* predictions = nullptr;  // for the loss and the time
  int64_t samples = 0;
  int64_t classes = 0;
  std::vector<Contender> contenders;  // the model first; only names and which metrics there are matter here
  std::vector<double> values;         // kMarketMetrics of each contender, contender-major
  std::vector<Interval> intervals;    // of the values
  std::vector<Interval> differences;  // of the model's value minus the contender's
  std::vector<double> confusion;      // of the model
  std::vector<double> train_shares;   // of the classes
  std::vector<CalibrationBin> calibration;
  double calibration_error = 0;  // expected, ECE of Guo et al. 2017
  BootstrapOptions bootstrap;    // with the block that was used
  double confidence = 0.95;
};

std::string market_json(const MarketResult& result);
std::string market_table(const MarketResult& result);

}  // namespace athanor
