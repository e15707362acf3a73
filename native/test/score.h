/** @file Scoring through the engine's asynchronous interface, for tests. */
#pragma once

#include <gtest/gtest.h>

#include <condition_variable>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "engine.h"
#include "test_image.h"

namespace hyperiqa::testing {

/** Submits and gives the outcome as a future. */
inline std::future<JobResult> submit(Engine& engine, const TestImage& image, const ScoreOptions& options = {}) {
  auto promise = std::make_shared<std::promise<JobResult>>();
  auto future = promise->get_future();
  engine.submit(image.view(), options, [promise](JobId, JobResult result) { promise->set_value(std::move(result)); });
  return future;
}

/** Submits, waits, and gives the result; an error fails the test. */
inline ScoreResult score(Engine& engine, const TestImage& image, const ScoreOptions& options = {}) {
  JobResult outcome = submit(engine, image, options).get();
  if (const auto* error = std::get_if<Error>(&outcome)) {
    ADD_FAILURE() << error->code() << ": " << error->what();
    return {};
  }
  return std::get<ScoreResult>(std::move(outcome));
}

/** The code of a failed job, "" of one that was scored. */
inline std::string code_of(const JobResult& outcome) {
  const auto* error = std::get_if<Error>(&outcome);
  return error ? error->code() : "";
}

/** Collects the outcomes of many jobs and counts callbacks. */
class Collector {
 public:
  JobCallback callback() {
    return [this](JobId id, JobResult result) {
      const std::scoped_lock lock(mutex_);
      ++calls_[id];
      outcomes_.insert_or_assign(id, std::move(result));
      changed_.notify_all();
    };
  }

  /** Waits until that many jobs have ended. */
  std::map<JobId, JobResult> wait_for(size_t jobs) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return outcomes_.size() >= jobs; });
    return outcomes_;
  }

  std::map<JobId, int> calls() {
    const std::scoped_lock lock(mutex_);
    return calls_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<JobId, JobResult> outcomes_;
  std::map<JobId, int> calls_;
};

/** Keeps the only worker of an engine busy, inside a callback, until it is opened. */
class Gate {
 public:
  explicit Gate(Engine& engine) {
    auto opened = opened_.get_future().share();
    auto reached = std::make_shared<std::promise<void>>();
    auto at_gate = reached->get_future();
    engine.submit(image_.view(), {}, [opened, reached](JobId, const JobResult&) {
      reached->set_value();
      opened.wait();
    });
    at_gate.wait();
  }

  ~Gate() { open(); }
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;

  void open() {
    if (std::exchange(closed_, false)) opened_.set_value();
  }

 private:
  TestImage image_ = plain(1);
  std::promise<void> opened_;
  bool closed_ = true;
};

}  // namespace hyperiqa::testing
