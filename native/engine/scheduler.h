/** @file The queue of an engine: jobs in, batches of patches out to the workers, scores back. Knows no LibTorch. */
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "engine.h"
#include "preprocess.h"

namespace hyperiqa {

/**
 * A bounded first-in, first-out queue of images. Workers ask for work with `next` and get either an image to prepare or
 * a batch of patches, taken from as many images as it needs; idle workers share the patches of what is left.
 *
 * Memory of images: a worker reads it only between `next` and `prepared` or `release`, during which the job counts it
 * as a reader. A job ends (its callback is called, after which the memory may vanish) only when it has no reader.
 *
 * Callbacks are called without the lock, so they may call `submit` and `cancel`.
 */
class Scheduler {
  struct Job;

 public:
  struct Limits {
    int64_t images;
    int64_t bytes;
  };

  /** A patch to be scored. */
  struct Patch {
    std::shared_ptr<Job> job;
    size_t index;           ///< of the crop in the job
    const uint8_t* pixels;  ///< its top left corner
    int64_t row_bytes;      ///< distance of rows in the image
  };
  using Batch = std::vector<Patch>;

  /** An image to be prepared: resized by the options. */
  struct Preparation {
    std::shared_ptr<Job> job;
    Image image;
    ScoreOptions options;
  };

  struct Stop {};
  using Work = std::variant<Stop, Preparation, Batch>;

  /** What a worker can take. */
  struct Capacity {
    int64_t batch_size;
    bool
        shares;  ///< true: batches have one of the shapes of `batch_size`, and what is left is shared among the workers
  };

  Scheduler(Limits limits, int64_t workers, int64_t step);

  JobId submit(const Image& image, const ScoreOptions& options, JobCallback callback);
  bool cancel(JobId id);

  /** No job is accepted and no work handed out any more. */
  void stop();

  /** Ends every job that is left with ERR_DISPOSED. Only after the workers have ended. */
  void dispose();

  /** Waits for work. */
  Work next(const Capacity& capacity);
  /** The result of a Preparation. */
  void prepared(const Preparation& work, std::variant<PreparedImage, Error> result);
  /** The patches of a batch have been copied. */
  void release(const Batch& batch);
  /** The result of a batch that was released: a score for each patch, or what went wrong. */
  void complete(const Batch& batch, const std::variant<std::vector<float>, Error>& result);

 private:
  using Lock = std::unique_lock<std::mutex>;
  /** Callbacks to be called once the lock is released. */
  class Deliveries;

  Batch take_batch(const Capacity& capacity);
  void finish(const std::shared_ptr<Job>& job, JobResult result, Deliveries& deliveries);
  void release_reader(const std::shared_ptr<Job>& job, Deliveries& deliveries);
  void evaluate(const std::shared_ptr<Job>& job, Deliveries& deliveries);
  void make_ready(const std::shared_ptr<Job>& job);

  const Limits limits_;
  const int64_t workers_;
  const size_t step_;

  std::mutex mutex_;
  std::condition_variable work_;                   ///< there may be something for `next`
  std::condition_variable unread_;                 ///< a cancelled job lost its last reader
  std::map<JobId, std::shared_ptr<Job>> jobs_;     ///< all that have not ended
  std::map<JobId, std::shared_ptr<Job>> waiting_;  ///< to be prepared
  std::map<JobId, std::shared_ptr<Job>> ready_;    ///< with crops that no worker has taken
  int64_t untaken_ = 0;                            ///< crops of the ready jobs that no worker has taken
  int64_t bytes_ = 0;
  JobId last_id_ = 0;
  bool stopped_ = false;
};

}  // namespace hyperiqa
