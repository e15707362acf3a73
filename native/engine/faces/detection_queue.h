/** @file The queue of a face detector: images in, one at a time out to each worker. Knows no LibTorch. */
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "face_detector.h"

namespace hyperiqa {

/** Bounded, first in, first out. What workers call takes no memory and throws nothing. Callbacks are called without the
 *  lock, so they may call `submit` and `cancel`. */
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
    std::atomic<bool> unwanted = false;  ///< asks the worker that has the job to give it up
    // Guarded by the queue's mutex.
    bool cancelled = false;
    bool answered = false;  ///< answered by `dispose`, while its worker had it
  };

  explicit DetectionQueue(Limits limits);

  JobId submit(const Image& image, const DetectOptions& options, DetectionCallback callback);
  bool cancel(JobId id);

  /** Waits for a job; null once `stop` has been called. */
  std::shared_ptr<Job> next() noexcept;
  /** Ends a job that `next` gave out. */
  void finish(const std::shared_ptr<Job>& job, DetectionOutcome outcome) noexcept;

  /** No job is accepted and none handed out any more; those under way are asked to give up. */
  void stop() noexcept;
  /**
   * Ends every job that is left with ERR_DISPOSED. Only after the workers have ended or been let go of: one that was
   * let go of is in a network, and passes a checkpoint, where it is stopped, before it would read its image again.
   */
  void dispose() noexcept;

 private:
  using Jobs = std::map<JobId, std::shared_ptr<Job>>;

  const Limits limits_;
  const Error aborted_;
  const Error disposed_;
  std::mutex mutex_;
  std::condition_variable work_;
  Jobs waiting_;
  Jobs running_;
  int64_t bytes_ = 0;  ///< sum of waiting and running images
  JobId last_id_ = 0;
  bool stopped_ = false;
};

}  // namespace hyperiqa
