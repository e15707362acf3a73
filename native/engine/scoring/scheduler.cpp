#include "scoring/scheduler.h"

#include <algorithm>
#include <cmath>
#include <exception>
#include <string>

#include "execution/batch_shapes.h"
#include "image/image_check.h"
#include "model/self_check.h"
#include "scoring/crops.h"
#include "scoring/statistics.h"
#include "support/errors.h"

namespace hyperiqa {

struct Scheduler::Job {
  JobId id = 0;
  Image image;
  ScoreOptions options;
  JobCallback callback;
  std::atomic<bool> unwanted = false;

  // Everything below is guarded by the scheduler's mutex.
  int64_t image_bytes = 0;
  int64_t copy_bytes = 0;  ///< size of resized copies, from the start
  PreparedImage prepared;
  std::vector<Crop> crops;
  size_t taken = 0;   ///< crops that workers have taken
  size_t scored = 0;  ///< crops that have their score
  int readers = 0;    ///< workers that may be reading the image
  std::optional<JobResult> outcome;
  Jobs::node_type place;               ///< in `waiting_` or `ready_`, kept while it is in neither
  std::shared_ptr<Job> next_delivery;  ///< in Deliveries
};

class Scheduler::Deliveries {
 public:
  Deliveries() = default;
  Deliveries(const Deliveries&) = delete;
  Deliveries& operator=(const Deliveries&) = delete;

  /** Runs after the lock's destructor: declare it before the lock. */
  ~Deliveries() {
    while (first_) {
      const std::shared_ptr<Job> job = std::move(first_);
      first_ = std::move(job->next_delivery);
      // A callback must not throw; one that does must not take down the worker thread and with it the process.
      try {
        job->callback(job->id, std::move(*job->outcome));
      } catch (...) {  // NOLINT(bugprone-empty-catch)
      }
      job->callback = nullptr;
    }
  }

  void add(const std::shared_ptr<Job>& job) noexcept {
    std::shared_ptr<Job>& end = last_ ? last_->next_delivery : first_;
    end = job;
    last_ = job.get();
  }

  /** Memory that takes long to be freed; without memory to note it, it is freed at once. */
  void free_later(std::shared_ptr<const void> memory) noexcept {
    try {
      memory_.push_back(std::move(memory));
    } catch (...) {  // NOLINT(bugprone-empty-catch)
    }
  }

 private:
  std::shared_ptr<Job> first_;
  Job* last_ = nullptr;
  std::vector<std::shared_ptr<const void>> memory_;
};

namespace {

[[noreturn]] void refuse(const std::string& reason) {
  throw Error("ERR_INVALID_ARGUMENT", reason);
}

/** Refuses what cannot be scored before anything is spent on it. */
PreparedSize check(const Image& image, const ScoreOptions& options) {
  check_image(image);
  check_resize(options.resize, options.minimum_side);
  const PreparedSize size = prepared_size(image.width, image.height, options.resize, options.minimum_side);
  check_plan(options.crops, size.width, size.height);
  if (options.max_standard_error) {
    if (options.crops.kind != CropPlan::Kind::Random) refuse("A bound for the standard error needs random crops.");
    if (!(*options.max_standard_error > 0) || std::isinf(*options.max_standard_error)) {
      refuse("The bound for the standard error must be a number greater than 0.");
    }
    if (options.max_crops < options.crops.count || options.max_crops > kMaxCrops) {
      refuse("The largest number of crops must be from the initial number, " + std::to_string(options.crops.count) +
             ", to " + std::to_string(kMaxCrops) + ".");
    }
  }
  return size;
}

/** True where crops may be added once the present ones are scored. */
bool may_grow(const ScoreOptions& options, size_t crops) {
  return options.max_standard_error && std::cmp_less(crops, options.max_crops);
}

Error disposed() {
  return {"ERR_DISPOSED", "The scorer was disposed of before this image was scored."};
}

}  // namespace

Scheduler::Scheduler(Limits limits, int64_t workers, int64_t step)
    : limits_(limits), workers_(workers), step_(static_cast<size_t>(step)), disposed_(disposed()) {
  no_memory();  // made while there is memory
}

JobId Scheduler::submit(const Image& image, const ScoreOptions& options, JobCallback callback) {
  const PreparedSize size = check(image, options);
  if (!callback) refuse("A job needs a callback.");
  auto job = std::make_shared<Job>();
  job->image = image;
  job->options = options;
  job->callback = std::move(callback);
  job->image_bytes = image.width * image.height * 3;
  job->copy_bytes = size.peak_bytes;
  const int64_t bytes = job->image_bytes + job->copy_bytes;
  Jobs place;
  place.emplace(0, job);

  const Lock lock(mutex_);
  if (stopped_) throw Error("ERR_DISPOSED", "The scorer has been disposed of.");
  // Jobs that were cancelled count until no worker reads their images.
  const bool full_of_bytes = bytes_ > 0 && bytes_ + bytes > limits_.bytes;
  if (full_of_bytes || std::cmp_greater_equal(jobs_.size(), limits_.images)) {
    throw Error("ERR_QUEUE_FULL", "The queue is full: " + std::to_string(jobs_.size()) + " images, " +
                                      std::to_string(bytes_) + " bytes. Wait for results before sending more.");
  }
  job->id = ++last_id_;
  jobs_.emplace(job->id, job);
  auto node = place.extract(place.begin());
  node.key() = job->id;
  waiting_.insert(std::move(node));
  bytes_ += bytes;
  work_.notify_one();
  return job->id;
}

bool Scheduler::cancel(JobId id) {
  Error aborted("ERR_ABORTED", "The scoring of this image was aborted.");
  Deliveries deliveries;
  const Lock lock(mutex_);
  const auto found = jobs_.find(id);
  if (found == jobs_.end()) return false;
  finish(found->second, std::move(aborted), deliveries);
  return true;
}

void Scheduler::stop() noexcept {
  const Lock lock(mutex_);
  stopped_ = true;
  for (const auto& [id, job] : jobs_) job->unwanted = true;
  work_.notify_all();
}

void Scheduler::dispose() noexcept {
  Deliveries deliveries;
  const Lock lock(mutex_);
  while (!jobs_.empty()) finish(jobs_.begin()->second, disposed_, deliveries);
}

Scheduler::Work Scheduler::next(const Capacity& capacity, Batch& batch) noexcept {
  Lock lock(mutex_);
  for (;;) {
    if (stopped_) return Stop{};
    if (untaken_ > 0 && (untaken_ >= capacity.batch_size || waiting_.empty())) {
      take_batch(capacity, batch);
      return Patches{};
    }
    if (!waiting_.empty()) {
      const std::shared_ptr<Job> job = waiting_.begin()->second;
      job->place = waiting_.extract(waiting_.begin());
      ++job->readers;
      return Preparation{job, job->image, job->options, &job->unwanted};
    }
    work_.wait(lock);
  }
}

void Scheduler::take_batch(const Capacity& capacity, Batch& batch) noexcept {
  int64_t count = std::min(untaken_, capacity.batch_size);
  if (capacity.shares) {
    // Nothing else is waiting: an equal share for each worker ends soonest.
    if (waiting_.empty()) count = std::min(count, (untaken_ + workers_ - 1) / workers_);
    count = filled_shape(capacity.batch_size, count);
  }
  while (std::cmp_less(batch.size(), count)) {
    const std::shared_ptr<Job> job = ready_.begin()->second;
    const Crop& crop = job->crops[job->taken];
    const int64_t row_bytes = job->prepared.width * 3;
    batch.push_back({job, job->taken, job->prepared.pixels + crop.y * row_bytes + crop.x * 3, row_bytes});
    ++job->readers;
    --untaken_;
    if (++job->taken == job->crops.size()) job->place = ready_.extract(ready_.begin());
  }
}

void Scheduler::prepared(const Preparation& work, std::variant<PreparedImage, Error> result) noexcept {
  const std::shared_ptr<Job>& job = work.job;
  Deliveries deliveries;
  const Lock lock(mutex_);
  if (!job->outcome) {
    try {
      if (auto* image = std::get_if<PreparedImage>(&result)) {
        job->prepared = std::move(*image);
        const int64_t copy = job->prepared.storage ? job->prepared.width * job->prepared.height * 3 : 0;
        bytes_ -= std::exchange(job->copy_bytes, copy) - copy;
        job->crops = plan_crops(job->options.crops, job->prepared.width, job->prepared.height, job->options.seed);
        make_ready(job);
      } else {
        finish(job, stopped_ ? disposed_ : std::get<Error>(result), deliveries);
      }
    } catch (...) {
      finish(job, as_error(std::current_exception()), deliveries);
    }
  }
  release_reader(job, deliveries);
}

void Scheduler::release(const Batch& batch) noexcept {
  Deliveries deliveries;
  const Lock lock(mutex_);
  for (const Patch& patch : batch) release_reader(patch.job, deliveries);
}

void Scheduler::complete(const Batch& batch, const std::vector<Outcome>& outcomes) noexcept {
  Deliveries deliveries;
  const Lock lock(mutex_);
  for (size_t i = 0; i < batch.size(); ++i) {
    const std::shared_ptr<Job>& job = batch[i].job;
    if (job->outcome) continue;
    if (const auto* error = std::get_if<Error>(&outcomes[i])) {
      finish(job, *error, deliveries);
      continue;
    }
    try {
      const float score = std::get<float>(outcomes[i]);
      if (!std::isfinite(score)) {
        throw Error("ERR_INTERNAL", "The model gave no finite score for a patch of this image.");
      }
      job->crops[batch[i].index].score = score;
      if (++job->scored == job->crops.size()) evaluate(job, deliveries);
    } catch (...) {
      finish(job, as_error(std::current_exception()), deliveries);
    }
  }
}

/** Ends a job all of whose crops have their score, or adds crops where the standard error is still too large. */
void Scheduler::evaluate(const std::shared_ptr<Job>& job, Deliveries& deliveries) {
  const ScoreOptions& options = job->options;
  ScoreResult result;
  if (options.max_standard_error) {
    const auto initial = static_cast<size_t>(options.crops.count);
    if (const auto prefix = shortest_prefix(job->crops, initial, *options.max_standard_error)) {
      job->crops.resize(*prefix);
    } else if (job->crops.size() < static_cast<size_t>(options.max_crops)) {
      CropPlan longer = options.crops;
      const size_t wanted = next_crop_count(job->crops, *options.max_standard_error, step_);
      longer.count = std::min(static_cast<int64_t>(wanted), options.max_crops);
      const auto plan = plan_crops(longer, job->prepared.width, job->prepared.height, options.seed);
      job->crops.insert(job->crops.end(), plan.begin() + static_cast<std::ptrdiff_t>(job->crops.size()), plan.end());
      make_ready(job);
      return;
    } else {
      result.standard_error_reached = false;
    }
  }
  result.crops = std::exchange(job->crops, {});
  result.resized_width = job->prepared.width;
  result.resized_height = job->prepared.height;
  result.enlarged = job->prepared.enlarged;
  summarise(result, options.crops.kind);
  finish(job, std::move(result), deliveries);
}

void Scheduler::make_ready(const std::shared_ptr<Job>& job) noexcept {
  untaken_ += static_cast<int64_t>(job->crops.size() - job->taken);
  ready_.insert(std::move(job->place));
  work_.notify_all();
}

/** Takes a job out of everything and delivers its outcome as soon as nobody reads its image. */
void Scheduler::finish(const std::shared_ptr<Job>& job, JobResult result, Deliveries& deliveries) noexcept {
  // `job` may be a reference into one of the maps.
  const std::shared_ptr<Job> keep = job;  // NOLINT(performance-unnecessary-copy-initialization)
  keep->outcome = std::move(result);
  keep->unwanted = true;
  jobs_.erase(keep->id);
  waiting_.erase(keep->id);
  if (ready_.erase(keep->id) > 0) untaken_ -= static_cast<int64_t>(keep->crops.size() - keep->taken);
  keep->place = {};
  if (keep->readers == 0) leave(keep, deliveries);
}

void Scheduler::release_reader(const std::shared_ptr<Job>& job, Deliveries& deliveries) noexcept {
  if (--job->readers > 0) return;
  if (job->outcome) {
    leave(job, deliveries);
  } else if (job->taken == job->crops.size() && !may_grow(job->options, job->crops.size())) {
    drop_copy(*job, deliveries);
  }
}

/** A job that has its outcome, and whose image nobody reads any more. */
void Scheduler::leave(const std::shared_ptr<Job>& job, Deliveries& deliveries) noexcept {
  drop_copy(*job, deliveries);
  bytes_ -= std::exchange(job->image_bytes, 0);
  deliveries.add(job);
}

void Scheduler::drop_copy(Job& job, Deliveries& deliveries) noexcept {
  bytes_ -= std::exchange(job.copy_bytes, 0);
  if (job.prepared.storage) deliveries.free_later(std::move(job.prepared.storage));
}

}  // namespace hyperiqa
