#include "faces/area_resize.h"

#include <gtest/gtest.h>

#include "face_fixture.h"

namespace hyperiqa {
namespace {

using testing::floats;
using testing::TestImage;

TestImage case_image(const Json& json) {
  TestImage image{
      {}, static_cast<int64_t>(*json.find("width")->number()), static_cast<int64_t>(*json.find("height")->number())};
  for (const float value : floats(*json.find("pixels"))) image.pixels.push_back(static_cast<uint8_t>(value));
  return image;
}

std::vector<float> resized(const TestImage& image, const Window& window, int64_t width, int64_t height,
                           const Window& part) {
  std::vector<float> output(static_cast<size_t>(3 * part.width * part.height));
  area_resize(image.view(), window, width, height, part, output.data());
  return output;
}

void expect_near(const std::vector<float>& actual, const std::vector<float>& expected) {
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < actual.size(); ++i) ASSERT_NEAR(actual[i], expected[i], 1e-4) << "value " << i;
}

TEST(AreaResize, ShrinksAsTorch) {
  const Json fixture = testing::face_fixture();
  const Json& json = *fixture.find("area");
  const TestImage image = case_image(json);
  expect_near(resized(image, {0, 0, 17, 11}, 9, 7, {0, 0, 9, 7}), floats(*json.find("whole_9x7")));
}

TEST(AreaResize, EnlargesAWindowAsTorch) {
  const Json fixture = testing::face_fixture();
  const Json& json = *fixture.find("area");
  const TestImage image = case_image(json);
  expect_near(resized(image, {3, 2, 12, 7}, 24, 24, {0, 0, 24, 24}), floats(*json.find("window_24x24_of_3_2_12_7")));
}

TEST(AreaResize, APartIsThatPartOfTheWhole) {
  const TestImage image = testing::picture(61, 47);
  const std::vector<float> whole = resized(image, {0, 0, 61, 47}, 40, 31, {0, 0, 40, 31});
  const Window part{13, 7, 20, 24};
  const std::vector<float> tile = resized(image, {0, 0, 61, 47}, 40, 31, part);
  for (int64_t c = 0; c < 3; ++c) {
    for (int64_t y = 0; y < part.height; ++y) {
      for (int64_t x = 0; x < part.width; ++x) {
        const auto in_tile = static_cast<size_t>((c * part.height + y) * part.width + x);
        const auto in_whole = static_cast<size_t>((c * 31 + part.top + y) * 40 + part.left + x);
        ASSERT_EQ(tile[in_tile], whole[in_whole]);
      }
    }
  }
}

}  // namespace
}  // namespace hyperiqa
