#include "data/bars/bars.h"

#include <catch2/catch.hpp>

#include "data/bars/bar_time.h"
#include "data/hdf5/hdf5_file.h"
#include "src/core/text.h"
#include "tests/data/bars/bars_fixtures.h"

using namespace athanor;

namespace {

std::string csv_error(const std::string& csv) {
  return error_of([&] { parse_bars_csv(csv, "M1.csv"); });
}

const std::string kHeader = "time,open,high,low,close,volume\n";
const std::string kRow = "2022-01-04 18:00,1.1,1.2,1.0,1.15,3\n";

}  // namespace

CATCH_TEST_CASE("bars: every known form of the same file gives the same bars", "[unit]") {
  const std::string plain =
      "time,open,high,low,close,volume\n"
      "2022-01-04 18:00,1.12834,1.1284,1.12834,1.12838,24\n"
      "2022-01-04 18:01,1.1284,1.1284,1.12837,1.12837,6\n";
  const Bars expected = parse_bars_csv(plain, "plain");
  CATCH_REQUIRE(expected.size() == 2);
  CATCH_CHECK(expected.time[0] == 1641319200);
  CATCH_CHECK(expected.time[1] == 1641319260);
  CATCH_CHECK(expected.open[0] == 1.12834);
  CATCH_CHECK(expected.high[0] == 1.1284);
  CATCH_CHECK(expected.low[1] == 1.12837);
  CATCH_CHECK(expected.close[1] == 1.12837);
  CATCH_CHECK(expected.volume[0] == 24);
  const std::vector<std::pair<std::string, std::string>> forms = {
      {"terminal export",
       "\"Time\tOpen\tHigh\tLow\tClose\tVolume\"\r\n"
       "\"2022-01-04 18:00:00\t1.12834\t1.1284\t1.12834\t1.12838\t24\"\r\n"
       "\"2022-01-04 18:01:00\t1.1284\t1.1284\t1.12837\t1.12837\t6\"\r\n"},
      {"MT5 columns",
       "time,open,high,low,close,tick_volume,spread,real_volume\n"
       "1641319200,1.12834,1.1284,1.12834,1.12838,24,2,0\n"
       "1641319260,1.1284,1.1284,1.12837,1.12837,6,2,0\n"},
      {"MT5 export",
       "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>\r\n"
       "2022.01.04\t18:00:00\t1.12834\t1.12840\t1.12834\t1.12838\t24\t0\t2\r\n"
       "2022.01.04\t18:01:00\t1.12840\t1.12840\t1.12837\t1.12837\t6\t0\t2\r\n"},
      {"ISO, semicolons, quoted fields, other order, byte order mark, blank lines",
       "\xEF\xBB\xBF\"Close\";\"Volume\";\"DateTime\";\"High\";\"Low\";\"Open\"\n\n"
       "1.12838;24;\"2022-01-04T18:00:00Z\";1.1284;1.12834;1.12834\n"
       "1.12837;6;\"2022-01-04T20:01:00+02:00\";1.1284;1.12837;1.1284\n\n"},
      {"milliseconds, no line end",
       "Timestamp,Open,High,Low,Close,Volume\n"
       "1641319200000,1.12834,1.1284,1.12834,1.12838,24\n"
       "1641319260000,1.1284,1.1284,1.12837,1.12837,6"},
  };
  for (const auto& [name, csv] : forms) {
    CATCH_INFO(name);
    CATCH_CHECK(same_bars(parse_bars_csv(csv, name), expected));
  }
}

CATCH_TEST_CASE("bars: a file without a volume has volume 0", "[unit]") {
  const Bars bars = parse_bars_csv("date,open,high,low,close\n2022-01-04,1,2,1,2\n", "D1.csv");
  CATCH_CHECK(bars.volume == std::vector<double>{0});
  CATCH_CHECK(bars.time[0] % 86400 == 0);
}

CATCH_TEST_CASE("bars: wrong input is refused with file, line and reason", "[unit]") {
  const auto has = [](const std::string& message, const std::vector<std::string>& parts) {
    CATCH_INFO("message: " << message);
    for (const auto& part : parts) {
      CATCH_INFO("part: " << part);
      CATCH_CHECK(message.find(part) != std::string::npos);
    }
    CATCH_CHECK(message.find('\n') == std::string::npos);
  };
  has(csv_error(""), {"M1.csv", "empty"});
  has(csv_error("\n\n"), {"M1.csv", "empty"});
  has(csv_error(kHeader), {"M1.csv", "no bars"});
  has(csv_error("1641319200,1.1,1.2,1.0,1.15,3\n"), {"M1.csv:1", "no header"});
  has(csv_error("time,opne,high,low,close,volume\n"), {"M1.csv:1", "'opne'", "did you mean 'open'"});
  has(csv_error("time,open,high,low,volume\n"), {"M1.csv:1", "no column 'close'"});
  has(csv_error("time,open,high,low,close,close\n"), {"M1.csv:1", "two columns"});
  has(csv_error(kHeader + kRow + "2022-01-04 18:01,1.1,x,1.0,1.15,3\n"),
      {"M1.csv:3", "'high' is not a number", "'x'"});
  has(csv_error(kHeader + "2022-01-04 18:00,1.1,1.0,1.2,1.15,3\n"),
      {"M1.csv:2", "high is below low", "high 1", "low 1.2"});
  has(csv_error(kHeader + "2022-01-04 18:00,nan,1.2,1.0,1.15,3\n"), {"M1.csv:2", "not a price", "nan"});
  has(csv_error(kHeader + "2022-01-04 18:00,1.1,inf,1.0,1.15,3\n"), {"M1.csv:2", "not a price", "inf"});
  has(csv_error(kHeader + "2022-01-04 18:00,1.1,1.2,0,1.15,3\n"), {"M1.csv:2", "not a price", "> 0"});
  has(csv_error(kHeader + "2022-01-04 18:00,1.1,1.2,1.0,1.15,-3\n"), {"M1.csv:2", "not a volume"});
  has(csv_error(kHeader + kRow + kRow), {"M1.csv:3", "the same time twice", "2022-01-04 18:00"});
  has(csv_error(kHeader + kRow + "2022-01-04 17:59,1.1,1.2,1.0,1.15,3\n"), {"M1.csv:3", "time goes back"});
  has(csv_error(kHeader + "04/01/2022 18:00,1.1,1.2,1.0,1.15,3\n"), {"M1.csv:2", "not a time", "04/01/2022"});
  has(csv_error(kHeader + "2022-02-30 18:00,1.1,1.2,1.0,1.15,3\n"), {"M1.csv:2", "not a time"});
  has(csv_error(kHeader + "2022-01-04 18:00,1.1,1.2,1.0\n"),
      {"M1.csv:2", "number of fields", "expected 6", "got 4"});
  has(error_of([] { load_bars("/nowhere/M1.csv"); }), {"/nowhere/M1.csv", "No such file"});
}

CATCH_TEST_CASE("bars: times are read back from how they are written", "[unit]") {
  Rng rng(5);
  for (int i = 0; i < 2000; ++i) {
    const auto seconds = static_cast<int64_t>(rng.below(4'000'000'000));
    CATCH_REQUIRE(find_time(time_text(seconds)) == seconds);
  }
  CATCH_CHECK(find_time("2024-02-29 00:00").has_value());
  CATCH_CHECK_FALSE(find_time("2023-02-29 00:00").has_value());
  CATCH_CHECK_FALSE(find_time("2023-02-28 24:00").has_value());
  CATCH_CHECK_FALSE(find_time("2023-02-28 12:00 x").has_value());
  CATCH_CHECK_FALSE(find_time("28.02.2023 12:00").has_value());
}

CATCH_TEST_CASE("bars: what is written as CSV is read back bit for bit", "[unit]") {
  const TemporaryFolder folder;
  const Bars bars = random_bars(500, 3);
  write_bars_csv(bars, folder.file("M1.csv"), 5);
  CATCH_CHECK(same_bars(load_bars(folder.file("M1.csv")), bars));
}

CATCH_TEST_CASE("bars: raw bars of an HDF5 file are the same bars, the finest timeframe of several",
                "[unit]") {
  const TemporaryFolder folder;
  const Bars bars = random_bars(50, 4);
  std::vector<double> table;
  for (int64_t i = 0; i < bars.size(); ++i) {
    for (const double value : {static_cast<double>(bars.time[i]), bars.open[i], bars.high[i], bars.low[i],
                               bars.close[i], bars.volume[i], 2.0, 0.0}) {
      table.push_back(value);
    }
  }
  const std::string path = folder.file("raw.h5");
  Hdf5File file = Hdf5File::create(path);
  file.write<double>("H1/data", std::span<const double>(table).first(8), {1, 8});
  file.write<double>("M1/data", table, {bars.size(), 8});
  file.close();
  CATCH_CHECK(same_bars(load_bars(path), bars));

  table[3 * 8 + 2] = 0.5;  // the high of row 3
  const std::string bad = folder.file("bad.h5");
  Hdf5File bad_file = Hdf5File::create(bad);
  bad_file.write<double>("M1/data", table, {bars.size(), 8});
  bad_file.close();
  const std::string message = error_of([&] { load_bars(bad); });
  CATCH_CHECK(message.find("M1/data row 3") != std::string::npos);
  CATCH_CHECK(message.find("high is below low") != std::string::npos);

  const std::string other = folder.file("other.h5");
  Hdf5File other_file = Hdf5File::create(other);
  other_file.write<double>("prices", table, {bars.size(), 8});
  other_file.close();
  CATCH_CHECK(error_of([&] { load_bars(other); }).find("no bars in this HDF5 file") != std::string::npos);
}

CATCH_TEST_CASE("bars: gaps are counted, long and short apart", "[unit]") {
  Bars bars;
  for (const int64_t minute : {0, 1, 2, 5, 6, 90, 91, 3000}) bars.push(minute * 60, 1, 1, 1, 1, 0);
  CATCH_CHECK(bar_seconds(bars) == 60);
  const GapCount gaps = count_gaps(bars, 60, 60);
  CATCH_CHECK(gaps.short_gaps == 1);
  CATCH_CHECK(gaps.missing_bars == 2);
  CATCH_CHECK(gaps.long_gaps == 2);
  CATCH_CHECK(gaps.longest_minutes == 2908);
  bars.push(3000 * 60 + 30, 1, 1, 1, 1, 0);
  CATCH_CHECK(error_of([&] { bar_seconds(bars); }).find("bars overlap") != std::string::npos);
}

CATCH_TEST_CASE("bars: the real EURUSD export is read as it is", "[unit]") {
  const std::string path = std::string(ATHANOR_SOURCE_DIR) + "/../shared/data/bars/EURUSD_M1.csv";
  if (!std::filesystem::exists(path)) {
    CATCH_WARN("skipped: no ../shared/data/bars/EURUSD_M1.csv here");
    return;
  }
  const Bars bars = load_bars(path);
  CATCH_CHECK(bars.size() == 49993);
  CATCH_CHECK(time_text(bars.time.front()) == "2022-01-04 18:00");
  CATCH_CHECK(time_text(bars.time.back()) == "2022-02-22 15:25");
  CATCH_CHECK(bars.close.back() == 1.13265);
  CATCH_CHECK(bars.volume.front() == 24);
  const GapCount gaps = count_gaps(bars, bar_seconds(bars), 60);
  CATCH_CHECK(gaps.long_gaps == 7);  // weekends
  CATCH_CHECK(gaps.longest_minutes == 2880);
  CATCH_CHECK(gaps.short_gaps == 177 + 26 + 4 + 3);
}
