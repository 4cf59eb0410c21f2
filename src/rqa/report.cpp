#include "src/rqa/report.h"

#include <algorithm>

#include "src/core/text.h"
#include "src/rqa/charts.h"

namespace athanor::rqa {
namespace {

constexpr size_t kStrongest = 20;  // rows of the table
constexpr const char* kPageStyle =
    ":root{color-scheme:light dark;--ink:#1d1d1f;--soft:#5c5c61;--line:#d8d8dc;--paper:#fff;--block:#f6f6f4}"
    "@media(prefers-color-scheme:dark){:root{--ink:#e8e8ea;--soft:#a6a6ac;--line:#3b3c42;--paper:#17181b;"
    "--block:#202226}}"
    "*{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);"
    "font:16px/1.55 system-ui,-apple-system,'Segoe UI',sans-serif}"
    "main{max-width:1180px;margin:0 auto;padding:28px 20px 64px}"
    "h1{font-size:1.75rem;line-height:1.2;margin:.3em 0 .4em}h2{font-size:1.3rem;margin:2.2em 0 .5em;"
    "padding-top:.7em;border-top:1px solid var(--line)}h3{font-size:1.05rem;margin:1.6em 0 .4em}"
    "p{max-width:74ch;margin:.5em 0}small,figcaption{color:var(--soft);font-size:.84rem;line-height:1.45}"
    "figure{margin:.6em 0 1.4em}figcaption{max-width:84ch;margin-top:.5em}"
    ".row{display:flex;flex-wrap:wrap;gap:14px 22px;align-items:flex-start}"
    ".scroll{overflow-x:auto;margin:.6em 0}table{border-collapse:collapse;font-size:.86rem;"
    "font-variant-numeric:tabular-nums}th,td{padding:.28em .8em .28em 0;text-align:left;vertical-align:top;"
    "border-bottom:1px solid var(--line)}th{color:var(--soft);font-weight:600;white-space:nowrap}"
    "td.n,th.n{text-align:right;white-space:nowrap}details{margin:.5em 0;padding:.45em "
    ".8em;background:var(--block);border-radius:8px}"
    "summary{cursor:pointer;font-weight:600}.facts{display:flex;flex-wrap:wrap;gap:10px 34px;margin:1.2em 0}"
    ".facts div{min-width:7em}.facts b{display:block;font-size:1.5rem;line-height:1.2}"
    ".facts span{color:var(--soft);font-size:.84rem}";

std::string paragraph(const std::string& words) { return text("<p>", escaped(words), "</p>\n"); }

// Columns from `numbers` on hold numbers.
std::string table(const std::vector<std::string>& head, const std::vector<std::vector<std::string>>& rows,
                  size_t numbers) {
  std::string out = "<div class=\"scroll\"><table><thead><tr>";
  const auto cell = [&](const char* tag, size_t column, const std::string& shown) {
    return text("<", tag, column >= numbers ? " class=\"n\">" : ">", escaped(shown), "</", tag, ">");
  };
  for (size_t k = 0; k < head.size(); ++k) out += cell("th", k, head[k]);
  out += "</tr></thead><tbody>";
  for (const std::vector<std::string>& row : rows) {
    out += "<tr>";
    for (size_t k = 0; k < row.size(); ++k) out += cell("td", k, row[k]);
    out += "</tr>\n";
  }
  return out + "</tbody></table></div>\n";
}

std::string figure_html(const FigureRow& row, const std::string& definitions) {
  std::string out = "<figure><div class=\"row\">";
  for (const Figure& each : row.figures) out += each.svg + "\n";
  return text(out, "</div><figcaption>", escaped(row.caption), " Definitions: ", escaped(definitions),
              ".</figcaption></figure>\n");
}

std::string analysis_title(const std::string& analysis) {
  if (analysis == "1d_x") return "1D: x over time";
  if (analysis == "1d_y") return "1D: y over time";
  return analysis == "2d" ? "2D: x and y over time" : escaped(analysis);
}

template <class T>
std::string range_text(const char* name, const std::vector<T>& values) {
  if (values.size() == 1) return text(name, " ", values[0]);
  return text(name, " ", values.front(), " to ", values.back(), " (", values.size(), ")");
}

std::string fact(const std::string& number, const std::string& what) {
  return text("<div><b>", escaped(number), "</b><span>", escaped(what), "</span></div>");
}

std::vector<int64_t> tested_columns(const SweepStatistics& statistics) {
  std::vector<int64_t> out;
  for (size_t column = 0; column < statistics.verdicts.size(); ++column)
    if (statistics.verdicts[column] == Verdict::kTested) out.push_back(static_cast<int64_t>(column));
  std::stable_sort(out.begin(), out.end(),
                   [&](int64_t a, int64_t b) { return statistics.kruskal[a].h > statistics.kruskal[b].h; });
  return out;
}

std::string facts_html(const SweepHead& head, const SweepStatistics& statistics,
                       const std::vector<int64_t>& tested) {
  const auto below = [&](const std::vector<double>& values) {
    return std::count_if(tested.begin(), tested.end(), [&](int64_t column) { return values[column] < 0.05; });
  };
  std::string out = "<div class=\"facts\">" + fact(text(head.recordings.size()), "recordings");
  for (size_t group = 0; group < statistics.subjects.groups.size(); ++group)
    out += fact(text(std::count_if(statistics.subjects.names.begin(), statistics.subjects.names.end(),
                                   [&](const auto& each) { return each.second == static_cast<int>(group); })),
                "subjects in " + statistics.subjects.groups[group]);
  out += fact(text(head.grid.combinations()), "combinations") + fact(text(tested.size()), "columns tested");
  out += fact(text(below(statistics.q)), "with q < 0.05 (Benjamini-Hochberg)");
  if (statistics.permutations > 0) out += fact(text(below(statistics.p_max_t)), "with p < 0.05 (max-T)");
  return out + "</div>\n" +
         paragraph(text(
             "Every combination of ", range_text("m", head.grid.m), ", ", range_text("tau", head.grid.tau),
             ", ", range_text("eps", head.grid.eps), " and ", range_text("l_min", head.grid.lmin),
             ". A column is one metric of one analysis at one combination; what was left out, and all "
             "definitions, stand at the end."));
}

std::string strongest_html(const SweepHead& head, const SweepStatistics& statistics,
                           const std::vector<int64_t>& tested) {
  std::vector<std::string> names{"analysis", "metric", "m", "tau",     "eps",     "l_min",
                                 "H",        "p",      "q", "max-T p", "Welch F", "Welch p"};
  for (const auto& [a, b] : statistics.pairs)
    names.push_back(text("g ", statistics.subjects.groups[b], " - ", statistics.subjects.groups[a]));
  std::vector<std::vector<std::string>> rows;
  for (size_t k = 0; k < std::min(kStrongest, tested.size()); ++k) {
    const int64_t column = tested[k];
    const ColumnPlace place = place_of(statistics, column);
    rows.push_back({head.analyses[place.analysis], std::string(metric_name(statistics.metrics[place.metric])),
                    text(head.grid.m[place.m]), text(head.grid.tau[place.tau]),
                    shortest(head.grid.eps[place.eps]), text(head.grid.lmin[place.lmin]),
                    number_text(statistics.kruskal[column].h), number_text(statistics.kruskal[column].p),
                    number_text(statistics.q[column]), number_text(statistics.p_max_t[column]),
                    number_text(statistics.welch[column].f), number_text(statistics.welch[column].p)});
    for (size_t pair = 0; pair < statistics.pairs.size(); ++pair)
      rows.back().push_back(number_text(statistics.effect(column, static_cast<int64_t>(pair)).g));
  }
  return table(names, rows, 2);
}

std::string methods_html(const SweepHead& head, const SweepStatistics& statistics,
                         const StatisticsOptions& options) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& [name, value] : describe(head.definitions)) rows.push_back({name, value});
  return "<h2>Definitions and tests</h2>\n" + table({"choice", "here"}, rows, 2) +
         paragraph(
             text("Values are subjects' means over their tasks (", join(statistics.tasks, ", "),
                  "), so that a subject counts once. Kruskal-Wallis H with the correction for ties and its "
                  "chi-squared p; Welch's F for unequal variances; Hedges' g with J = 1 - 3/(4n - 9) and "
                  "the variance n/(n_a n_b) + g²/(2(n - 3.94)), n = n_a + n_b.")) +
         paragraph(text("q: Benjamini-Hochberg over all tested columns together. Max-T p: ",
                        options.permutations, " permutations of the subjects' groups (seed ", options.seed,
                        "), single step, over the same columns.")) +
         paragraph(text(
             "A combination is degenerate, and none of its columns is tested, where at least half of the "
             "subjects have a recurrence rate below ",
             number_text(options.least_rate), " or above ", number_text(options.most_rate), "."));
}

std::string left_out_html(const SweepHead& head, const SweepStatistics& statistics) {
  std::vector<std::vector<std::string>> columns, files;
  const auto counts = statistics.counts();
  for (size_t k = 0; k < counts.size(); ++k)
    columns.push_back({std::string(kVerdictTexts[k]), text(counts[k])});
  for (const LeftOut& each : head.left_out) files.push_back({each.file, each.reason});
  return "<h2>What was left out</h2>\n<h3>Columns</h3>\n" +
         table({"column (metric at a combination)", "count"}, columns, 1) + "<h3>Recordings</h3>\n" +
         (files.empty() ? paragraph("None.") : table({"file", "reason"}, files, 2));
}

// The figures of one analysis; `tested` is sorted by H.
void add_analysis(const SweepResults& results, const std::string& study, int64_t analysis,
                  const std::vector<int64_t>& tested, Report& report) {
  const SweepStatistics& statistics = report.statistics;
  const SweepHead& head = results.head();
  report.html += text("<h2>", analysis_title(head.analyses[analysis]), "</h2>\n");
  std::vector<int64_t> best;  // of each metric, by H
  for (const int64_t column : tested) {
    const ColumnPlace place = place_of(statistics, column);
    const bool known = std::any_of(best.begin(), best.end(), [&](int64_t each) {
      return place_of(statistics, each).metric == place.metric;
    });
    if (place.analysis == analysis && !known) best.push_back(column);
  }
  if (best.empty()) {
    report.html += paragraph("No column of this analysis could be tested: see what was left out.");
    return;
  }
  const std::string definitions = definitions_line(head.definitions, head.analyses[analysis]);
  const auto add = [&](const FigureRow& row, const std::string& before, const std::string& after) {
    report.html += before + figure_html(row, definitions) + after;
    for (Figure figure : row.figures) {
      figure.name = file_name_of(figure.name);  // groups are called as people like
      figure.caption = text(row.caption, " Definitions: ", definitions, ".");
      report.figures.push_back(std::move(figure));
    }
  };
  const ColumnPlace place = place_of(statistics, best[0]);
  for (const FigureRow& row :
       {draw_forest_row(results, statistics, place), draw_recurrence_row(results, statistics, place, study),
        draw_trend_row(results, statistics, place)})
    add(row, text("<h3>", escaped(row.title), "</h3>\n"), "");
  report.html += "<h3>Effect sizes over the grid</h3>\n";
  for (size_t k = 0; k < best.size(); ++k) {
    const FigureRow row = draw_effect_row(results, statistics, best[k]);
    add(row, text("<details", k == 0 ? " open" : "", "><summary>", escaped(row.title), "</summary>"),
        "</details>\n");
  }
}

}  // namespace

Report make_report(const SweepResults& results, const ReportOptions& options) {
  Report report;
  report.statistics = test_sweep(results, options.statistics);
  const SweepHead& head = results.head();
  const std::vector<int64_t> tested = tested_columns(report.statistics);
  report.html = text(
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width,initial-scale=1\"><title>Recurrence analysis</title><style>",
      kPageStyle, chart_style(), "</style></head><body><main>\n<h1>Recurrence analysis of ",
      escaped(join(report.statistics.subjects.groups, ", ")), "</h1>\n");
  report.html += facts_html(head, report.statistics, tested);
  report.html += "<h2>Strongest effects</h2>\n" + strongest_html(head, report.statistics, tested);
  for (int64_t analysis = 0; analysis < report.statistics.analyses; ++analysis)
    add_analysis(results, options.study, analysis, tested, report);
  report.html += methods_html(head, report.statistics, options.statistics);
  report.html += left_out_html(head, report.statistics);
  report.html += text("<p><small>athanor ", escaped(head.version), "</small></p></main></body></html>\n");
  return report;
}

}  // namespace athanor::rqa
