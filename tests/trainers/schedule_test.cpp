// Learning rates against the closed forms of torch.optim.lr_scheduler.
#include <catch2/catch.hpp>
#include <cmath>
#include <numbers>

#include "src/core/error.h"
#include "trainers/schedule.h"

using namespace athanor;

namespace {

ScheduleConfig named(const std::string& name) {
  ScheduleConfig config;
  config.name = name;
  return config;
}

}  // namespace

CATCH_TEST_CASE("schedule: warm-up rises in equal steps to the peak", "[unit]") {
  ScheduleConfig config = named("constant");
  config.warmup_steps = 4;
  const Schedule schedule(config, 1.0, 100);
  for (int step = 0; step < 4; ++step) CATCH_CHECK(schedule.rate(step) == Approx((step + 1) / 5.0));
  CATCH_CHECK(schedule.rate(4) == 1.0);
  CATCH_CHECK(schedule.rate(99) == 1.0);
}

CATCH_TEST_CASE("schedule: cosine and linear fall from the peak to the final fraction", "[unit]") {
  ScheduleConfig config = named("cosine");
  config.final_fraction = 0.1;
  config.warmup_steps = 10;
  const Schedule cosine(config, 2.0, 110);
  for (const int step : {10, 35, 60, 110}) {
    const double t = (step - 10) / 100.0;
    CATCH_CHECK(cosine.rate(step) == Approx(2 * (0.1 + 0.9 * (1 + std::cos(std::numbers::pi * t)) / 2)));
  }
  CATCH_CHECK(cosine.rate(500) == Approx(0.2));
  config.name = "linear";
  const Schedule linear(config, 2.0, 110);
  CATCH_CHECK(linear.rate(10) == Approx(2.0));
  CATCH_CHECK(linear.rate(60) == Approx(1.1));
  CATCH_CHECK(linear.rate(110) == Approx(0.2));
}

CATCH_TEST_CASE("schedule: total_steps outweighs the run's length", "[unit]") {
  ScheduleConfig config = named("linear");
  config.total_steps = 10;
  CATCH_CHECK(Schedule(config, 1.0, 1000).rate(5) == Approx(0.5));
}

CATCH_TEST_CASE("schedule: one cycle rises and falls by half cosines", "[unit]") {
  ScheduleConfig config = named("one_cycle");
  config.rise_fraction = 0.25;
  config.start_fraction = 0.04;
  const Schedule schedule(config, 1.0, 100);
  CATCH_CHECK(schedule.rate(0) == Approx(0.04));
  CATCH_CHECK(schedule.rate(25) == Approx(1.0));
  CATCH_CHECK(schedule.rate(10) == Approx(1 + (0.04 - 1) * (1 + std::cos(std::numbers::pi * 0.4)) / 2));
  CATCH_CHECK(schedule.rate(100) == Approx(0.0).margin(1e-12));
}

CATCH_TEST_CASE("schedule: plateau cuts after more than `patience` evaluations without a better one",
                "[unit]") {
  ScheduleConfig config = named("plateau");
  config.patience = 1;
  config.factor = 0.5;
  Schedule schedule(config, 1.0, 100);
  // As ReduceLROnPlateau(factor=0.5, patience=1): the third value is the second bad one in a row.
  CATCH_CHECK_FALSE(schedule.observe(1.0));
  CATCH_CHECK_FALSE(schedule.observe(1.0));
  CATCH_CHECK(schedule.observe(0.99999));
  CATCH_CHECK(schedule.rate(50) == 0.5);
  CATCH_CHECK_FALSE(schedule.observe(0.5));
  CATCH_CHECK_FALSE(schedule.observe(std::nan("")));
  CATCH_CHECK(schedule.rate(51) == 0.5);
}

CATCH_TEST_CASE("schedule: plateau watches a value that should grow where told so", "[unit]") {
  ScheduleConfig config = named("plateau");
  config.patience = 0;
  Schedule schedule(config, 1.0, 100, /*lower_is_better=*/false);
  CATCH_CHECK_FALSE(schedule.observe(0.1));
  CATCH_CHECK_FALSE(schedule.observe(0.2));
  CATCH_CHECK(schedule.observe(0.2));
}

CATCH_TEST_CASE("schedule: plateau's memory goes out and comes back", "[unit]") {
  ScheduleConfig config = named("plateau");
  config.patience = 1;
  Schedule first(config, 1.0, 100), second(config, 1.0, 100);
  first.observe(1.0);
  first.observe(2.0);
  std::map<std::string, double> values;
  first.save(values);
  second.load(values);
  CATCH_CHECK(second.observe(2.0) == first.observe(2.0));
  CATCH_CHECK(second.rate(0) == 0.5);
}

CATCH_TEST_CASE("schedule: a warm-up as long as the schedule is refused", "[unit]") {
  ScheduleConfig config = named("cosine");
  config.warmup_steps = 100;
  config.total_steps = 100;
  CATCH_CHECK_THROWS_AS(Schedule(config, 1.0, 500), Error);
  // A short trial of a long job ends while it still warms up.
  config.total_steps = 0;
  CATCH_CHECK(Schedule(config, 1.0, 3).rate(2) == Approx(3.0 / 101));
}
