#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "engine.h"
#include "expect_error.h"
#include "support/json.h"

namespace hyperiqa {
namespace {

using testing::expect_error;

Json fixture() {
  const std::ifstream file(HYPERIQA_TEST_FIXTURES "/crops.json");
  std::ostringstream text;
  text << file.rdbuf();
  return Json::parse(text.str());
}

int64_t integer(const Json& json) {
  return static_cast<int64_t>(*json.number());
}

std::string position(const Crop& crop) {
  return std::to_string(crop.x) + ',' + std::to_string(crop.y);
}

std::string positions(const std::vector<Crop>& crops) {
  std::string text;
  for (const Crop& crop : crops) text += (text.empty() ? "" : " ") + position(crop);
  return text;
}

TEST(Crops, RandomOnesAreTorchvisionsAfterManualSeed) {
  const Json json = fixture();
  for (const Json& test : *json.find("random")->array()) {
    const int64_t width = integer(*test.find("width"));
    const int64_t height = integer(*test.find("height"));
    const uint64_t seed = std::stoull(*test.find("seed")->string());
    std::string expected;
    const auto& crops = *test.find("crops")->array();
    for (const Json& crop : crops) {
      const auto& xy = *crop.array();
      expected += (expected.empty() ? "" : " ") + std::to_string(integer(xy[0])) + ',' + std::to_string(integer(xy[1]));
    }
    CropPlan plan;
    plan.count = static_cast<int64_t>(crops.size());
    EXPECT_EQ(positions(plan_crops(plan, width, height, seed)), expected) << width << "x" << height << " seed " << seed;
  }
}

TEST(Crops, MoreRandomOnesBeginWithTheSame) {
  CropPlan plan;
  plan.count = 5;
  const auto few = plan_crops(plan, 400, 300, 9);
  plan.count = 50;
  auto many = plan_crops(plan, 400, 300, 9);
  many.resize(5);
  EXPECT_EQ(positions(many), positions(few));
}

TEST(Crops, TheCenterIsTorchvisions) {
  const Json json = fixture();
  CropPlan plan;
  plan.kind = CropPlan::Kind::Center;
  for (const Json& test : *json.find("center")->array()) {
    const auto& xy = *test.find("crop")->array();
    const auto crops = plan_crops(plan, integer(*test.find("width")), integer(*test.find("height")), 0);
    ASSERT_EQ(crops.size(), 1U);
    EXPECT_EQ(crops[0].x, integer(xy[0]));
    EXPECT_EQ(crops[0].y, integer(xy[1]));
  }
}

TEST(Crops, AGridCoversBothEndsEvenly) {
  CropPlan plan;
  plan.kind = CropPlan::Kind::Grid;
  plan.rows = 2;
  plan.columns = 4;
  EXPECT_EQ(positions(plan_crops(plan, 324, 300, 0)), "0,0 33,0 66,0 100,0 0,76 33,76 66,76 100,76");
}

TEST(Crops, AGridOfOneIsInTheMiddle) {
  CropPlan plan;
  plan.kind = CropPlan::Kind::Grid;
  plan.rows = 1;
  plan.columns = 1;
  EXPECT_EQ(positions(plan_crops(plan, 300, 225, 0)), "38,0");
}

TEST(Crops, AGridWithoutNumbersCoversTheWholeImage) {
  CropPlan plan;
  plan.kind = CropPlan::Kind::Grid;
  EXPECT_EQ(positions(plan_crops(plan, 224, 224, 0)), "0,0");
  EXPECT_EQ(positions(plan_crops(plan, 448, 224, 0)), "0,0 224,0");
  EXPECT_EQ(positions(plan_crops(plan, 449, 225, 0)), "0,0 112,0 225,0 0,1 112,1 225,1");
}

TEST(Crops, PyiqaLeavesOutTheLastFifth) {
  CropPlan plan;
  plan.kind = CropPlan::Kind::Pyiqa;
  const auto crops = plan_crops(plan, 324, 233, 0);
  ASSERT_EQ(crops.size(), 25U);
  EXPECT_EQ(position(crops[0]), "0,0");
  EXPECT_EQ(position(crops[1]), "20,0");
  EXPECT_EQ(position(crops[5]), "0,1");
  EXPECT_EQ(position(crops[24]), "80,4");
}

TEST(Crops, RefusesTheImpossible) {
  const CropPlan random;
  expect_error("ERR_INVALID_ARGUMENT", "smaller than a patch", [&] { plan_crops(random, 223, 500, 0); });
  expect_error("ERR_INVALID_ARGUMENT", "smaller than a patch", [&] { plan_crops(random, 500, 223, 0); });
  CropPlan none;
  none.count = 0;
  expect_error("ERR_INVALID_ARGUMENT", "number of crops", [&] { plan_crops(none, 500, 500, 0); });
  CropPlan negative;
  negative.kind = CropPlan::Kind::Grid;
  negative.rows = -1;
  expect_error("ERR_INVALID_ARGUMENT", "rows", [&] { plan_crops(negative, 500, 500, 0); });
  CropPlan huge;
  huge.kind = CropPlan::Kind::Grid;
  huge.rows = 100000;
  huge.columns = 100000;
  expect_error("ERR_INVALID_ARGUMENT", "rows", [&] { plan_crops(huge, 500, 500, 0); });
}

}  // namespace
}  // namespace hyperiqa
