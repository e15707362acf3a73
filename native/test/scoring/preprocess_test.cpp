#include "scoring/preprocess.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "expect_error.h"
#include "test_image.h"

namespace hyperiqa {
namespace {

using testing::expect_error;
using testing::picture;
using testing::TestImage;

constexpr Resize kNone;

Resize exact(int64_t width, int64_t height) {
  return {Resize::Mode::Exact, width, height, 0};
}
Resize short_side(int64_t size) {
  return {Resize::Mode::ShortSide, 0, 0, size};
}

/** @param most_that_differ  share of values that may be one off */
void expect_like_fixture(const PreparedImage& image, const std::string& name, double most_that_differ) {
  std::ifstream file(HYPERIQA_TEST_FIXTURES "/" + name, std::ios::binary);
  const std::vector<char> expected{std::istreambuf_iterator<char>(file), {}};
  ASSERT_EQ(expected.size(), static_cast<size_t>(image.width * image.height * 3)) << name;
  int largest = 0;
  size_t different = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    const int difference = std::abs(int{image.pixels[i]} - int{static_cast<uint8_t>(expected[i])});
    largest = std::max(largest, difference);
    if (difference > 0) ++different;
  }
  EXPECT_LE(largest, 1) << name;
  EXPECT_LE(static_cast<double>(different) / static_cast<double>(expected.size()), most_that_differ) << name;
}

TEST(Preprocess, ResizesAsPillowDoes) {
  const int64_t cases[][4] = {{160, 120, 96, 128}, {97, 61, 40, 90}, {53, 80, 106, 160}, {200, 33, 60, 10}};
  for (const auto& [width, height, to_width, to_height] : cases) {
    const TestImage image = picture(width, height);
    const PreparedImage resized = prepare(image.view(), exact(to_width, to_height), 1);
    ASSERT_EQ(resized.width, to_width);
    ASSERT_EQ(resized.height, to_height);
    EXPECT_FALSE(resized.enlarged);
    const auto size = [](int64_t w, int64_t h) { return std::to_string(w) + "x" + std::to_string(h); };
    expect_like_fixture(resized, "resize-" + size(width, height) + "-" + size(to_width, to_height) + ".rgb", 0);
  }
}

TEST(Preprocess, EnlargesAsPyiqaDoes) {
  // Values are rounded to 8 bits after either direction, where the reference works on floats: a value in five is one
  // off.
  PreparedImage enlarged = prepare(picture(57, 31).view(), kNone, 50);
  EXPECT_TRUE(enlarged.enlarged);
  expect_like_fixture(enlarged, "enlarge-57x31-91x50.rgb", 0.25);
  enlarged = prepare(picture(40, 61).view(), kNone, 45);
  expect_like_fixture(enlarged, "enlarge-40x61-45x68.rgb", 0.25);
}

TEST(Preprocess, KeepsTheAspectOnTheShorterSide) {
  const TestImage wide = picture(1001, 500);
  PreparedImage resized = prepare(wide.view(), short_side(384), 224);
  EXPECT_EQ(resized.width, 768);  // ⌊1001·384/500⌋
  EXPECT_EQ(resized.height, 384);
  const TestImage tall = picture(300, 401);
  resized = prepare(tall.view(), short_side(384), 224);
  EXPECT_EQ(resized.width, 384);
  EXPECT_EQ(resized.height, 513);
}

TEST(Preprocess, LeavesPixelsWhereNothingIsToBeDone) {
  const TestImage image = picture(384, 512);
  for (const Resize& resize : {kNone, exact(384, 512), short_side(384)}) {
    const PreparedImage same = prepare(image.view(), resize, 224);
    EXPECT_EQ(same.pixels, image.pixels.data());
    EXPECT_FALSE(same.storage);
    EXPECT_FALSE(same.enlarged);
  }
}

TEST(Preprocess, EnlargesAfterTheResize) {
  const TestImage image = picture(600, 300);
  const PreparedImage enlarged = prepare(image.view(), short_side(100), 224);
  EXPECT_EQ(enlarged.width, 448);
  EXPECT_EQ(enlarged.height, 224);
  EXPECT_TRUE(enlarged.enlarged);
}

TEST(Preprocess, HandlesASinglePixel) {
  const TestImage image = testing::plain(17, 1, 1);
  const PreparedImage enlarged = prepare(image.view(), kNone, 224);
  EXPECT_EQ(enlarged.width, 224);
  EXPECT_TRUE(std::all_of(enlarged.pixels, enlarged.pixels + ptrdiff_t{224} * 224 * 3,
                          [](uint8_t value) { return value == 17; }));
}

TEST(Preprocess, RefusesWhatWouldNotFitIntoMemory) {
  const TestImage line = picture(2, 30000);
  expect_error("ERR_IMAGE_TOO_LARGE", "beyond the limit", [&] { prepare(line.view(), kNone, 224); });
  expect_error("ERR_IMAGE_TOO_LARGE", "side of more than", [] { prepared_size(20'000'000, 1, exact(224, 224), 224); });
  const Image huge{line.pixels.data(), 40000, 40000};
  expect_error("ERR_IMAGE_TOO_LARGE", "beyond the limit", [&] { prepare(huge, kNone, 224); });
}

TEST(Preprocess, IsGivenUpOnceItIsUnwanted) {
  const TestImage image = picture(300, 600);
  std::atomic<bool> unwanted = false;
  // Down the columns only, along the rows first, down the columns first.
  for (const Resize& resize : {exact(300, 240), exact(250, 800), exact(290, 240)}) {
    unwanted = false;
    EXPECT_NO_THROW(prepare(image.view(), resize, 224, &unwanted));
    unwanted = true;
    expect_error("ERR_ABORTED", "given up", [&] { prepare(image.view(), resize, 224, &unwanted); });
  }
}

TEST(Preprocess, TellsTheSizeBeforehand) {
  for (const auto& [width, height] :
       {std::pair{300, 401}, std::pair{1000, 150}, std::pair{30, 40}, std::pair{224, 224}}) {
    const TestImage image = picture(width, height);
    for (const Resize& resize : {kNone, exact(384, 512), exact(90, 400), short_side(100), short_side(384)}) {
      const PreparedSize size = prepared_size(width, height, resize, 224);
      const PreparedImage prepared = prepare(image.view(), resize, 224);
      EXPECT_EQ(size.width, prepared.width);
      EXPECT_EQ(size.height, prepared.height);
      EXPECT_EQ(size.copy_bytes, prepared.storage ? prepared.width * prepared.height * 3 : 0);
      EXPECT_GE(size.peak_bytes, size.copy_bytes);
    }
  }
  // Both copies exist while the second one is made.
  EXPECT_EQ(prepared_size(600, 300, short_side(100), 224).peak_bytes, 3 * (200 * 100 + 448 * 224));
}

TEST(Preprocess, RefusesImpossibleSizes) {
  expect_error("ERR_INVALID_ARGUMENT", "width", [] { check_resize(exact(0, 5), 224); });
  expect_error("ERR_INVALID_ARGUMENT", "height", [] { check_resize(exact(5, 70000), 224); });
  expect_error("ERR_INVALID_ARGUMENT", "shorter side", [] { check_resize(short_side(-1), 224); });
  expect_error("ERR_INVALID_ARGUMENT", "minimum side", [] { check_resize(kNone, 223); });
}

}  // namespace
}  // namespace hyperiqa
