// Grids and definitions as people write them: "1:10", "0.05:0.10:0.001", "1,2,5:9"; "L1"; a combination's
// signature.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "src/rqa/analyse.h"

namespace athanor::rqa {

// Values and ranges first:last[:step] (last included, step 1 if not given), separated by commas, ascending
// and each from 1 to a thousand million. `where` names the place in an error ("--m"). Throws usage Error.
std::vector<int64_t> integers_of(const std::string& written, const std::string& where);

// The same of decimals >= 0; a range needs its step. Each value of a range is the double nearest to its
// decimal: 0.05:0.10:0.001 holds exactly what one gets by writing 0.056.
std::vector<double> decimals_of(const std::string& written, const std::string& where);

// "m2_tau1_eps0.06_lmin2"
std::string signature_of(int64_t m, int64_t tau, double eps, int64_t lmin);

// "L1", "L2", "Linf". Throws usage Error naming those.
Norm norm_named(const std::string& name);
std::string norm_name(Norm norm);

// All of the definitions by name, and back. Throws nlohmann's exceptions where a name is missing, Error for
// a norm or rate that is not known.
nlohmann::ordered_json definitions_json(const Definitions& definitions);
Definitions definitions_of(const nlohmann::ordered_json& json);

}  // namespace athanor::rqa
