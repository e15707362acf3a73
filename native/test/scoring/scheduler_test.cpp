/** @file Queue and workers with a stand-in for the model, which fails, lacks memory or hangs when a test wants it to.
 */
#include "scoring/scheduler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <new>
#include <stdexcept>
#include <thread>

#include "expect_error.h"
#include "model/self_check.h"
#include "score.h"
#include "scoring/preprocess.h"
#include "scoring/scoring_worker.h"
#include "support/workers.h"
#include "test_image.h"

namespace hyperiqa {
namespace {

using testing::code_of;
using testing::Collector;
using testing::expect_error;
using testing::plain;
using testing::TestImage;

constexpr int64_t kBatch = 8;

/** Scores a patch with its first value, after a test has had its say. */
class StandIn : public PatchRunner {
 public:
  using Before = std::function<void(const std::vector<uint8_t>& values)>;

  explicit StandIn(Before before) : before_(std::move(before)), pixels_(kBatch * kPatchBytes) {}

  uint8_t* patch(int64_t index) noexcept override { return pixels_.data() + index * kPatchBytes; }

  std::vector<float> run(int64_t first, int64_t count) override {
    std::vector<uint8_t> values;
    for (int64_t i = first; i < first + count; ++i) values.push_back(*patch(i));
    runs.push_back(values);
    before_(values);
    return {values.begin(), values.end()};
  }

  std::vector<std::vector<uint8_t>> runs;  ///< the values of each run

 private:
  Before before_;
  std::vector<uint8_t> pixels_;
};

/** A scheduler with one worker on a stand-in. Images may be queued before the worker starts, so that they share its
 *  first batch. */
class Rig {
 public:
  explicit Rig(StandIn::Before before, Scheduler::Limits limits = {100, int64_t{1} << 30})
      : scheduler(limits, 1, 2), runner(std::move(before)), worker_(scheduler, {kBatch, true}, runner) {}
  ~Rig() { close(); }
  Rig(const Rig&) = delete;
  Rig& operator=(const Rig&) = delete;

  JobId submit(const TestImage& image, int64_t crops = 1, const Resize& resize = {}) {
    ScoreOptions options;
    options.crops.count = crops;
    options.resize = resize;
    return scheduler.submit(image.view(), options, collector.callback());
  }

  void start() {
    workers_.start([this] { worker_.run(); });
  }

  void close() { close(std::chrono::steady_clock::now() + std::chrono::minutes(1)); }
  void close(Deadline deadline) {
    workers_.close([this] { scheduler.stop(); }, [this] { scheduler.dispose(); }, deadline);
  }

  Scheduler scheduler;
  StandIn runner;
  Collector collector;

 private:
  ScoringWorker worker_;
  Workers workers_;
};

bool has(const std::vector<uint8_t>& values, uint8_t value) {
  return std::ranges::find(values, value) != values.end();
}

TEST(Scheduler, OnlyTheImageAtFaultFails) {
  for (const uint8_t faulty : std::initializer_list<uint8_t>{1, 2, 5, 8}) {
    Rig rig([faulty](const auto& values) {
      if (has(values, faulty)) throw std::runtime_error("this patch is at fault");
    });
    std::vector<TestImage> images;
    for (uint8_t value = 1; value <= 8; ++value) images.push_back(plain(value));
    std::map<JobId, uint8_t> values;
    for (const TestImage& image : images) values[rig.submit(image)] = image.pixels[0];
    rig.start();
    for (const auto& [id, outcome] : rig.collector.wait_for(8)) {
      if (values[id] == faulty) {
        EXPECT_EQ(code_of(outcome), "ERR_INTERNAL");
        EXPECT_STREQ(std::get<Error>(outcome).what(), "this patch is at fault");
      } else {
        EXPECT_EQ(std::get<ScoreResult>(outcome).score, values[id]);
      }
    }
  }
}

TEST(Scheduler, AnImageThatFailsByItselfIsNotTriedAgain) {
  Rig rig([](const auto&) { throw std::runtime_error("no"); });
  const TestImage image = plain(3);
  rig.submit(image, kBatch);
  rig.start();
  EXPECT_EQ(code_of(rig.collector.wait_for(1).begin()->second), "ERR_INTERNAL");
  rig.close();
  EXPECT_EQ(rig.runner.runs.size(), 1U);
}

TEST(Scheduler, LackOfMemoryHalvesTheBatch) {
  for (const size_t most : {1, 2, 4, 7}) {
    Rig rig([most](const auto& values) {
      if (values.size() > most) throw std::bad_alloc();
    });
    const TestImage one = plain(7);
    const TestImage other = plain(9);
    const JobId first = rig.submit(one, 6);
    rig.submit(other, 2);
    rig.start();
    for (const auto& [id, outcome] : rig.collector.wait_for(2)) {
      EXPECT_EQ(std::get<ScoreResult>(outcome).score, id == first ? 7 : 9);
    }
  }
}

TEST(Scheduler, WhatDoesNotFitAtAllFailsAlone) {
  Rig rig([](const auto& values) {
    if (values.size() > 2 || has(values, 7)) throw std::bad_alloc();
  });
  const TestImage large = plain(7);
  const TestImage small = plain(9);
  const JobId first = rig.submit(large, 5);
  rig.submit(small, 3);
  rig.start();
  for (const auto& [id, outcome] : rig.collector.wait_for(2)) {
    EXPECT_EQ(code_of(outcome), id == first ? "ERR_OUT_OF_MEMORY" : "");
  }
  rig.close();
  // The first patch that does not fit by itself decides for its image.
  EXPECT_EQ(std::ranges::count(rig.runner.runs, std::vector<uint8_t>{7}), 1);
}

TEST(Scheduler, AWorkerSurvivesWhateverIsThrown) {
  Rig rig([](const auto& values) {
    if (has(values, 1)) throw 1;  // NOLINT(hicpp-exception-baseclass)
    if (has(values, 2)) throw std::bad_alloc();
    if (has(values, 3)) throw Error("ERR_MODEL_FORMAT", "odd");
  });
  rig.start();
  const std::vector<std::string> codes = {"ERR_INTERNAL", "ERR_OUT_OF_MEMORY", "ERR_MODEL_FORMAT", ""};
  for (uint8_t i = 0; i < 4; ++i) {
    const TestImage image = plain(static_cast<uint8_t>(i + 1));
    const JobId id = rig.submit(image);
    EXPECT_EQ(code_of(rig.collector.wait_for(i + 1U).at(id)), codes[i]);
  }
}

TEST(Scheduler, WithoutForwardsEveryJobIsAnswered) {
  Scheduler scheduler({100, 1 << 30}, 1, 2);
  StandIn runner([](const auto&) { FAIL() << "no forward can be run"; });
  ScoringWorker worker(scheduler, {kBatch, true}, runner);
  Workers workers;
  workers.start([&worker] { worker.run_without_forwards(Error("ERR_INTERNAL", "no LibTorch on this thread")); });
  Collector collector;
  const TestImage image = plain(1, 300, 300);
  for (int i = 0; i < 3; ++i) scheduler.submit(image.view(), {}, collector.callback());
  for (const auto& [id, outcome] : collector.wait_for(3)) {
    EXPECT_STREQ(std::get<Error>(outcome).what(), "no LibTorch on this thread");
  }
  workers.close([&] { scheduler.stop(); }, [&] { scheduler.dispose(); },
                std::chrono::steady_clock::now() + std::chrono::minutes(1));
}

/** Holds a forward until it is opened. */
class Gate {
 public:
  void wait() {
    reached_.set_value();
    opened_.get_future().wait();
  }
  void until_reached() { reached_.get_future().wait(); }
  void open() { opened_.set_value(); }

 private:
  std::promise<void> reached_;
  std::promise<void> opened_;
};

TEST(Scheduler, ResizedCopiesCountUntilTheirLastCropIsCut) {
  constexpr int64_t kImage = int64_t{3} * 300 * 300;
  constexpr int64_t kCopy = int64_t{3} * 1200 * 1200;
  Gate gate;
  Rig rig(
      [&gate](const auto& values) {
        if (has(values, 1)) gate.wait();
      },
      {100, 2 * kImage + kCopy});
  const TestImage first = plain(1, 300, 300);
  const TestImage second = plain(2, 300, 300);
  const Resize large{Resize::Mode::Exact, 1200, 1200, 0};
  rig.submit(first, 1, large);
  expect_error("ERR_QUEUE_FULL", "bytes", [&] { rig.submit(second, 1, large); });
  rig.start();
  gate.until_reached();
  // Under computation, but nothing more will be cut from the first one's copy.
  EXPECT_NO_THROW(rig.submit(second, 1, large));
  expect_error("ERR_QUEUE_FULL", "bytes", [&] { rig.submit(second, 1, large); });
  gate.open();
  for (const auto& [id, outcome] : rig.collector.wait_for(2)) EXPECT_EQ(code_of(outcome), "");
}

TEST(Scheduler, ACancelledImageCountsUntilItsWorkerIsDone) {
  constexpr int64_t kImage = int64_t{3} * 300 * 300;
  Rig rig([](const auto&) {}, {100, kImage});
  const TestImage image = plain(1, 300, 300);
  const TestImage larger = plain(2, 400, 400);
  const JobId id = rig.submit(image);
  Scheduler::Batch batch;
  const auto work = std::get<Scheduler::Preparation>(rig.scheduler.next({kBatch, true}, batch));
  EXPECT_TRUE(rig.scheduler.cancel(id));
  expect_error("ERR_QUEUE_FULL", "bytes", [&] { rig.submit(larger); });
  rig.scheduler.prepared(work, Error("ERR_ABORTED", "given up"));
  EXPECT_EQ(code_of(rig.collector.wait_for(1).at(id)), "ERR_ABORTED");
  EXPECT_NO_THROW(rig.submit(larger)) << "beyond the limit, but alone";
}

TEST(Scheduler, ACopyStaysWhileCropsMayBeAdded) {
  constexpr int64_t kImage = int64_t{3} * 300 * 300;
  constexpr int64_t kCopy = int64_t{3} * 1200 * 1200;
  Gate gate;
  std::atomic<bool> waited = false;
  Rig rig(
      [&](const auto&) {
        if (!waited.exchange(true)) gate.wait();
      },
      {100, 2 * kImage + kCopy});
  const TestImage image = testing::picture(300, 300);
  ScoreOptions options;
  options.resize = {Resize::Mode::Exact, 1200, 1200, 0};
  options.crops.count = 2;
  options.max_standard_error = 1e-9;
  options.max_crops = 20;
  rig.scheduler.submit(image.view(), options, rig.collector.callback());
  rig.start();
  gate.until_reached();
  expect_error("ERR_QUEUE_FULL", "bytes", [&] { rig.submit(image, 1, options.resize); });
  gate.open();
  const auto outcomes = rig.collector.wait_for(1);
  EXPECT_EQ(std::get<ScoreResult>(outcomes.begin()->second).crops.size(), 20U);
  EXPECT_NO_THROW(rig.submit(image, 1, options.resize));
  rig.collector.wait_for(2);
}

using Clock = std::chrono::steady_clock;

constexpr Resize kHuge{Resize::Mode::Exact, 16000, 16000, 0};

/** Duration of the resize where nobody gives it up. */
Clock::duration time_of_huge(const TestImage& image) {
  const auto start = Clock::now();
  prepare(image.view(), kHuge, kPatchSize);
  return Clock::now() - start;
}

TEST(Scheduler, CancellingGivesUpAResize) {
  Rig rig([](const auto&) {});
  const TestImage image = plain(1, 3000, 3000);
  const auto whole = time_of_huge(image);
  rig.start();
  const auto start = Clock::now();
  for (int i = 1; i <= 3; ++i) {
    const JobId id = rig.submit(image, 1, kHuge);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_TRUE(rig.scheduler.cancel(id));
    EXPECT_FALSE(rig.scheduler.cancel(id));
    EXPECT_EQ(code_of(rig.collector.wait_for(static_cast<size_t>(i)).at(id)), "ERR_ABORTED");
  }
  EXPECT_LT(Clock::now() - start, whole);
}

TEST(Scheduler, ClosingGivesUpAResize) {
  Rig rig([](const auto&) {});
  const TestImage image = plain(1, 3000, 3000);
  const auto whole = time_of_huge(image);
  rig.start();
  rig.submit(image, 1, kHuge);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  const auto start = Clock::now();
  rig.close();
  EXPECT_LT(Clock::now() - start, whole / 2);
  EXPECT_EQ(code_of(rig.collector.wait_for(1).begin()->second), "ERR_DISPOSED");
}

TEST(Scheduler, AForwardWithoutEndIsLetGoOf) {
  Gate gate;
  const auto rig = std::make_unique<Rig>([&gate](const auto&) { gate.wait(); });
  const TestImage image = plain(1);
  const JobId under_way = rig->submit(image);
  rig->start();
  gate.until_reached();
  const JobId waiting = rig->submit(image);
  EXPECT_FALSE(abandoned_threads());
  rig->close(std::chrono::steady_clock::now() + std::chrono::milliseconds(50));
  EXPECT_TRUE(abandoned_threads());
  const auto outcomes = rig->collector.wait_for(2);
  EXPECT_EQ(code_of(outcomes.at(under_way)), "ERR_DISPOSED");
  EXPECT_EQ(code_of(outcomes.at(waiting)), "ERR_DISPOSED");
  gate.open();
  while (abandoned_threads()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  for (const auto& [id, calls] : rig->collector.calls()) EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace hyperiqa
