#include "src/rqa/charts.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "src/core/text.h"

namespace athanor::rqa {
namespace {

constexpr int kLevels = 21;  // colours of a map
constexpr std::array<const char*, 6> kLight{"#0072b2", "#d55e00", "#009e73", "#8a4f7d", "#8c6d00", "#444444"};
constexpr std::array<const char*, 6> kDark{"#56b4e9", "#f08a3c", "#2fc49a", "#d98cc4", "#e0c050", "#c8c8c8"};

struct Rgb {
  double r, g, b;
};

std::string mixed(Rgb from, Rgb to, double t) {
  char out[8];
  const auto byte = [&](double a, double b) { return static_cast<int>(std::lround(a + (b - a) * t)); };
  std::snprintf(out, sizeof out, "#%02x%02x%02x", byte(from.r, to.r), byte(from.g, to.g), byte(from.b, to.b));
  return out;
}

std::string rules(Rgb low, Rgb middle, Rgb high, const std::array<const char*, 6>& groups) {
  std::string out;
  for (int level = 0; level < kLevels; ++level) {
    const double t = 2.0 * level / (kLevels - 1) - 1;
    out += text(".d", level, "{fill:", mixed(middle, t < 0 ? low : high, std::abs(t)), "}");
  }
  for (size_t k = 0; k < groups.size(); ++k)
    out += text(".s", k, "{stroke:", groups[k], "}.f", k, "{fill:", groups[k], "}");
  return out;
}

// "12.5", without needless digits.
std::string at(double value) {
  char out[32];
  std::snprintf(out, sizeof out, "%.1f", value);
  std::string shown(out);
  if (shown.ends_with(".0")) shown.resize(shown.size() - 2);
  return shown == "-0" ? "0" : shown;
}

std::string words(double x, double y, const std::string& shown, const char* more = "") {
  return text("<text x=\"", at(x), "\" y=\"", at(y), "\"", more, ">", escaped(shown), "</text>");
}

std::string segment(double x1, double y1, double x2, double y2, const std::string& style) {
  return text("<line class=\"", style, "\" x1=\"", at(x1), "\" y1=\"", at(y1), "\" x2=\"", at(x2), "\" y2=\"",
              at(y2), "\"/>");
}

constexpr double kFlat = 1e-9;  // of the values: what differs by less differs by rounding
constexpr const char* kMiddle = " text-anchor=\"middle\"";
constexpr const char* kEnd = " text-anchor=\"end\"";

std::string opened(double width, double height, const ChartText& about) {
  return text("<svg class=\"chart\" xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" viewBox=\"0 0 ",
              at(width), " ", at(height), "\" width=\"", at(width), "\" height=\"", at(height), "\"><title>",
              escaped(about.title), "</title><desc>", escaped(about.description), "</desc>",
              words(width / 2, 15, about.title, " class=\"head\" text-anchor=\"middle\""));
}

std::string upright_label(double x, double y, const std::string& label) {
  return text("<text text-anchor=\"middle\" transform=\"translate(", at(x), " ", at(y), ") rotate(-90)\">",
              escaped(label), "</text>");
}

// The mark of series k at a point: circle, square, triangle, diamond.
std::string mark(size_t k, double x, double y) {
  const std::string style = text(" class=\"f", k % kLight.size(), "\"");
  const auto polygon = [&](const std::string& points) {
    return text("<polygon", style, " points=\"", points, "\"/>");
  };
  switch (k % 4) {
    case 0:
      return text("<circle", style, " cx=\"", at(x), "\" cy=\"", at(y), "\" r=\"4\"/>");
    case 1:
      return text("<rect", style, " x=\"", at(x - 3.5), "\" y=\"", at(y - 3.5),
                  "\" width=\"7\" height=\"7\"/>");
    case 2:
      return polygon(text(at(x), ",", at(y - 4.5), " ", at(x + 4.5), ",", at(y + 3.5), " ", at(x - 4.5), ",",
                          at(y + 3.5)));
    default:
      return polygon(text(at(x), ",", at(y - 5), " ", at(x + 5), ",", at(y), " ", at(x), ",", at(y + 5), " ",
                          at(x - 5), ",", at(y)));
  }
}

std::string stroke(size_t k) { return text("line s", k % kLight.size()); }

// Marks and names of the series, as many to a line as fit into `width`; `bottom` receives where they end.
std::string legend(const std::vector<std::string>& series, double width, double* bottom) {
  std::string out;
  double x = 12, y = 34;
  for (size_t k = 0; k < series.size(); ++k) {
    const double needed = 24 + 6.3 * static_cast<double>(series[k].size());
    if (x > 12 && x + needed > width) x = 12, y += 17;
    out += mark(k, x + 4, y - 4) + words(x + 13, y, series[k]);
    x += needed;
  }
  *bottom = y + 8;
  return out;
}

// A round step that gives about `wanted` ticks.
double tick_step(double low, double high, int wanted) {
  const double rough = (high - low) / wanted, power = std::pow(10, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (rough <= factor * power * 1.0001) return factor * power;
  return 10 * power;
}

std::vector<double> ticks(double low, double high, int wanted) {
  std::vector<double> out;
  const double step = tick_step(low, high, wanted), first = std::ceil(low / step - 1e-9) * step;
  for (int k = 0; k <= 2 * wanted && first + k * step <= high + 1e-9 * step; ++k) {
    const double value = first + k * step;
    out.push_back(std::abs(value) < step * 1e-6 ? 0 : value);
  }
  return out;
}

std::string colour_bar(double x, double y, double width, double most, const std::string& unit) {
  std::string out;
  const double step = width / kLevels;
  for (int level = 0; level < kLevels; ++level)
    out += text("<rect class=\"d", level, "\" x=\"", at(x + level * step), "\" y=\"", at(y), "\" width=\"",
                at(step + 0.3), "\" height=\"9\"/>");
  out += words(x, y + 22, number_text(-most)) + words(x + width, y + 22, number_text(most), kEnd);
  return out + words(x + width / 2, y + 22, unit, kMiddle);
}

}  // namespace

std::string escaped(const std::string& plain) {
  std::string out;
  for (const char c : plain) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else
      out += c;
  }
  return out;
}

std::string number_text(double value) {
  if (std::isnan(value)) return "–";
  char out[32];
  std::snprintf(out, sizeof out, "%.3g", value);
  return out;
}

std::string chart_style() {
  return ".chart{max-width:100%;height:auto;font:12px system-ui,-apple-system,'Segoe "
         "UI',sans-serif;fill:#1d1d1f}"
         ".chart .head{font-weight:600;font-size:13px}.chart .axis{stroke:#8a8a8e;stroke-width:1}"
         ".chart .grid{stroke:#8a8a8e;stroke-opacity:.25;stroke-width:1}.chart "
         ".line{stroke-width:1.8;fill:none}"
         ".chart .hatch{stroke:#8a8a8e;stroke-width:1.2}.chart .none{fill:#8a8a8e;fill-opacity:.18}" +
         rules({8, 88, 158}, {240, 240, 236}, {186, 78, 4}, kLight) +
         "@media(prefers-color-scheme:dark){.chart{fill:#e8e8ea}.chart "
         "image{filter:invert(.88) hue-rotate(180deg)}" +
         rules({92, 172, 244}, {44, 46, 51}, {250, 150, 72}, kDark) + "}";
}

std::string svg_file(const std::string& chart, const std::string& caption) {
  constexpr double kLine = 13, kLetter = 5.2;
  const size_t end = chart.find('>') + 1;
  const std::string head = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n",
                    style = "<style>" + chart_style() + "</style>";
  if (caption.empty()) return head + chart.substr(0, end) + style + chart.substr(end) + "\n";
  double width = 0, height = 0;
  std::sscanf(chart.c_str() + chart.find("viewBox"), "viewBox=\"0 0 %lf %lf\"", &width, &height);
  std::vector<std::string> lines{""};
  for (const std::string& word : split(caption, ' ')) {
    if (kLetter * static_cast<double>(lines.back().size() + word.size()) > width - 16) lines.emplace_back();
    lines.back() += (lines.back().empty() ? "" : " ") + word;
  }
  const double whole = height + kLine * static_cast<double>(lines.size()) + 10;
  std::string out =
      head +
      text("<svg class=\"chart\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 ", at(width), " ",
           at(whole), "\" width=\"", at(width), "\" height=\"", at(whole), "\">") +
      style + chart;
  for (size_t k = 0; k < lines.size(); ++k)
    out += words(8, height + kLine * static_cast<double>(k + 1), lines[k], " font-size=\"10\"");
  return out + "</svg>\n";
}

std::string draw_heat_map(const HeatMap& map) {
  constexpr double kWidth = 330, kLeft = 46, kTop = 26;
  const auto columns = static_cast<double>(map.x_names.size()),
             rows = static_cast<double>(map.y_names.size());
  const double cell = (kWidth - kLeft - 8) / columns, tall = rows <= 4 ? 26 : std::min(cell, 220 / rows);
  const double bottom = kTop + tall * rows, height = bottom + 80;
  std::string out = opened(kWidth, height, map.text);
  for (size_t k = 0; k < map.values.size(); ++k) {
    const size_t row = k / map.x_names.size(), column = k % map.x_names.size();
    const double value = map.values[k], part = std::clamp(value / map.most, -1.0, 1.0);
    const std::string style =
        std::isnan(value) ? "none" : text("d", std::lround((part + 1) * (kLevels - 1) / 2));
    const double x = kLeft + cell * static_cast<double>(column),
                 y = bottom - tall * static_cast<double>(row + 1);
    out += text("<rect class=\"", style, "\" x=\"", at(x), "\" y=\"", at(y), "\" width=\"", at(cell),
                "\" height=\"", at(tall), "\"><title>", escaped(map.text.x_label + " " + map.x_names[column]),
                ", ", escaped(map.text.y_label + " " + map.y_names[row]), ": ",
                std::isnan(value) ? "not tested" : number_text(value), "</title></rect>");
    if (std::isnan(value)) out += segment(x, y + tall, x + cell, y, "hatch");
  }
  double widest = 0;
  for (const std::string& name : map.x_names)
    widest = std::max(widest, 10 + 6.8 * static_cast<double>(name.size()));
  const auto every = static_cast<size_t>(std::ceil(widest / cell));
  for (size_t k = 0; k < map.x_names.size(); k += every)
    out += words(kLeft + cell * (static_cast<double>(k) + 0.5), bottom + 14, map.x_names[k], kMiddle);
  const size_t every_row = (map.y_names.size() + 11) / 12;
  for (size_t k = 0; k < map.y_names.size(); k += every_row)
    out += words(kLeft - 5, bottom - tall * (static_cast<double>(k) + 0.5) + 4, map.y_names[k], kEnd);
  out += words((kLeft + kWidth - 8) / 2, bottom + 30, map.text.x_label, kMiddle);
  out += upright_label(14, (kTop + bottom) / 2, map.text.y_label);
  return out + colour_bar(kLeft, bottom + 44, kWidth - kLeft - 8, map.most, map.unit) + "</svg>";
}

std::string draw_forest(const ForestPlot& plot) {
  constexpr double kWidth = 340, kLeft = 58, kRight = kWidth - 12;
  double top = 0, low = -0.5, high = 0.5;
  const std::string names = legend(plot.series, kWidth, &top);
  for (const Estimate& each : plot.estimates)
    if (!std::isnan(each.value)) low = std::min(low, each.low), high = std::max(high, each.high);
  const double step = tick_step(low, high, 6);
  low = std::floor(low / step) * step, high = std::ceil(high / step) * step;
  const double line = 13, row = line * static_cast<double>(plot.series.size()) + 9;
  const double bottom = top + row * static_cast<double>(plot.rows.size());
  const auto x_of = [&](double value) { return kLeft + (kRight - kLeft) * (value - low) / (high - low); };
  std::string out = opened(kWidth, bottom + 40, plot.text) + names;
  for (const double tick : ticks(low, high, 6)) {
    out += segment(x_of(tick), top, x_of(tick), bottom, tick == 0 ? "axis" : "grid");
    out += words(x_of(tick), bottom + 14, number_text(tick), kMiddle);
  }
  for (size_t r = 0; r < plot.rows.size(); ++r) {
    const double y = top + row * static_cast<double>(r);
    out += words(kLeft - 8, y + row / 2 + 4, plot.rows[r], kEnd) +
           segment(kLeft, y + row, kRight, y + row, "grid");
    for (size_t k = 0; k < plot.series.size(); ++k) {
      const Estimate& each = plot.estimates[r * plot.series.size() + k];
      if (std::isnan(each.value)) continue;
      const double middle = y + 4.5 + line * (static_cast<double>(k) + 0.5);
      out += text("<g><title>", escaped(plot.rows[r] + ", " + plot.series[k]), ": ", number_text(each.value),
                  " [", number_text(each.low), ", ", number_text(each.high), "]</title>",
                  segment(x_of(each.low), middle, x_of(each.high), middle, stroke(k)),
                  mark(k, x_of(each.value), middle), "</g>");
    }
  }
  return out + words((kLeft + kRight) / 2, bottom + 32, plot.text.x_label, kMiddle) + "</svg>";
}

std::string draw_trend(const TrendPlot& plot) {
  constexpr double kWidth = 300, kLeft = 56, kRight = kWidth - 10, kTall = 130;
  double top = 0, low = INFINITY, high = -INFINITY;
  const std::string names = legend(plot.series, kWidth, &top);
  for (const Estimate& each : plot.points)
    if (!std::isnan(each.value))
      low = std::min({low, each.value, each.low}), high = std::max({high, each.value, each.high});
  const double most = std::max(std::abs(low), std::abs(high));
  if (!(high - low > kFlat * most)) low = std::isfinite(low) ? low - 1 : 0, high = low + 2;
  const double bottom = top + kTall, step = (kRight - kLeft) / static_cast<double>(plot.names.size());
  const auto y_of = [&](double value) { return bottom - 6 - (kTall - 12) * (value - low) / (high - low); };
  std::string out = opened(kWidth, bottom + 38, plot.text) + names;
  for (const double tick : ticks(low, high, 4)) {
    out += segment(kLeft, y_of(tick), kRight, y_of(tick), "grid");
    out += words(kLeft - 6, y_of(tick) + 4, number_text(tick), kEnd);
  }
  const auto shift = [&](size_t k) {  // so that error bars stand side by side
    return 6 * (static_cast<double>(k) - 0.5 * static_cast<double>(plot.series.size() - 1));
  };
  const auto x_of = [&](size_t k, size_t n) {
    return kLeft + step * (static_cast<double>(n) + 0.5) + shift(k);
  };
  for (size_t n = 0; n < plot.names.size(); ++n)
    out += words(kLeft + step * (static_cast<double>(n) + 0.5), bottom + 15, plot.names[n], kMiddle);
  for (size_t k = 0; k < plot.series.size(); ++k) {
    std::string path, marks;
    for (size_t n = 0; n < plot.names.size(); ++n) {
      const Estimate& each = plot.points[k * plot.names.size() + n];
      if (std::isnan(each.value)) continue;
      path += text(path.empty() ? "M" : "L", at(x_of(k, n)), " ", at(y_of(each.value)));
      if (!std::isnan(each.low))
        marks += segment(x_of(k, n), y_of(each.low), x_of(k, n), y_of(each.high), stroke(k));
      marks += mark(k, x_of(k, n), y_of(each.value));
    }
    out += text("<path class=\"", stroke(k), "\" d=\"", path, "\"/>", marks);
  }
  return out + words((kLeft + kRight) / 2, bottom + 31, plot.text.x_label, kMiddle) + "</svg>";
}

std::string draw_picture(const PicturePlot& plot) {
  constexpr double kSide = 250, kLeft = 46, kTop = 26, kWidth = kLeft + kSide + 14;
  const double bottom = kTop + kSide;
  std::string out = opened(kWidth, bottom + 40, plot.text);
  out +=
      text("<image x=\"", at(kLeft), "\" y=\"", at(kTop), "\" width=\"", at(kSide), "\" height=\"", at(kSide),
           "\" style=\"image-rendering:pixelated\" href=\"data:image/png;base64,", base64(plot.png), "\"/>");
  out += text("<rect class=\"axis\" fill=\"none\" x=\"", at(kLeft), "\" y=\"", at(kTop), "\" width=\"",
              at(kSide), "\" height=\"", at(kSide), "\"/>");
  for (const double tick : ticks(0, plot.extent, 4)) {
    const double along = kSide * tick / plot.extent;
    out += words(kLeft + along, bottom + 15, number_text(tick), kMiddle);
    out += words(kLeft - 5, bottom - along + 4, number_text(tick), kEnd);
  }
  out += words(kLeft + kSide / 2, bottom + 32, plot.text.x_label, kMiddle);
  return out + upright_label(12, kTop + kSide / 2, plot.text.y_label) + "</svg>";
}

std::string base64(const std::string& bytes) {
  constexpr const char* kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t word = 0;
    for (size_t k = 0; k < 3; ++k)
      word = word << 8 | (i + k < bytes.size() ? static_cast<uint8_t>(bytes[i + k]) : 0);
    for (size_t k = 0; k < 4; ++k) out += i + k <= bytes.size() ? kLetters[word >> (18 - 6 * k) & 63] : '=';
  }
  return out;
}

}  // namespace athanor::rqa
