#include "faces/boxes.h"

#include <gtest/gtest.h>

#include <random>

#include "engine.h"
#include "expect_error.h"
#include "face_fixture.h"

namespace hyperiqa {
namespace {

const Checkpoint kNever = [] {};

std::vector<Box> boxes_of(const Json& json) {
  std::vector<Box> boxes;
  for (const Json& row : *json.array()) {
    const std::vector<float> values = testing::floats(row);
    boxes.push_back({values[0], values[1], values[2], values[3], values[4]});
  }
  return boxes;
}

TEST(Boxes, SuppressionIsTorchvisions) {
  const Json fixture = testing::face_fixture();
  for (const Json& test : *fixture.find("suppressions")->array()) {
    const std::vector<Box> boxes = boxes_of(*test.find("boxes"));
    std::vector<size_t> expected;
    for (const float index : testing::floats(*test.find("kept"))) expected.push_back(static_cast<size_t>(index));
    EXPECT_LT(expected.size(), boxes.size());
    EXPECT_EQ(suppress(boxes, *test.find("threshold")->number(), kNever), expected);
  }
}

TEST(Boxes, SuppressionOfManyBoxesIsThatOfEveryPair) {
  std::mt19937 generator(5);
  std::uniform_real_distribution<float> place(0, 400);
  std::uniform_real_distribution<float> side(12, 90);
  std::vector<Box> boxes;
  for (int i = 0; i < 3000; ++i) {
    const Box corner{place(generator), place(generator), 0, 0, place(generator)};
    boxes.push_back(
        {corner.left, corner.top, corner.left + side(generator), corner.top + side(generator), corner.score});
  }
  // Intersection over union, of every box with all that stay.
  const auto overlap = [](const Box& a, const Box& b) {
    const double width = std::min(a.right, b.right) - std::max(a.left, b.left);
    const double height = std::min(a.bottom, b.bottom) - std::max(a.top, b.top);
    if (width <= 0 || height <= 0) return 0.0;
    const auto area = [](const Box& box) { return double{box.right - box.left} * double{box.bottom - box.top}; };
    return width * height / (area(a) + area(b) - width * height);
  };
  const std::vector<size_t> kept = suppress(boxes, 0.5, kNever);
  EXPECT_LT(kept.size(), boxes.size());
  std::vector<bool> stays(boxes.size(), false);
  for (const size_t index : kept) stays[index] = true;
  for (size_t i = 0; i < boxes.size(); ++i) {
    bool suppressed = false;
    for (const size_t other : kept) {
      suppressed = suppressed || (boxes[other].score > boxes[i].score && overlap(boxes[other], boxes[i]) > 0.5);
    }
    EXPECT_EQ(stays[i], !suppressed) << i;
  }
}

TEST(Boxes, SuppressionCanBeEnded) {
  const std::vector<Box> boxes(5000, Box{0, 0, 10, 10, 1});
  testing::expect_error("ERR_ABORTED", "enough",
                        [&] { suppress(boxes, 0.5, [] { throw Error("ERR_ABORTED", "enough"); }); });
}

TEST(Boxes, ABoxInsideAnotherGoesAtTheEnd) {
  const std::vector<Box> boxes = {{10, 10, 20, 20, 0.8F}, {0, 0, 40, 40, 0.9F}, {50, 50, 60, 60, 0.7F}};
  EXPECT_EQ(suppress_contained(boxes, 0.7F), (std::vector<size_t>{1, 2}));
  EXPECT_EQ(suppress(boxes, 0.7, kNever), (std::vector<size_t>{1, 0, 2}));
  EXPECT_TRUE(suppress_contained({}, 0.7F).empty());
}

TEST(Boxes, SquaresKeepTheCentre) {
  const Box square = squared({10, 20, 30, 24, 0.5F});
  EXPECT_EQ(square.left, 10);
  EXPECT_EQ(square.right, 30);
  EXPECT_EQ(square.top, 12);
  EXPECT_EQ(square.bottom, 32);
  EXPECT_EQ(square.score, 0.5F);
}

TEST(Boxes, PixelsAreThoseInsideTheImage) {
  const auto window = pixels_of({-3.5F, 2.9F, 7.2F, 100, 1}, 20, 10);
  ASSERT_TRUE(window);
  // Edges count from 1: rows 2 to 10 of 10, columns 1 to 7.
  EXPECT_EQ(window->left, 0);
  EXPECT_EQ(window->width, 7);
  EXPECT_EQ(window->top, 1);
  EXPECT_EQ(window->height, 9);
  EXPECT_FALSE(pixels_of({30, 0, 40, 10, 1}, 20, 10));
  EXPECT_FALSE(pixels_of({-20, 0, -5, 10, 1}, 20, 10));
}

TEST(Boxes, AWindowOfTheFirstNetworkCoversTwelvePixelsOfItsLevel) {
  const Box box = window_box(3, 0, 0.5, 0.75F);
  EXPECT_EQ(box.left, 14);   // (2·3 + 1) / 0.5
  EXPECT_EQ(box.right, 36);  // (2·3 + 12) / 0.5
  EXPECT_EQ(box.top, 2);
  EXPECT_EQ(box.bottom, 24);
  EXPECT_EQ(box.score, 0.75F);
}

}  // namespace
}  // namespace hyperiqa
