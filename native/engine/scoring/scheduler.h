/** @file The queue of an engine: jobs in, batches of patches out to the workers, scores back. Knows no LibTorch. */
#pragma once

#include <atomic>
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
#include "scoring/preprocess.h"

namespace hyperiqa {

/**
 * A bounded first-in, first-out queue of images. Workers ask for work with `next` and get either an image to prepare or
 * a batch of patches, taken from as many images as it needs; idle workers share the patches of what is left.
 *
 * Memory of images: a worker reads it only between `next` and `prepared` or `release`, during which the job counts it
 * as a reader. A job ends (its callback is called, after which the memory may vanish) only when it has no reader. The
 * queue's bytes are those of the images and of their resized copies; a copy is freed when no further crop can be cut
 * from it.
 *
 * Functions that workers call allocate no memory, or answer the job with ERR_OUT_OF_MEMORY: nothing leaves their
 * threads, and no job is lost. Callbacks are called without the lock, so they may call `submit` and `cancel`.
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
    size_t index;           ///< index of the crop in the job
    const uint8_t* pixels;  ///< its top left corner
    int64_t row_bytes;      ///< distance of rows in the image
  };
  using Batch = std::vector<Patch>;

  /** An image to be prepared: resized by the options. */
  struct Preparation {
    std::shared_ptr<Job> job;
    Image image;
    ScoreOptions options;
    const std::atomic<bool>* unwanted;  ///< true: whatever it comes to, nobody will use it
  };

  struct Stop {};
  /** Patches are in the batch that was passed. */
  struct Patches {};
  using Work = std::variant<Stop, Preparation, Patches>;

  /** The score of a patch, or what went wrong. */
  using Outcome = std::variant<float, Error>;

  /** The work that a worker can take at once. */
  struct Capacity {
    int64_t batch_size;
    bool
        shares;  ///< true: batches have one of the shapes of `batch_size`, and what is left is shared among the workers
  };

  Scheduler(Limits limits, int64_t workers, int64_t step);

  JobId submit(const Image& image, const ScoreOptions& options, JobCallback callback);
  bool cancel(JobId id);

  /** No job is accepted and no work handed out any more; resizes under way are given up. */
  void stop() noexcept;

  /** Ends every job that is left with ERR_DISPOSED. A worker that still reads an image ends its job later. */
  void dispose() noexcept;

  /** Waits for work. @param batch  empty, with room for `capacity.batch_size` patches */
  Work next(const Capacity& capacity, Batch& batch) noexcept;
  /** The result of a Preparation. */
  void prepared(const Preparation& work, std::variant<PreparedImage, Error> result) noexcept;
  /** The patches of a batch have been copied. */
  void release(const Batch& batch) noexcept;
  /** The results of a batch that was released, one for each patch. */
  void complete(const Batch& batch, const std::vector<Outcome>& outcomes) noexcept;

 private:
  using Lock = std::unique_lock<std::mutex>;
  /** Callbacks to be called once the lock is released. */
  class Deliveries;

  using Jobs = std::map<JobId, std::shared_ptr<Job>>;

  void take_batch(const Capacity& capacity, Batch& batch) noexcept;
  void finish(const std::shared_ptr<Job>& job, JobResult result, Deliveries& deliveries) noexcept;
  void release_reader(const std::shared_ptr<Job>& job, Deliveries& deliveries) noexcept;
  void leave(const std::shared_ptr<Job>& job, Deliveries& deliveries) noexcept;
  void drop_copy(Job& job, Deliveries& deliveries) noexcept;
  void evaluate(const std::shared_ptr<Job>& job, Deliveries& deliveries);
  void make_ready(const std::shared_ptr<Job>& job) noexcept;

  const Limits limits_;
  const int64_t workers_;
  const size_t step_;
  const Error disposed_;

  std::mutex mutex_;
  std::condition_variable work_;  ///< there may be something for `next`
  Jobs jobs_;                     ///< all that have no outcome
  Jobs waiting_;                  ///< jobs to be prepared
  Jobs ready_;                    ///< jobs with crops that no worker has taken
  int64_t untaken_ = 0;           ///< crops of the ready jobs that no worker has taken
  int64_t bytes_ = 0;             ///< sum of images that workers may read and of resized copies
  JobId last_id_ = 0;
  bool stopped_ = false;
};

}  // namespace hyperiqa
