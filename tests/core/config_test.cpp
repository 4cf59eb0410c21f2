// Claims about configs: strict reading, suggestions, overrides, and writing that reads back the same.
#include "src/core/config.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "src/core/component.h"
#include "src/core/error.h"
#include "src/core/files.h"

using namespace athanor;

namespace {

struct Shape {
  virtual ~Shape() = default;
  virtual double area() const = 0;
};
struct CircleConfig : ConfigStruct {
  double radius = 1;
  void list_fields(Fields& fields) override { fields.field("radius", radius, "radius, m", kPositive); }
};
struct BoxConfig : ConfigStruct {
  double width = 2, height = 3;
  void list_fields(Fields& fields) override {
    fields.field("width", width, "width, m", kPositive);
    fields.field("height", height, "height, m", kPositive);
  }
};
struct Area : Shape {
  explicit Area(double value) : value_(value) {}
  double area() const override { return value_; }
  double value_;
};
const std::vector<Component<Shape>>& shapes() {
  static const std::vector<Component<Shape>> table = {
      component<CircleConfig, Shape>(
          "circle", "round",
          [](const CircleConfig& c) { return std::make_unique<Area>(3 * c.radius * c.radius); }),
      component<BoxConfig, Shape>(
          "box", "square", [](const BoxConfig& c) { return std::make_unique<Area>(c.width * c.height); })};
  return table;
}

struct Inner {
  double lr = 1e-3;
  std::string name = "adamw";
  void list_fields(Fields& fields) {
    fields.field("lr", lr, "peak learning rate, per step", kPositive);
    fields.field("name", name, "which optimizer", one_of({"adamw", "sgd"}));
  }
};
struct Whole {
  int64_t seed = 7;
  bool fast = true;
  std::string path = "a: b # c";
  std::vector<int64_t> sizes = {64, 1};
  std::vector<std::string> names = {"x", "y z"};
  IntMap windows = {{"M1", 480}, {"H4", 48}};
  Inner optimizer;
  Choice<Shape> shape{shapes(), "circle"};
  ChoiceList<Shape> row{shapes()};
  void list_fields(Fields& fields) {
    fields.field("seed", seed, "seed of everything random", kNonNegative);
    fields.field("fast", fast, "whether to hurry");
    fields.field("path", path, "a file", kNotEmpty);
    fields.field("sizes", sizes, "layer widths", kPositive);
    fields.field("names", names, "some names");
    fields.field("windows", windows, "bars a window", kPositive);
    fields.section("optimizer", optimizer, "the optimizer");
    fields.choice("shape", shape, "the shape");
    fields.choices("row", row, "more shapes");
  }
};

std::string write_temporary(const std::string& yaml) {
  const std::string path = std::filesystem::temp_directory_path() / "athanor_config_test.yaml";
  write_file_atomically(path, yaml);
  return path;
}

// The message of reading `yaml` with `overrides`, or "" where it is read.
std::string message_of(const std::string& yaml, const std::vector<std::string>& overrides = {}) {
  Whole whole;
  try {
    read_config(write_temporary(yaml), overrides, fields_of(whole));
  } catch (const Error& error) {
    CATCH_CHECK(error.exit_code() == ExitCode::kUsage);
    return error.what();
  }
  return "";
}

}  // namespace

CATCH_TEST_CASE("config: values are read, the rest keeps its defaults", "[unit]") {
  Whole whole;
  read_config(
      write_temporary("seed: 1e3\noptimizer: {lr: 0.5}\nwindows: {M1: 3}\nsizes: [1, 2, 3]\nfast: false\n"),
      {}, fields_of(whole));
  CATCH_CHECK(whole.seed == 1000);
  CATCH_CHECK(whole.optimizer.lr == 0.5);
  CATCH_CHECK(whole.optimizer.name == "adamw");
  CATCH_CHECK(whole.sizes == std::vector<int64_t>{1, 2, 3});
  CATCH_CHECK(whole.windows == IntMap{{"M1", 3}});
  CATCH_CHECK_FALSE(whole.fast);
}

CATCH_TEST_CASE("config: mistakes are told with line, key and suggestion", "[unit]") {
  struct Case {
    std::string yaml;
    std::vector<std::string> fragments;
  };
  const std::vector<Case> cases = {
      {"seed: 1\nsede: 2\n", {".yaml:2:", "unknown key 'sede'", "did you mean 'seed'?"}},
      {"optimizer:\n  lrr: 2\n", {".yaml:2:", "'optimizer.lrr'", "did you mean 'lr'?"}},
      {"seed: abc\n", {".yaml:1:", "wrong value for 'seed'", "an integer >= 0", "'abc'"}},
      {"seed: -1\n", {"an integer >= 0", "'-1'"}},
      {"seed: 1.5\n", {"an integer", "'1.5'"}},
      {"seed: '5'\n", {"an integer", "'5'"}},
      {"fast: yes\n", {"true or false", "'yes'"}},
      {"optimizer: {lr: 0}\n", {"a number > 0", "'0'"}},
      {"optimizer: {lr: nan}\n", {"a number > 0"}},
      {"optimizer: {name: adm}\n", {"one of: adamw, sgd", "'adm'"}},
      {"optimizer: 3\n", {"'optimizer' has the wrong type", "a mapping", "'3'"}},
      {"sizes: 5\n", {"a list", "'5'"}},
      {"sizes: [5, x]\n", {"'sizes[1]'", "an integer > 0", "'x'"}},
      {"windows: {M1: 0}\n", {"'windows.M1'", "> 0"}},
      {"path: ''\n", {"not empty"}},
      {"shape: {name: cirle}\n", {"unknown shape 'cirle'", "one of: circle, box", "did you mean 'circle'?"}},
      {"shape: {name: box, radius: 2}\n", {"unknown key 'shape.radius'"}},
      {"row: {name: box}\n", {"wrong value for 'row'", "a list, each e.g. {name: circle}", "a mapping"}},
      {"row:\n  - name: box\n  - box\n",
       {".yaml:3:", "'row[1]' has no name", "'box'", "one of: circle, box"}},
      {"row:\n  - width: 2\n", {".yaml:2:", "'row[0]' has no name"}},
      {"row:\n  - name: bx\n", {".yaml:2:", "unknown row 'bx'", "did you mean 'box'?"}},
      {"row:\n  - name: box\n    widht: 2\n", {".yaml:3:", "'row[0].widht'", "did you mean 'width'?"}},
      {"row:\n  - {name: box, width: 0}\n", {".yaml:2:", "'row[0].width'", "a number > 0"}},
      {"row:\n  - name: box\n    width: 1\n    width: 2\n", {".yaml:4:", "'row[0].width' is given twice"}},
      {"seed: 1\nseed: 2\n", {".yaml:2:", "given twice"}},
      {"seed: [1\n", {"not valid YAML"}},
      {"seed:\n\t- 1\n", {"not valid YAML", "spaces, not tabs"}},
      {"- 1\n", {"a mapping of keys", "a list"}}};
  for (const Case& one : cases) {
    const std::string message = message_of(one.yaml);
    CATCH_CAPTURE(one.yaml, message);
    CATCH_CHECK(message.find('\n') == std::string::npos);
    for (const std::string& fragment : one.fragments)
      CATCH_CHECK(message.find(fragment) != std::string::npos);
  }
}

CATCH_TEST_CASE("config: a list of components keeps its order, and may hold one component twice", "[unit]") {
  Whole whole;
  read_config(
      write_temporary("row:\n  - {name: box, width: 5}\n  - name: circle\n  - {name: box, height: 7}\n"), {},
      fields_of(whole));
  std::vector<double> areas;
  for (const auto& shape : whole.row.choices()) areas.push_back(shape.make()->area());
  CATCH_CHECK(areas == std::vector<double>{15, 3, 14});
  read_config("", {"row=[]"}, fields_of(whole));
  CATCH_CHECK(whole.row.size() == 0);
}

CATCH_TEST_CASE("config: overrides replace a list of components, or change entries that are there",
                "[unit]") {
  const std::string path = write_temporary("row: [{name: box, width: 5}, {name: circle}]\nsizes: [4, 5]\n");
  Whole whole;
  read_config(path, {"row[0].width=6", "row[1]={name: circle, radius: 2}", "sizes[1]=9"}, fields_of(whole));
  CATCH_CHECK(whole.row.choices()[0].make()->area() == 18);
  CATCH_CHECK(whole.row.choices()[1].make()->area() == 12);
  CATCH_CHECK(whole.sizes == std::vector<int64_t>{4, 9});
  read_config(path, {"row=[{name: circle}]", "row[0].radius=3"}, fields_of(whole));
  CATCH_REQUIRE(whole.row.size() == 1);
  CATCH_CHECK(whole.row.choices()[0].make()->area() == 27);

  const auto message = [&](const std::string& override) {
    return message_of("row: [{name: box}, {name: box}]\n", {override});
  };
  CATCH_CHECK(message("row[2].width=1").find("an index in [0,1]") != std::string::npos);
  CATCH_CHECK(message("row[x].width=1").find("there is no 'row[x]'") != std::string::npos);
  CATCH_CHECK(message("row[0=1").find("there is no 'row[0'") != std::string::npos);
  CATCH_CHECK(message("sizes[0]=1").find("no such list in the config file") != std::string::npos);
  CATCH_CHECK(message("row.width=1").find("'row' is a value, not a section") != std::string::npos);
  CATCH_CHECK(message("row[1].widht=1").find("'row[1].widht=1' (command line)") == 0);
}

CATCH_TEST_CASE("config: overrides win over the file and name themselves in errors", "[unit]") {
  Whole whole;
  read_config(write_temporary("optimizer: {lr: 0.5}\n"),
              {"optimizer.lr=0.25", "shape.name=box", "shape.width=10", "windows.M1=5"}, fields_of(whole));
  CATCH_CHECK(whole.optimizer.lr == 0.25);
  CATCH_CHECK(whole.shape.make()->area() == 30);
  CATCH_CHECK(whole.windows == IntMap{{"M1", 5}});
  CATCH_CHECK(message_of("", {"optimizer.l=1"}).find("'optimizer.l=1' (command line)") == 0);
  CATCH_CHECK(message_of("", {"seed"}).find("not an override") != std::string::npos);
  CATCH_CHECK(message_of("seed: 1\n", {"seed.x=1"}).find("is a value, not a section") != std::string::npos);
}

CATCH_TEST_CASE("config: written YAML reads back to the same values", "[unit]") {
  Whole whole;
  whole.optimizer.lr = 0.1 + 0.2;
  whole.names = {"true", "1", "it's", "a,b", ""};
  whole.shape.select("box");
  whole.row.add().select("box");
  whole.row.add();
  const std::string yaml = config_yaml(fields_of(whole));
  CATCH_CHECK(yaml.find("# peak learning rate, per step") != std::string::npos);
  Whole again;
  read_config(write_temporary(yaml), {}, fields_of(again));
  CATCH_CHECK(again.optimizer.lr == whole.optimizer.lr);
  CATCH_CHECK(again.names == whole.names);
  CATCH_CHECK(again.path == whole.path);
  CATCH_CHECK(again.shape.name() == "box");
  CATCH_REQUIRE(again.row.size() == 2);
  CATCH_CHECK(again.row.at(0).name() == "box");
  CATCH_CHECK(again.row.at(1).name() == "circle");
  CATCH_CHECK(config_yaml(fields_of(again)) == yaml);
}

CATCH_TEST_CASE("config: the schema names every key, its limits and each component", "[unit]") {
  Whole whole;
  const auto schema = nlohmann::json::parse(config_schema(fields_of(whole), "job"));
  CATCH_CHECK(schema["additionalProperties"] == false);
  CATCH_CHECK(schema["properties"]["optimizer"]["properties"]["lr"]["exclusiveMinimum"] == 0);
  CATCH_CHECK(schema["properties"]["shape"]["oneOf"].size() == 2);
  CATCH_CHECK(schema["properties"]["shape"]["oneOf"][1]["properties"]["name"]["const"] == "box");
  CATCH_CHECK(whole.shape.name() == "circle");
  const auto& entry = schema["properties"]["row"]["items"]["oneOf"];
  CATCH_REQUIRE(entry.size() == 2);
  CATCH_CHECK(entry[0]["required"][0] == "name");
  CATCH_CHECK(entry[0]["properties"]["radius"]["exclusiveMinimum"] == 0);
  CATCH_CHECK(config_reference(fields_of(whole)).find("`row[].width`") != std::string::npos);
  CATCH_CHECK(config_reference(fields_of(whole)).find("`optimizer.lr`") != std::string::npos);
}
