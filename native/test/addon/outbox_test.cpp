#include "../../addon/outbox.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <thread>
#include <vector>

namespace hyperiqa::addon {
namespace {

class Number : public Parcel {
 public:
  explicit Number(int number) : value(number) {}
  const int value;
};

std::vector<int> numbers(Parcels parcels) {
  std::vector<int> result;
  while (const auto parcel = parcels.pop()) result.push_back(dynamic_cast<const Number&>(*parcel).value);
  return result;
}

TEST(Outbox, WakesOnceForAllThatGather) {
  int wakes = 0;
  Outbox outbox([&wakes] { return ++wakes > 0; });
  for (int i = 0; i < 3; ++i) outbox.post(std::make_unique<Number>(i));
  EXPECT_EQ(wakes, 1);
  EXPECT_EQ(numbers(outbox.take()), (std::vector{0, 1, 2}));
  EXPECT_TRUE(outbox.take().empty());
  outbox.post(std::make_unique<Number>(3));
  EXPECT_EQ(wakes, 2);
  EXPECT_EQ(numbers(outbox.take()), std::vector{3});
}

TEST(Outbox, AWakeUpThatFailsLosesAndStallsNothing) {
  int attempts = 0;
  Outbox outbox([&attempts]() -> bool {
    ++attempts;
    if (attempts == 1) return false;
    if (attempts == 2) throw std::runtime_error("no memory");
    return true;
  });
  outbox.post(std::make_unique<Number>(0));
  outbox.post(std::make_unique<Number>(1));
  EXPECT_EQ(attempts, 2);
  outbox.wake_again();
  EXPECT_EQ(attempts, 3);
  outbox.wake_again();
  EXPECT_EQ(attempts, 3) << "woken already";
  EXPECT_EQ(numbers(outbox.take()), (std::vector{0, 1}));
  outbox.wake_again();
  EXPECT_EQ(attempts, 3) << "there is nothing to be fetched";
}

TEST(Outbox, AfterClosingNobodyIsWoken) {
  int wakes = 0;
  Outbox outbox([&wakes] { return ++wakes > 0; });
  outbox.post(std::make_unique<Number>(0));
  EXPECT_EQ(numbers(outbox.close()), std::vector{0});
  outbox.post(std::make_unique<Number>(1));
  outbox.wake_again();
  EXPECT_EQ(wakes, 1);
  EXPECT_TRUE(outbox.take().empty());
}

TEST(Outbox, HoldsAsManyAsThereAre) {
  // Destroyed one by one, not by a recursion as deep as the chain is long.
  Outbox outbox([] { return true; });
  for (int i = 0; i < 1'000'000; ++i) outbox.post(std::make_unique<Number>(i));
}

TEST(Outbox, TakesFromAnyThread) {
  Outbox outbox([] { return true; });
  size_t taken = 0;
  {
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&outbox] {
        for (int i = 0; i < 1000; ++i) outbox.post(std::make_unique<Number>(i));
      });
    }
    while (taken < 2000) taken += numbers(outbox.take()).size();
    for (std::thread& thread : threads) thread.join();
  }
  EXPECT_EQ(taken + numbers(outbox.take()).size(), 4000U);
}

}  // namespace
}  // namespace hyperiqa::addon
