#include "execution/tuning.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "execution/plan_cache.h"
#include "expect_error.h"
#include "model/model.h"
#include "support/lock_file.h"
#include "test_model.h"

namespace hyperiqa {
namespace {

using testing::expect_error;

/** Each test measures for weights of its own, because a process measures once for the same. */
class TuningTest : public ::testing::Test {
 protected:
  TuningTest() : model_(load_model(testing::write_mean_model(folder_), true)) {
    model_.metadata.weights_sha256 = ::testing::UnitTest::GetInstance()->current_test_info()->name();
    options_.devices = {"cpu"};
    options_.threads = 2;
    options_.tuning_file = folder_.file("tuning.json");
    place_module(model_.module, at::Device(at::kCPU), scalar_type(options_.dtype));
  }

  TunedPlan plan(std::chrono::milliseconds patience = kMeasuringPatience) const {
    return cpu_plan(model_.module, model_.metadata, options_, patience);
  }

  /** The key of the only entry of the file. */
  std::string stored_key() const {
    std::ifstream file(options_.tuning_file);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const size_t begin = text.find("\"model ") + 1;
    return text.substr(begin, text.find("\": {", begin) - begin);
  }

  /** Goes on as another process would: with weights that this one has not measured yet. @return the key of them */
  std::string forget(const std::string& key) {
    const std::string old = model_.metadata.weights_sha256;
    model_.metadata.weights_sha256 += " again";
    return testing::replaced(key, old, model_.metadata.weights_sha256);
  }

  testing::TemporaryFolder folder_;
  Model model_;
  LoadOptions options_;
};

TEST_F(TuningTest, IsMeasuredAndThenCached) {
  const TunedPlan first = plan();
  EXPECT_EQ(first.origin, Tuning::Measured);
  EXPECT_FALSE(std::filesystem::exists(measuring_lock(options_.tuning_file)));
  const TunedPlan second = plan();
  EXPECT_EQ(second.origin, Tuning::Cached);
  EXPECT_EQ(second.plan, first.plan);

  const std::string key = stored_key();
  const ExecutionPlan other{GraphMode::Optimize, 1, 2, 4};
  ASSERT_TRUE(remember_plan(options_.tuning_file, forget(key), other));
  const TunedPlan of_file = plan();
  EXPECT_EQ(of_file.origin, Tuning::Cached);
  EXPECT_EQ(of_file.plan, other);
}

TEST_F(TuningTest, WhatCannotBeStoredIsSaidAndStoredOnceItCan) {
  const std::string file = options_.tuning_file;
  std::ofstream(folder_.file("blocked")) << "x";
  options_.tuning_file = folder_.file("blocked/tuning.json");
  const TunedPlan first = plan();
  EXPECT_EQ(first.origin, Tuning::NotStored);
  options_.tuning_file.clear();
  EXPECT_EQ(plan().origin, Tuning::NotStored) << "no file, though nothing is measured any more";
  options_.tuning_file = file;
  EXPECT_EQ(plan().origin, Tuning::Cached);
  EXPECT_EQ(recall_plan(file, stored_key()), first.plan);
}

TEST_F(TuningTest, WithoutMeasurementThePlanIsFixed) {
  options_.tuning = false;
  TunedPlan fixed = plan();
  EXPECT_EQ(fixed.origin, Tuning::Default);
  EXPECT_EQ(fixed.plan, (ExecutionPlan{GraphMode::Freeze, 2, 1, 4}));
  options_.graph_mode = GraphMode::Optimize;
  options_.batch_size = 3;
  options_.threads = 5;
  fixed = plan();
  EXPECT_EQ(fixed.plan, (ExecutionPlan{GraphMode::Optimize, 5, 1, 3})) << "what is given is obeyed";
  EXPECT_FALSE(std::filesystem::exists(options_.tuning_file));
}

TEST_F(TuningTest, WhereNothingIsLeftToChooseNothingIsMeasured) {
  options_.graph_mode = GraphMode::Freeze;
  options_.batch_size = 2;
  options_.threads = 1;
  const TunedPlan given = plan();
  EXPECT_EQ(given.origin, Tuning::Default);
  EXPECT_EQ(given.plan, (ExecutionPlan{GraphMode::Freeze, 1, 1, 2}));
  EXPECT_FALSE(std::filesystem::exists(options_.tuning_file));
}

TEST_F(TuningTest, WaitsForTheMeasurementOfAnother) {
  plan();
  const std::string key = forget(stored_key());
  LockFile others(measuring_lock(options_.tuning_file));
  ASSERT_EQ(others.try_take(), LockFile::State::Taken);
  const ExecutionPlan measured{GraphMode::Freeze, 1, 2, 4};
  std::thread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    remember_plan(options_.tuning_file, key, measured);
  });
  const TunedPlan waited = plan(std::chrono::hours(1));
  other.join();
  EXPECT_EQ(waited.origin, Tuning::Cached);
  EXPECT_EQ(waited.plan, measured);
}

TEST_F(TuningTest, DoesNotWaitForEver) {
  LockFile others(measuring_lock(options_.tuning_file));
  ASSERT_EQ(others.try_take(), LockFile::State::Taken);
  EXPECT_EQ(plan(std::chrono::milliseconds(120)).origin, Tuning::Measured) << "beside a process that hangs";
}

TEST_F(TuningTest, AStopEndsTheWait) {
  LockFile others(measuring_lock(options_.tuning_file));
  ASSERT_EQ(others.try_take(), LockFile::State::Taken);
  std::thread stopper([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    options_.stop.request_stop();
  });
  expect_error("ERR_ABORTED", "given up", [&] { plan(std::chrono::hours(1)); });
  stopper.join();
  EXPECT_FALSE(std::filesystem::exists(options_.tuning_file));
}

}  // namespace
}  // namespace hyperiqa
