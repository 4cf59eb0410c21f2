// Claims about every registered model.
#include <ATen/ATen.h>

#include <catch2/catch.hpp>

#include "src/core/error.h"
#include "tests/models/sample_data.h"

using namespace athanor;

CATCH_TEST_CASE("models: every registered model constructs and gives outputs of the batch's size", "[unit]") {
  const DataSpec spec = small_spec(true);
  const TensorMap inputs = random_inputs(spec, 5, 1);
  for (const auto& component : model_components()) {
    CATCH_INFO(component.name);
    const auto model = build_model(component.name, {}, spec);
    const TensorMap outputs = model->forward(inputs);
    CATCH_CHECK(outputs.at("direction").sizes().vec() == std::vector<int64_t>{5, 3});
    CATCH_CHECK(outputs.at("magnitude").sizes().vec() == std::vector<int64_t>{5});
    CATCH_CHECK(parameter_count(*model) > 0);
    CATCH_CHECK(model_summary(*model).find("head_direction") != std::string::npos);
  }
}
