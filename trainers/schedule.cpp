// Closed forms of torch.optim.lr_scheduler's LinearLR, CosineAnnealingLR, OneCycleLR (two phases, cosine) and
// ReduceLROnPlateau (relative threshold), after a linear warm-up.
#include "trainers/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "src/core/error.h"
#include "src/core/text.h"

namespace athanor {
namespace {

// Falls from `from` to `to` along half a cosine while `t` goes from 0 to 1.
double cosine(double from, double to, double t) {
  return to + (from - to) * (1 + std::cos(std::numbers::pi * t)) / 2;
}

double progress(int64_t step, int64_t begin, int64_t end) {
  return std::clamp(static_cast<double>(step - begin) / std::max<int64_t>(1, end - begin), 0.0, 1.0);
}

}  // namespace

void ScheduleConfig::list_fields(Fields& fields) {
  fields.field("name", name, "course of the learning rate after warm-up",
               one_of({"constant", "linear", "cosine", "plateau", "one_cycle"}));
  fields.field("warmup_steps", warmup_steps, "steps of linear rise to the peak; 0: none", kNonNegative);
  fields.field("total_steps", total_steps, "linear, cosine, one_cycle: steps to the end; 0: the run's length",
               kNonNegative);
  fields.field("final_fraction", final_fraction,
               "linear, cosine, one_cycle: last rate / peak; plateau: least", kFraction);
  fields.field("factor", factor, "plateau: the rate is multiplied by this", between(0, 1));
  fields.field("patience", patience, "plateau: evaluations without improvement before a cut", kNonNegative);
  fields.field("threshold", threshold, "plateau: relative improvement that counts", kNonNegative);
  fields.field("rise_fraction", rise_fraction, "one_cycle: part of the steps that rise to the peak",
               kFraction);
  fields.field("start_fraction", start_fraction, "one_cycle: first rate / peak", kFraction);
}

Schedule::Schedule(const ScheduleConfig& config, double peak, int64_t run_steps, bool lower_is_better)
    : config_(config),
      peak_(peak),
      total_steps_(config.total_steps > 0 ? config.total_steps : run_steps),
      sign_(lower_is_better ? 1 : -1) {
  // A run cut short by max_steps may end in its warm-up; a schedule of so many steps was meant otherwise.
  if (config.total_steps > 0 && config.warmup_steps >= config.total_steps)
    throw usage_error({"schedule.warmup_steps", "the warm-up is as long as the schedule",
                       text("less than schedule.total_steps = ", config.total_steps),
                       text(config.warmup_steps)});
}

double Schedule::rate(int64_t step) const {
  if (step < config_.warmup_steps)
    return peak_ * (step + 1) / (config_.warmup_steps + 1) * (config_.name == "one_cycle" ? fraction(0) : 1);
  return peak_ * fraction(step);
}

double Schedule::fraction(int64_t step) const {
  const std::string& name = config_.name;
  const int64_t begin = config_.warmup_steps;
  if (name == "plateau") return plateau_fraction_;
  const double t = progress(step, begin, total_steps_);
  if (name == "linear") return 1 + (config_.final_fraction - 1) * t;
  if (name == "cosine") return cosine(1, config_.final_fraction, t);
  if (name == "one_cycle") {
    const double rise = config_.rise_fraction;
    if (t < rise) return cosine(config_.start_fraction, 1, t / rise);
    return cosine(1, config_.final_fraction, rise < 1 ? (t - rise) / (1 - rise) : 1);
  }
  return 1;
}

bool Schedule::observe(double value) {
  if (config_.name != "plateau" || std::isnan(value)) return false;
  const double signed_value = sign_ * value;
  if (signed_value < best_ - config_.threshold * std::abs(best_) || std::isinf(best_)) {
    best_ = signed_value;
    bad_evaluations_ = 0;
    return false;
  }
  if (++bad_evaluations_ <= config_.patience) return false;
  bad_evaluations_ = 0;
  const double before = plateau_fraction_;
  plateau_fraction_ = std::max(config_.final_fraction, plateau_fraction_ * config_.factor);
  return plateau_fraction_ < before;
}

void Schedule::save(std::map<std::string, double>& values) const {
  values["schedule_best"] = best_;
  values["schedule_bad_evaluations"] = static_cast<double>(bad_evaluations_);
  values["schedule_plateau_fraction"] = plateau_fraction_;
}

void Schedule::load(const std::map<std::string, double>& values) {
  // An infinite best is not written: nothing was observed yet.
  const auto best = values.find("schedule_best");
  best_ = best != values.end() ? best->second : std::numeric_limits<double>::infinity();
  bad_evaluations_ = static_cast<int64_t>(values.at("schedule_bad_evaluations"));
  plateau_fraction_ = values.at("schedule_plateau_fraction");
}

}  // namespace athanor
