#include "support/bounded_thread.h"

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <thread>

namespace hyperiqa {
namespace {

Deadline in(std::chrono::milliseconds time) {
  return std::chrono::steady_clock::now() + time;
}

TEST(BoundedThread, IsWaitedFor) {
  bool done = false;
  BoundedThread thread([&done] { done = true; });
  thread.join(in(std::chrono::minutes(1)));
  EXPECT_TRUE(done);
  EXPECT_FALSE(abandoned_threads());
}

TEST(BoundedThread, IsLetGoOfAtTheDeadlineAndKeepsWhatItHolds) {
  auto held = std::make_shared<int>(7);
  const std::weak_ptr<int> watched = held;
  std::promise<void> open;
  {
    BoundedThread thread([held = std::move(held), opened = open.get_future().share()] { opened.wait(); });
    thread.join(in(std::chrono::milliseconds(10)));
  }
  EXPECT_TRUE(abandoned_threads());
  EXPECT_FALSE(watched.expired());
  open.set_value();
  while (abandoned_threads()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_TRUE(watched.expired());
}

TEST(BoundedThread, DoesNotWaitForItself) {
  std::promise<BoundedThread*> self;
  std::promise<void> joined;
  BoundedThread thread([got = self.get_future().share(), &joined] {
    got.get()->join(in(std::chrono::minutes(1)));
    joined.set_value();
  });
  self.set_value(&thread);
  joined.get_future().wait();
  while (abandoned_threads()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

}  // namespace
}  // namespace hyperiqa
