#include "execution/batch_shapes.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace hyperiqa {
namespace {

TEST(BatchShapes, ArePowersOfTwoAndTheLargest) {
  EXPECT_EQ(batch_shapes(1), (std::vector<int64_t>{1}));
  EXPECT_EQ(batch_shapes(8), (std::vector<int64_t>{1, 2, 4, 8}));
  EXPECT_EQ(batch_shapes(10), (std::vector<int64_t>{1, 2, 4, 8, 10}));
}

TEST(BatchShapes, AnyCountIsMadeOfFilledOnesOrFitsIntoAPaddedOne) {
  for (const int64_t batch_size : {1, 2, 3, 8, 10}) {
    const auto shapes = batch_shapes(batch_size);
    const auto is_shape = [&](int64_t size) { return std::ranges::find(shapes, size) != shapes.end(); };
    for (int64_t count = 1; count <= batch_size; ++count) {
      EXPECT_TRUE(is_shape(filled_shape(batch_size, count)));
      EXPECT_LE(filled_shape(batch_size, count), count);
      EXPECT_TRUE(is_shape(padded_shape(batch_size, count)));
      EXPECT_GE(padded_shape(batch_size, count), count);
    }
    EXPECT_EQ(filled_shape(batch_size, batch_size + 5), batch_size);
  }
  EXPECT_EQ(filled_shape(8, 7), 4);
  EXPECT_EQ(padded_shape(10, 9), 10);
}

}  // namespace
}  // namespace hyperiqa
