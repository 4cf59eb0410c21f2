// Claims about text helpers and the one line of an Error.
#include "src/core/text.h"

#include <catch2/catch.hpp>

#include "src/core/error.h"

using namespace athanor;

CATCH_TEST_CASE("error: parts make one line, empty parts leave no trace", "[unit]") {
  CATCH_CHECK(std::string(Error({"f:3", "bad", "one", "two", "try three"}).what()) ==
              "f:3: bad; expected one, got two; hint: try three");
  CATCH_CHECK(std::string(Error({"", "bad\nworse", "", "", ""}).what()) == "bad worse");
  CATCH_CHECK(std::string(Error({"", "bad", "", "two", ""}).what()) == "bad; got two");
  CATCH_CHECK(Error({"", "bad", "", "", ""}).exit_code() == ExitCode::kFailed);
  CATCH_CHECK(usage_error({"", "bad", "", "", ""}).exit_code() == ExitCode::kUsage);
}

CATCH_TEST_CASE("text: near names are suggested, far ones are not", "[unit]") {
  const std::vector<std::string> known = {"lr", "weight_decay", "batch_size", "name"};
  CATCH_CHECK(closest("lrr", known) == "lr");
  CATCH_CHECK(closest("batchsize", known) == "batch_size");
  CATCH_CHECK(closest("nmae", known) == "name");
  CATCH_CHECK(closest("weight", known) == "weight_decay");
  CATCH_CHECK(closest("zzzzzz", known).empty());
  CATCH_CHECK(suggestion("zzzzzz", known) == "one of: lr, weight_decay, batch_size, name");
}

CATCH_TEST_CASE("text: splitting, trimming, sizes", "[unit]") {
  CATCH_CHECK(split("a,,b", ',') == std::vector<std::string>{"a", "", "b"});
  CATCH_CHECK(trim(" \ta b\r\n") == "a b");
  CATCH_CHECK(bytes_text(1536) == "1.5 KiB");
  CATCH_CHECK(bytes_text(12) == "12 B");
  CATCH_CHECK(shape_text({2, 480, 11}) == "[2,480,11]");
  CATCH_CHECK(shortest(0.1) == "0.1");
  CATCH_CHECK(text("a", 1, 'b') == "a1b");
}
