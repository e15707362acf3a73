#include "support/stop_flag.h"

#include <gtest/gtest.h>

namespace hyperiqa {
namespace {

TEST(StopFlag, IsSharedByItsCopies) {
  const StopFlag flag;
  const StopFlag other;
  StopFlag copy;
  copy = flag;
  EXPECT_FALSE(copy.stop_requested());
  flag.request_stop();
  EXPECT_TRUE(flag.stop_requested());
  EXPECT_TRUE(copy.stop_requested());
  EXPECT_FALSE(other.stop_requested());
}

TEST(StopFlag, OfAParentReachesItsChildrenOnly) {
  const StopFlag parent;
  const StopFlag first = parent.child();
  const StopFlag second = parent.child();
  const StopFlag grandchild = second.child();
  first.request_stop();
  EXPECT_TRUE(first.stop_requested());
  EXPECT_FALSE(parent.stop_requested());
  EXPECT_FALSE(second.stop_requested());
  parent.request_stop();
  EXPECT_TRUE(second.stop_requested());
  EXPECT_TRUE(grandchild.stop_requested());
}

TEST(StopFlag, OutlivesItsParent) {
  const StopFlag child = StopFlag().child();
  EXPECT_FALSE(child.stop_requested());
}

}  // namespace
}  // namespace hyperiqa
