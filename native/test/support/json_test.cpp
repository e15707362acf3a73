#include "support/json.h"

#include <gtest/gtest.h>

#include <locale>
#include <string>
#include <vector>

namespace hyperiqa {
namespace {

TEST(Json, ReadsEveryKindOfValue) {
  const Json json = Json::parse(R"( { "a" : [1, -2.5e3, 0, true, false, null, "x\n\"\u00e9\ud83d\ude00"], "b": {} } )");
  const auto& items = *json.find("a")->array();
  ASSERT_EQ(items.size(), 7U);
  EXPECT_EQ(*items[0].number(), 1);
  EXPECT_EQ(*items[1].number(), -2500);
  EXPECT_EQ(*items[2].number(), 0);
  EXPECT_TRUE(*items[3].boolean());
  EXPECT_FALSE(*items[4].boolean());
  EXPECT_TRUE(items[5].is_null());
  EXPECT_EQ(*items[6].string(), "x\n\"\xC3\xA9\xF0\x9F\x98\x80");
  EXPECT_TRUE(json.find("b")->object()->empty());
  EXPECT_EQ(json.find("c"), nullptr);
}

/** Numbers as many languages write them: 1.234,5. */
class Continental : public std::numpunct<char> {
 protected:
  char do_decimal_point() const override { return ','; }
  char do_thousands_sep() const override { return '.'; }
  std::string do_grouping() const override { return "\3"; }
};

TEST(Json, ReadsNumbersTheSameInEveryLocale) {
  const std::locale before = std::locale::global(std::locale(std::locale::classic(), new Continental));
  const Json json = Json::parse("[0.1, 1234.25, -1e-7, 1E+2, 12345678]");
  std::locale::global(before);
  const std::vector<double> expected = {0.1, 1234.25, -1e-7, 100, 12345678};
  const auto& items = *json.array();
  ASSERT_EQ(items.size(), expected.size());
  for (size_t i = 0; i < items.size(); ++i) EXPECT_EQ(*items[i].number(), expected[i]);
}

TEST(Json, RefusesWhatIsNoJson) {
  const char* const kBad[] = {"",
                              "{",
                              "}",
                              "[1,]",
                              "{\"a\":1,}",
                              "{a:1}",
                              "[1 2]",
                              "01",
                              "-",
                              "1.",
                              ".5",
                              "1e",
                              "+1",
                              "NaN",
                              "tru",
                              "nulll",
                              "\"",
                              "\"\\x\"",
                              "\"\\u12\"",
                              "\"\\ud83d\"",
                              "\"\\udc00\"",
                              "\"\\ud83d\\u0041\"",
                              "\"\n\"",
                              "1 1",
                              "1e999",
                              "{\"a\":1,\"a\":2}"};
  for (const char* text : kBad) EXPECT_THROW(Json::parse(text), JsonError) << text;
  EXPECT_THROW(Json::parse(std::string(100, '[') + std::string(100, ']')), JsonError);
}

TEST(Json, ManyKeysTakeNoLongerThanTheyAreLong) {
  std::string text = "{";
  for (int i = 0; i < 200'000; ++i) text += "\"" + std::to_string(i) + "\":0,";
  // Quadratic time would show as a test that does not end within its limit.
  EXPECT_EQ(Json::parse(text + "\"last\":0}").object()->size(), 200'001U);
  EXPECT_THROW(Json::parse(text + "\"7\":0}"), JsonError);
}

TEST(Json, QuotedStringsReadBackAsTheyWere) {
  const std::string text = "a \"quote\", a \\, a \t, a \x01, caf\xC3\xA9";
  EXPECT_EQ(*Json::parse(json_quote(text)).string(), text);
}

}  // namespace
}  // namespace hyperiqa
