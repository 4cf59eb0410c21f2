// athanor rqa report: a sweep's findings as one HTML page. athanor rqa plot: a recurrence plot.
#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>
#include <memory>

#include "src/core/error.h"
#include "src/core/files.h"
#include "src/core/text.h"
#include "src/rqa/charts.h"
#include "src/rqa/recording.h"
#include "src/rqa/recurrence_plot.h"
#include "src/rqa/report.h"
#include "tools/rqa_flags.h"
#include "tools/rqa_verbs.h"

namespace athanor {
namespace {

struct ReportFlags {
  std::string sweep, output, table, figures;
  std::vector<std::string> metrics;
  rqa::ReportOptions options;
};

void write_figures(const std::string& folder, const std::vector<rqa::Figure>& figures) {
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  if (failed) throw Error({.where = folder, .what = "cannot make the folder: " + failed.message()});
  for (const rqa::Figure& each : figures) {
    write_file_atomically(folder + "/" + each.name + ".svg", rqa::svg_file(each.svg, each.caption));
    if (!each.png.empty()) write_file_atomically(folder + "/" + each.name + ".png", each.png);
  }
}

void run_report(ReportFlags& flags) {
  for (const std::string& name : flags.metrics)
    flags.options.statistics.metrics.push_back(rqa::metric_named(name));
  const rqa::SweepResults results = rqa::load_results(flags.sweep);
  const rqa::Report report = rqa::make_report(results, flags.options);
  write_file_atomically(flags.output, report.html);
  if (!flags.table.empty())
    write_file_atomically(flags.table, rqa::statistics_csv(results.head(), report.statistics));
  if (!flags.figures.empty()) write_figures(flags.figures, report.figures);
  const auto counts = report.statistics.counts();
  std::cout << "wrote " << flags.output << " (" << bytes_text(static_cast<int64_t>(report.html.size()))
            << "): " << counts[0] << " columns tested";
  for (size_t k = 1; k < counts.size(); ++k)
    if (counts[k]) std::cout << ", " << counts[k] << " not (" << rqa::kVerdictTexts[k] << ")";
  std::cout << "\n";
}

struct PlotFlags {
  std::string file, output, analysis = "2d", unit = "samples";
  int64_t m = 2, tau = 1, size_px = 800;
  double eps = 0;
  RqaDefinitionFlags definitions;
};

void run_plot(const PlotFlags& flags) {
  check_rqa_combination(flags.m, flags.tau, flags.eps, /*lmin=*/1);
  const rqa::Definitions definitions = flags.definitions.definitions();
  const rqa::Recording recording = rqa::load_recording(flags.file);
  const rqa::Series series = rqa::series_of(recording, flags.analysis);
  const bool in_ms = flags.unit == "ms";
  if (in_ms && recording.times_ms.size() < 2)
    throw usage_error(
        {.where = flags.file, .what = "no times for --unit ms", .expected = "a column milliseconds"});
  const double step_ms = in_ms ? (recording.times_ms.back() - recording.times_ms.front()) /
                                     static_cast<double>(recording.times_ms.size() - 1)
                               : 1;
  const rqa::RecurrencePlot plot =
      rqa::draw_recurrences(series, flags.m, flags.tau, flags.eps, definitions, flags.size_px);
  std::vector<std::string> caption{
      text(std::filesystem::path(flags.file).filename().string(), "  ", flags.analysis, "  N ",
           series.length(), "  m ", flags.m, "  tau ", flags.tau, "  eps ", shortest(flags.eps)),
      rqa::definitions_line(definitions, flags.analysis)};
  if (plot.per_pixel > 1)
    caption.push_back(text("a pixel is ", plot.per_pixel, " x ", plot.per_pixel,
                           " cells, as dark as its share of recurrent ones"));
  save_png(flags.output, rqa::framed(plot, caption, step_ms, flags.unit));
  std::cout << "wrote " << flags.output << ": " << plot.vectors << " x " << plot.vectors << " cells\n";
}

}  // namespace

void add_rqa_report(CLI::App& rqa) {
  CLI::App* verb = rqa.add_subcommand("report", "A sweep's findings: group tests, charts, one page of HTML");
  const auto flags = std::make_shared<ReportFlags>();
  rqa::StatisticsOptions& tests = flags->options.statistics;
  verb->add_option("sweep", flags->sweep, "the folder of a sweep, or its sweep.h5")->required();
  verb->add_option("--output", flags->output, "the page to write")->required();
  verb->add_option("--input", flags->options.study, "the study's recordings, for recurrence plots");
  verb->add_option("--figures", flags->figures,
                   "writes each chart into this folder too: SVG, recurrence plots PNG as well");
  verb->add_option("--table", flags->table, "writes the tests of all columns to this CSV file too");
  verb->add_option("--metrics", flags->metrics, "of the sweep's; not given: all")->delimiter(',');
  verb->add_option("--permutations", tests.permutations, "of max-T; 0: none")
      ->capture_default_str()
      ->check(CLI::Range(0, 1000000));
  verb->add_option("--seed", tests.seed, "of the permutations")->capture_default_str();
  verb->add_option("--threads", tests.threads, "that test")->capture_default_str()->check(CLI::Range(1, 256));
  verb->footer("Example:\n  athanor rqa report swept --input study --output report.html");
  verb->callback([flags] { run_report(*flags); });
}

void add_rqa_plot(CLI::App& rqa) {
  CLI::App* verb = rqa.add_subcommand("plot", "A recording's recurrence plot as a PNG");
  const auto flags = std::make_shared<PlotFlags>();
  verb->add_option("file", flags->file, "CSV with columns x and y")->required();
  verb->add_option("--output", flags->output, "the picture to write")->required();
  verb->add_option("--m", flags->m, "embedding dimension")->capture_default_str();
  verb->add_option("--tau", flags->tau, "delay, in samples")->capture_default_str();
  verb->add_option("--eps", flags->eps, "threshold, in the unit of x and y")->required();
  verb->add_option("--analysis", flags->analysis, "1d_x, 1d_y or 2d")->capture_default_str();
  verb->add_option("--unit", flags->unit, "of the axes: samples or ms")
      ->capture_default_str()
      ->check(CLI::IsMember({"samples", "ms"}));
  verb->add_option("--size", flags->size_px, "pixels of a side at most; longer recordings are shrunk")
      ->capture_default_str()
      ->check(CLI::Range(16, 20000));
  flags->definitions.add_to(*verb);
  verb->footer("Example:\n  athanor rqa plot recording.csv --m 2 --tau 1 --eps 0.06 --output plot.png");
  verb->callback([flags] { run_plot(*flags); });
}

}  // namespace athanor
