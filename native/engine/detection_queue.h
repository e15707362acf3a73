/** @file The queue of a face detector: images in, one at a time out to each worker. Knows no LibTorch. */
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>

#include "face_detector.h"

namespace hyperiqa {

/** Bounded, first in, first out. Callbacks are called without the lock, so they may call `submit` and `cancel`. */
class DetectionQueue {
 public:
  struct Limits {
    int64_t images;
    int64_t bytes;
  };

  struct Job {
    JobId id = 0;
    Image image;
    DetectOptions options;
    DetectionCallback callback;
    int64_t bytes = 0;
    std::stop_source stop;   ///< asks the worker that has the job to give it up
    bool cancelled = false;  ///< guarded by the queue's mutex
  };

  explicit DetectionQueue(Limits limits) : limits_(limits) {}

  JobId submit(const Image& image, const DetectOptions& options, DetectionCallback callback);
  bool cancel(JobId id);

  /** Waits for a job; null once `stop` has been called. */
  std::shared_ptr<Job> next();
  /** Ends a job that `next` gave out. */
  void finish(const std::shared_ptr<Job>& job, DetectionOutcome outcome);

  /** No job is accepted and none handed out any more; those under way are asked to give up. */
  void stop();
  /** Ends every job that is left with ERR_DISPOSED. Only after the workers have ended. */
  void dispose();

 private:
  const Limits limits_;
  std::mutex mutex_;
  std::condition_variable work_;
  std::map<JobId, std::shared_ptr<Job>> waiting_;
  std::map<JobId, std::shared_ptr<Job>> running_;
  int64_t bytes_ = 0;  ///< of waiting and running images
  JobId last_id_ = 0;
  bool stopped_ = false;
};

}  // namespace hyperiqa
