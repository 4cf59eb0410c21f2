#include "tools/doctor.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/Version.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/lstm.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/sin.h>
#include <ATen/ops/zeros.h>
#include <dlfcn.h>
#include <hdf5.h>
#include <torch/version.h>
#include <unistd.h>

#include <algorithm>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>

#include "src/core/device.h"
#include "src/core/error.h"
#include "src/core/files.h"
#include "src/core/text.h"

namespace athanor {
namespace {

namespace fs = std::filesystem;
using Status = Finding::Status;
constexpr int64_t kLittleDisk_bytes = int64_t{1} << 30;
constexpr int64_t kLittleMemory_bytes = int64_t{1} << 30;

std::string first_line_with(const std::string& file, const std::string& key) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);)
    if (line.starts_with(key)) return line;
  return "";
}

// The instruction sets that matter to LibTorch's kernels.
std::string instruction_sets() {
  const std::vector<std::string> known = split(first_line_with("/proc/cpuinfo", "flags"), ' ');
  std::vector<std::string> found;
  for (const char* name : {"avx2", "avx512f", "avx512_bf16", "avx512_vnni", "amx_bf16", "amx_int8"})
    if (std::find(known.begin(), known.end(), name) != known.end()) found.push_back(name);
  return found.empty() ? "none of avx2, avx512, amx" : join(found, " ");
}

// The folder that LibTorch was loaded from.
std::string libtorch_folder() {
  Dl_info info{};
  std::string (*const inside)() = &at::show_config;
  if (dladdr(reinterpret_cast<const void*>(inside), &info) == 0 || info.dli_fname == nullptr) return "";
  return fs::path(info.dli_fname).parent_path();
}

std::string libtorch_text() {
  return text(TORCH_VERSION, ", kernels for ", at::get_cpu_capability(), ", oneDNN ",
              at::globalContext().hasMKLDNN() ? "yes" : "no", ", MKL ",
              at::globalContext().hasMKL() ? "yes" : "no", ", OpenMP ",
              at::globalContext().hasOpenMP() ? "yes" : "no");
}

std::string hdf5_text() {
  unsigned major = 0, minor = 0, release = 0;
  hbool_t thread_safe = 0;
  H5get_libversion(&major, &minor, &release);
  H5is_library_threadsafe(&thread_safe);
  std::vector<std::string> filters;
  const std::pair<const char*, H5Z_filter_t> known[] = {{"gzip", H5Z_FILTER_DEFLATE},
                                                        {"shuffle", H5Z_FILTER_SHUFFLE},
                                                        {"fletcher32", H5Z_FILTER_FLETCHER32},
                                                        {"szip", H5Z_FILTER_SZIP},
                                                        {"lz4", 32004}};
  for (const auto& [name, id] : known)
    if (H5Zfilter_avail(id) > 0) filters.push_back(name);
  return text(major, ".", minor, ".", release,
              thread_safe ? ", thread safe" : ", not thread safe (locked here)", ", filters ",
              join(filters, " "));
}

Finding gpu() {
  Finding finding{.name = "GPU", .text = {}};
  const std::string folder = libtorch_folder();
  if (open_cuda_library()) {
    finding.text = device_text(resolve_device("cuda:0"));
    finding.status = Status::kOk;
  } else if (!fs::exists("/dev/nvidiactl") && !fs::exists("/proc/driver/nvidia/version")) {
    finding.text = "none: no NVIDIA driver on this machine";
  } else if (dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL) == nullptr) {
    finding = {"GPU", text("a driver, but no libcuda.so.1: ", dlerror()), Status::kFailed,
               "install the driver's user-space libraries (Debian: libcuda1)"};
  } else if (!fs::exists(folder + "/libtorch_cuda.so")) {
    finding.text = text("a driver, but no libtorch_cuda.so in ", folder);
    finding.to_do = "scripts/build --cuda";
  } else if (dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL) == nullptr) {
    finding = {"GPU", text("libtorch_cuda.so does not load: ", dlerror()), Status::kFailed,
               "scripts/build --cuda"};
  } else {
    finding = {"GPU", "a driver and libtorch_cuda.so, but no device that they can use", Status::kFailed,
               "see what nvidia-smi says; the driver must serve the CUDA version of LibTorch"};
  }
  return finding;
}

Finding enough(const std::string& name, const Memory& memory, int64_t least_bytes, const std::string& to_do) {
  const bool little = memory.free_bytes < least_bytes;
  return {name, text(bytes_text(memory.free_bytes), " free of ", bytes_text(memory.total_bytes)),
          little ? Status::kFailed : Status::kOk, little ? to_do : ""};
}

Memory disk_space() {
  std::error_code failed;
  const fs::space_info space = fs::space(".", failed);
  return failed ? Memory{0, 0}
                : Memory{static_cast<int64_t>(space.available), static_cast<int64_t>(space.capacity)};
}

// The check's text is what it returns; what it throws is its failure.
Finding check(const std::string& name, const std::string& to_do, const std::function<std::string()>& body) {
  try {
    return {name, body(), Status::kOk, ""};
  } catch (const std::exception& error) {
    const std::string reason = error.what();
    return {name, reason.substr(0, reason.find('\n')), Status::kFailed, to_do};
  }
}

void require(bool truth, const std::string& otherwise) {
  if (!truth) throw Error({.what = otherwise});
}

std::string try_matmul() {
  const at::Tensor ones = at::full({64, 64}, 1.0);
  require(at::matmul(ones, ones).eq(64).all().item<bool>(), "64x64 ones times ones is not 64");
  return "64x64, exact";
}

struct LstmRun {
  at::Tensor output, gradient;
};

// Deterministic inputs and weights: sines, so that no random generator takes part.
LstmRun run_lstm(bool mkldnn) {
  constexpr int64_t kBatch = 4, kTime = 8, kWidth = 16;
  const auto wave = [](at::IntArrayRef shape, double pace) {
    int64_t count = 1;
    for (const int64_t size : shape) count *= size;
    return (at::arange(count, at::kFloat) * pace).sin().reshape(shape) * 0.3;
  };
  const bool before = at::globalContext().userEnabledMkldnn();
  at::globalContext().setUserEnabledMkldnn(mkldnn);
  const at::Tensor weight = wave({4 * kWidth, kWidth}, 0.7).set_requires_grad(true);
  const std::vector<at::Tensor> weights{weight, wave({4 * kWidth, kWidth}, 1.3), wave({4 * kWidth}, 0.9),
                                        wave({4 * kWidth}, 1.1)};
  const at::Tensor state = at::zeros({1, kBatch, kWidth});
  const auto [output, hidden, cell] = at::lstm(wave({kBatch, kTime, kWidth}, 0.37), {state, state}, weights,
                                               /*has_biases=*/true, /*num_layers=*/1, /*dropout=*/0.0,
                                               /*train=*/true, /*bidirectional=*/false, /*batch_first=*/true);
  output.square().sum().backward();
  at::globalContext().setUserEnabledMkldnn(before);
  return {output.detach(), weight.grad()};
}

std::string try_lstm() {
  const LstmRun plain = run_lstm(false), fast = run_lstm(true);
  require(plain.output.isfinite().all().item<bool>() && plain.gradient.isfinite().all().item<bool>(),
          "values that are not finite");
  require(at::allclose(plain.output, fast.output, 1e-4, 1e-5), "oneDNN's output differs from LibTorch's own");
  require(at::allclose(plain.gradient, fast.gradient, 1e-3, 1e-4),
          "oneDNN's gradient differs from LibTorch's own");
  return "forward and backward, oneDNN agrees with LibTorch's own kernels";
}

std::string try_file() {
  const std::string path = text(".athanor-doctor-", ::getpid());
  write_file_atomically(path, std::string(1 << 16, 'x'));
  const bool whole = read_file(path).size() == 1 << 16;
  fs::remove(path);
  require(whole, "what was written does not come back");
  return "64 KiB written, synced, read back in " + fs::current_path().string();
}

const char* status_name(Status status) {
  return status == Status::kOk ? "OK" : status == Status::kFailed ? "FAILED" : "";
}

}  // namespace

std::vector<Finding> examine(const std::string& program_version) {
  std::vector<Finding> findings{{.name = "athanor", .text = program_version},
                                {.name = "LibTorch", .text = libtorch_text()},
                                {.name = "LibTorch folder", .text = libtorch_folder()},
                                {.name = "HDF5", .text = hdf5_text()},
                                {.name = "CPU", .text = device_text(at::kCPU)},
                                {.name = "instruction sets", .text = instruction_sets()}};
  findings.push_back(enough("memory", device_memory(at::kCPU), kLittleMemory_bytes,
                            "close other programs, or lower data.batch_size and data.chunk_gb"));
  findings.push_back(gpu());
  findings.push_back(enough("disk, this folder", disk_space(), kLittleDisk_bytes,
                            "free some space, or keep runs elsewhere with --run-dir"));
  findings.push_back(check("matrix product", "build again: scripts/build", try_matmul));
  findings.push_back(check("LSTM", "build again: scripts/build", try_lstm));
  findings.push_back(check("writing files", "run it in a folder that you may write to", try_file));
  return findings;
}

bool any_failed(const std::vector<Finding>& findings) {
  return std::any_of(findings.begin(), findings.end(),
                     [](const Finding& finding) { return finding.status == Status::kFailed; });
}

std::string findings_text(const std::vector<Finding>& findings) {
  std::string out;
  for (const Finding& finding : findings) {
    const std::string status = status_name(finding.status);
    out += finding.name + std::string(19 - std::min<size_t>(18, finding.name.size()), ' ');
    out += status + (status.empty() ? "" : "  ") + finding.text + "\n";
    if (!finding.to_do.empty()) out += std::string(19, ' ') + "-> " + finding.to_do + "\n";
  }
  return out + (any_failed(findings) ? "Something is wrong: see FAILED above.\n" : "All is well.\n");
}

std::string findings_json(const std::vector<Finding>& findings) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Finding& finding : findings) {
    nlohmann::ordered_json entry{{"name", finding.name}, {"text", finding.text}};
    if (finding.status != Status::kFact) entry["ok"] = finding.status == Status::kOk;
    if (!finding.to_do.empty()) entry["to_do"] = finding.to_do;
    list.push_back(entry);
  }
  return nlohmann::ordered_json{{"ok", !any_failed(findings)}, {"findings", list}}.dump(2) + "\n";
}

}  // namespace athanor
