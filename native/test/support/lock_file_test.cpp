#include "support/lock_file.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <thread>
#include <vector>

#ifndef _WIN32
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#endif

#include "test_model.h"

namespace hyperiqa {
namespace {

using std::chrono::milliseconds;
using State = LockFile::State;

constexpr auto kNever = [] { return false; };

TEST(LockFile, HasOneHolderAndLeavesNothingBehind) {
  const testing::TemporaryFolder folder;
  const std::string path = folder.file("lock");
  std::optional<LockFile> first(path);
  LockFile second(path);
  EXPECT_EQ(first->try_take(), State::Taken);
  EXPECT_EQ(second.try_take(), State::Held);
  EXPECT_EQ(second.take_within(milliseconds(60), kNever), State::Held) << "the wait is bounded";
  first.reset();
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_EQ(second.try_take(), State::Taken);
}

TEST(LockFile, AWaitEndsWithTheLockOrWhenItIsGivenUp) {
  const testing::TemporaryFolder folder;
  const std::string path = folder.file("lock");
  std::optional<LockFile> first(path);
  ASSERT_EQ(first->try_take(), State::Taken);
  LockFile second(path);
  int looks = 0;
  EXPECT_EQ(second.take_within(std::chrono::hours(1), [&] { return ++looks == 2; }), State::Held);
  EXPECT_EQ(looks, 2);
  const auto throwing = []() -> bool { throw std::runtime_error("stop"); };
  EXPECT_THROW(second.take_within(std::chrono::hours(1), throwing), std::runtime_error);
  std::thread releasing([&] {
    std::this_thread::sleep_for(milliseconds(100));
    first.reset();
  });
  EXPECT_EQ(second.take_within(std::chrono::hours(1), kNever), State::Taken);
  releasing.join();
}

TEST(LockFile, ManyThatWaitHaveItOneAfterTheOther) {
  const testing::TemporaryFolder folder;
  const std::string path = folder.file("lock");
  std::atomic<int> inside = 0;
  std::atomic<int> turns = 0;
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int turn = 0; turn < 50;) {
        LockFile lock(path);
        if (lock.try_take() != State::Taken) continue;
        EXPECT_EQ(++inside, 1);
        ++turns;
        ++turn;
        --inside;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(turns, 200);
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(LockFile, AFolderThatCannotBeWrittenHasNone) {
  const testing::TemporaryFolder folder;
  EXPECT_EQ(LockFile(folder.file("missing/lock")).try_take(), State::Unavailable);
  std::ofstream(folder.file("file")) << "x";
  EXPECT_EQ(LockFile(folder.file("file/lock")).try_take(), State::Unavailable);
  std::filesystem::create_directory(folder.file("folder"));
  EXPECT_EQ(LockFile(folder.file("folder")).try_take(), State::Unavailable);
}

#ifndef _WIN32

TEST(LockFile, AKilledProcessHasItNoLonger) {
  const testing::TemporaryFolder folder;
  const std::string path = folder.file("lock");
  int told[2];
  ASSERT_EQ(pipe(told), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    LockFile lock(path);
    const char taken = lock.try_take() == State::Taken ? 'y' : 'n';
    if (write(told[1], &taken, 1) == 1) pause();
    _exit(0);
  }
  char taken = 0;
  ASSERT_EQ(read(told[0], &taken, 1), 1);
  EXPECT_EQ(taken, 'y');
  LockFile lock(path);
  EXPECT_EQ(lock.try_take(), State::Held);
  kill(child, SIGKILL);
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  EXPECT_TRUE(std::filesystem::exists(path)) << "left behind, and in nobody's way";
  EXPECT_EQ(lock.try_take(), State::Taken);
  close(told[0]);
  close(told[1]);
}

#endif

}  // namespace
}  // namespace hyperiqa
