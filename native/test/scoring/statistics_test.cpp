#include "scoring/statistics.h"

#include <gtest/gtest.h>

#include <cmath>

namespace hyperiqa {
namespace {

std::vector<Crop> scores(std::initializer_list<float> values) {
  std::vector<Crop> crops;
  for (const float value : values) crops.push_back({0, 0, value});
  return crops;
}

TEST(Statistics, MeanAndStandardErrorOfRandomCrops) {
  ScoreResult result;
  result.crops = scores({2, 4, 4, 4, 5, 5, 7, 9});
  summarise(result, CropPlan::Kind::Random);
  EXPECT_DOUBLE_EQ(result.score, 5);
  EXPECT_DOUBLE_EQ(result.standard_error.value(), std::sqrt(32.0 / 7 / 8));
  EXPECT_FALSE(result.spread);
}

TEST(Statistics, SpreadOfAFixedPlan) {
  ScoreResult result;
  result.crops = scores({1, 2, 3});
  summarise(result, CropPlan::Kind::Grid);
  EXPECT_DOUBLE_EQ(result.spread.value(), 1);
  EXPECT_FALSE(result.standard_error);
}

TEST(Statistics, OneCropHasNeither) {
  ScoreResult result;
  result.crops = scores({42});
  summarise(result, CropPlan::Kind::Random);
  EXPECT_DOUBLE_EQ(result.score, 42);
  EXPECT_FALSE(result.standard_error);
  EXPECT_FALSE(result.spread);
}

TEST(Statistics, TheShortestPrefixCounts) {
  // Standard errors of the prefixes: –, 1, 0.577, 0.408, 0.316.
  const auto crops = scores({0, 2, 1, 1, 1});
  EXPECT_EQ(shortest_prefix(crops, 1, 1.5), 2U);
  EXPECT_EQ(shortest_prefix(crops, 1, 1), 3U) << "below the bound, not at it";
  EXPECT_EQ(shortest_prefix(crops, 4, 1), 4U) << "never fewer than the initial number";
  EXPECT_EQ(shortest_prefix(crops, 1, 0.35), 5U);
  EXPECT_EQ(shortest_prefix(crops, 1, 0.3), std::nullopt);
  EXPECT_EQ(shortest_prefix(scores({5}), 1, 100), std::nullopt) << "one crop has no standard error";
}

TEST(Statistics, TheNextCountIsWhatTheDeviationLetsExpect) {
  const auto crops = scores({0, 2, 0, 2});  // SD(n−1) = 1.1547
  EXPECT_EQ(next_crop_count(crops, 0.5, 2), 6U) << "5.3 are expected to be enough";
  EXPECT_EQ(next_crop_count(crops, 0.01, 2), 9U) << "about twice as many at most";
  EXPECT_EQ(next_crop_count(crops, 0.57, 16), 20U) << "a step at least";
  EXPECT_EQ(next_crop_count(scores({1}), 0.5, 3), 4U);
}

}  // namespace
}  // namespace hyperiqa
