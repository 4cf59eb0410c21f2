#include "tools/parity.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/tensor.h>
#include <c10/core/InferenceMode.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "src/core/error.h"
#include "src/core/files.h"
#include "src/core/safetensors.h"
#include "src/core/text.h"
#include "src/core/thread_pool.h"
#include "tools/encode/vector_maker.h"
#include "tools/sample_inputs.h"

namespace athanor {
namespace {

namespace fs = std::filesystem;

constexpr double kAllowed = 1e-5;
constexpr int kPackageMissing = 3;  // the script's exit code
constexpr int64_t kMostTexts = 2000, kMostImages = 64;

// The newest environment that scripts/parity made.
std::string default_python() {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value == nullptr ? "" : value);
  };
  std::string cache = variable("ATHANOR_CACHE");
  if (cache.empty() && !variable("XDG_CACHE_HOME").empty()) cache = variable("XDG_CACHE_HOME") + "/athanor";
  if (cache.empty()) cache = variable("HOME") + "/.cache/athanor";
  std::string newest = "python3";
  std::optional<fs::file_time_type> made;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(cache, ignored)) {
    const fs::path complete = entry.path() / "complete";
    if (!entry.path().filename().string().starts_with("rivals-") || !fs::exists(complete)) continue;
    if (const auto time = fs::last_write_time(complete, ignored); !made || time > *made) {
      made = time;
      newest = entry.path() / "bin/python";
    }
  }
  return newest;
}

std::string script_path() {
  const std::string name = "reference_vectors.py";
  const fs::path beside = fs::read_symlink("/proc/self/exe").parent_path() / name;
  for (const fs::path& path : {beside, fs::path(ATHANOR_SOURCE_DIR) / "scripts/rivals" / name})
    if (fs::exists(path)) return path;
  throw usage_error({name, "not found", "beside the program, or scripts/rivals/" + name + " of its sources"});
}

// -> the exit code (127: no such program); what it says goes to `said`.
int run_python(const std::string& python, const std::vector<std::string>& arguments,
               const std::string& said) {
  std::vector<char*> words{const_cast<char*>(python.c_str())};
  for (const std::string& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);
  const pid_t child = ::fork();
  if (child < 0) throw Error({python, "cannot start: " + system_reason()});
  if (child == 0) {
    const int out = ::open(said.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (out < 0 || ::dup2(out, STDOUT_FILENO) < 0 || ::dup2(out, STDERR_FILENO) < 0) ::_exit(126);
    ::execvp(words[0], words.data());
    ::_exit(127);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

std::string last_line(const std::string& file) {
  const std::string said = read_file(file);
  std::string last;
  for (const std::string& line : split(said, '\n'))
    if (!trim(line).empty()) last = trim(line.substr(line.rfind('\r') + 1));
  return last;
}

Safetensors reference_of(const nlohmann::json& job, const std::string& python, const ScratchFolder& scratch) {
  const std::string job_file = scratch.file("job.json"), said = scratch.file("said.txt");
  write_file_atomically(job_file, job.dump());
  const int code = run_python(python, {script_path(), job_file}, said);
  if (code == 127 || code == 126)
    throw usage_error({python, "is no program that runs", "Python with transformers", "",
                       "--python PATH, or scripts/parity, which makes such an environment"});
  if (code == kPackageMissing) throw usage_error({python, "lacks a package: " + last_line(said)});
  if (code != 0) throw Error({python + " " + script_path(), "failed", "", last_line(said)});
  return read_safetensors(job["output"].get<std::string>());
}

std::vector<EncodeInput> images_as_png(const std::string& place, const ScratchFolder& scratch) {
  if (place.empty()) return save_images(sample_images(), scratch);
  std::vector<Image> images;
  for (const EncodeInput& input : InputLines(InputKind::kImages, place).next(kMostImages))
    images.push_back(load_image(input.image, {.colours = Colours::kOverWhite}));
  return save_images(images, scratch);
}

// What this program makes of the inputs.
class OwnVectors {
 public:
  explicit OwnVectors(const std::string& model)
      : model_(model), encoder_(model), pool_(static_cast<int>(at::get_num_threads()) - 1) {}
  Encoder& encoder() { return encoder_; }
  void prepare() { encoder_.prepare(at::kCPU); }

  at::Tensor make(std::vector<EncodeInput> inputs, InputKind input, VectorKind kind) {
    const EncodeOptions options = options_of(input, kind);
    return VectorMaker(options, encoder_, at::kCPU, pool_).encode(inputs).rows;
  }
  at::Tensor ids(std::vector<EncodeInput> inputs) {
    const EncodeOptions options = options_of(InputKind::kTexts, VectorKind::kEncoder);
    std::vector<int64_t> ids;
    for (const Encoding& encoding : InputReader(options, encoder_, pool_).read(inputs).tokens) {
      const auto begin = encoding.ids.begin() + encoding.attention_begin;
      ids.insert(ids.end(), begin, begin + encoding.attention_length);
    }
    return at::tensor(ids);
  }

 private:
  EncodeOptions options_of(InputKind input, VectorKind kind) const {
    EncodeOptions options;
    options.model = model_;
    options.input_kind = input;
    options.kind = kind;
    options.prompt = "";
    options.device = "cpu";
    return options;
  }
  std::string model_;
  Encoder encoder_;
  ThreadPool pool_;
};

ParityRow row_of(const std::string& what, const at::Tensor& own, const at::Tensor& reference) {
  ParityRow row{.what = what, .shape = shape_text(reference.sizes().vec())};
  const double largest = reference.numel() == 0 ? 0 : reference.abs().max().item<double>();
  if (own.scalar_type() != at::kLong) row.allowed = kAllowed * std::max(1.0, largest);
  row.difference = std::numeric_limits<double>::infinity();
  if (own.sizes() != reference.sizes())
    row.shape = shape_text(own.sizes().vec()) + ", reference " + row.shape;
  else
    row.difference = largest == 0 && own.numel() == 0 ? 0 : (own - reference).abs().max().item<double>();
  return row;
}

void add_rows(OwnVectors& own, const std::vector<EncodeInput>& inputs, InputKind input,
              const TensorMap& reference, ParityReport& report) {
  const std::string side = input == InputKind::kTexts ? "text/" : "image/";
  if (const at::Tensor* ids = reference.find(side + "ids"))
    report.rows.push_back(row_of(side + "ids", own.ids(inputs), *ids));
  const std::pair<const char*, VectorKind> kinds[] = {
      {"hidden", VectorKind::kHidden}, {"pooled", VectorKind::kPooled}, {"vectors", VectorKind::kEncoder}};
  for (const auto& [name, kind] : kinds)
    if (const at::Tensor* wanted = reference.find(side + name))
      report.rows.push_back(row_of(side + name, own.make(inputs, input, kind), *wanted));
}

}  // namespace

bool ParityReport::holds() const {
  return std::all_of(rows.begin(), rows.end(), [](const ParityRow& row) { return row.holds(); });
}

ParityReport compare_with_reference(const ParityOptions& options) {
  OwnVectors own(options.model);
  if (own.encoder().text_folder() != options.model)
    throw usage_error({options.model, "is known to this program alone", "a folder of transformers", "",
                       "its towers: --model " + own.encoder().text_folder()});
  const ScratchFolder scratch("parity");
  std::vector<EncodeInput> texts, images;
  if (own.encoder().reads_text())
    texts = options.texts.empty() ? sample_texts()
                                  : InputLines(InputKind::kTexts, options.texts).next(kMostTexts);
  if (own.encoder().sees_images()) images = images_as_png(options.images, scratch);
  nlohmann::json job{{"model", fs::absolute(options.model)},
                     {"texts", nlohmann::json::array()},
                     {"images", nlohmann::json::array()},
                     {"output", scratch.file("reference.safetensors")},
                     {"threads", at::get_num_threads()}};
  for (const EncodeInput& input : texts) job["texts"].push_back(input.text);
  for (const EncodeInput& input : images) job["images"].push_back(input.image);
  const Safetensors reference =
      reference_of(job, options.python.empty() ? default_python() : options.python, scratch);
  own.prepare();
  const c10::InferenceMode no_gradients;
  ParityReport report{.texts = static_cast<int64_t>(texts.size()),
                      .images = static_cast<int64_t>(images.size())};
  for (const auto& [name, version] : reference.metadata)
    report.reference += text(report.reference.empty() ? "" : ", ", name, " ", version);
  if (!texts.empty()) add_rows(own, texts, InputKind::kTexts, reference.tensors, report);
  if (!images.empty()) add_rows(own, images, InputKind::kImages, reference.tensors, report);
  if (report.rows.empty()) throw Error({options.model, "the reference made nothing that could be compared"});
  return report;
}

std::string parity_text(const ParityReport& report) {
  const auto padded = [](std::string word, size_t width) {
    return word + std::string(width - std::min(width, word.size()), ' ');
  };
  const auto number = [](double value) {
    char digits[32];
    std::snprintf(digits, sizeof digits, "%.1e", value);
    return value == 0 ? std::string("0") : std::string(digits);
  };
  std::string out = text(report.texts, " texts and ", report.images, " images, beside ", report.reference,
                         "\nwhat            difference  allowed   verdict  shape\n");
  for (const ParityRow& row : report.rows)
    out += padded(row.what, 16) + padded(number(row.difference), 12) + padded(number(row.allowed), 10) +
           padded(row.holds() ? "equal" : "DIFFERS", 9) + row.shape + "\n";
  return out;
}

}  // namespace athanor
