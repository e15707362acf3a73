#include "faces/detection_queue.h"

#include <cmath>
#include <string>
#include <utility>

#include "image/image_check.h"

namespace hyperiqa {
namespace {

constexpr double kSmallestFace = 12;

[[noreturn]] void refuse(const std::string& reason) {
  throw Error("ERR_INVALID_ARGUMENT", reason);
}

void check(const Image& image, const DetectOptions& options) {
  check_image(image);
  const double face = options.minimum_face;
  if (face != 0 && (!(face >= kSmallestFace) || !(face <= static_cast<double>(kMaxSide)))) {
    refuse("The smallest face to look for must be from 12 to " + std::to_string(kMaxSide) +
           " pixels, or 0 for the model's own.");
  }
}

/** A callback must not throw; one that does must not take down the worker thread and with it the process. */
void deliver(const std::shared_ptr<DetectionQueue::Job>& job, DetectionOutcome outcome) noexcept {
  try {
    job->callback(job->id, std::move(outcome));
  } catch (...) {  // NOLINT(bugprone-empty-catch)
  }
  job->callback = nullptr;
}

}  // namespace

DetectionQueue::DetectionQueue(Limits limits)
    : limits_(limits),
      aborted_("ERR_ABORTED", "The detection in this image was aborted."),
      disposed_("ERR_DISPOSED", "The face detector was disposed of before this image was done.") {
  no_memory();  // made while there is memory
}

JobId DetectionQueue::submit(const Image& image, const DetectOptions& options, DetectionCallback callback) {
  check(image, options);
  if (!callback) refuse("A job needs a callback.");
  auto job = std::make_shared<Job>();
  job->image = image;
  job->options = options;
  job->callback = std::move(callback);
  job->bytes = image.width * image.height * 3;

  const std::scoped_lock lock(mutex_);
  if (stopped_) throw Error("ERR_DISPOSED", "The face detector has been disposed of.");
  const size_t held = waiting_.size() + running_.size();
  const bool full = std::cmp_greater_equal(held, limits_.images) || bytes_ + job->bytes > limits_.bytes;
  if (full && held > 0) {
    throw Error("ERR_QUEUE_FULL", "The queue is full: " + std::to_string(held) + " images, " + std::to_string(bytes_) +
                                      " bytes. Wait for results before sending more.");
  }
  job->id = ++last_id_;
  waiting_.emplace(job->id, job);
  bytes_ += job->bytes;
  work_.notify_one();
  return job->id;
}

bool DetectionQueue::cancel(JobId id) {
  std::shared_ptr<Job> job;
  {
    const std::scoped_lock lock(mutex_);
    if (const auto running = running_.find(id); running != running_.end()) {
      running->second->cancelled = true;
      running->second->unwanted = true;
      return true;
    }
    const auto found = waiting_.find(id);
    if (found == waiting_.end()) return false;
    job = found->second;
    waiting_.erase(found);
    bytes_ -= job->bytes;
  }
  deliver(job, aborted_);
  return true;
}

std::shared_ptr<DetectionQueue::Job> DetectionQueue::next() noexcept {
  std::unique_lock lock(mutex_);
  work_.wait(lock, [this] { return stopped_ || !waiting_.empty(); });
  if (stopped_) return nullptr;
  std::shared_ptr<Job> job = waiting_.begin()->second;
  running_.insert(waiting_.extract(waiting_.begin()));
  return job;
}

void DetectionQueue::finish(const std::shared_ptr<Job>& job, DetectionOutcome outcome) noexcept {
  {
    const std::scoped_lock lock(mutex_);
    if (job->answered) return;
    running_.erase(job->id);
    bytes_ -= job->bytes;
    if (job->cancelled) {
      outcome = aborted_;
    } else if (job->unwanted) {
      outcome = disposed_;
    }
  }
  deliver(job, std::move(outcome));
}

void DetectionQueue::stop() noexcept {
  const std::scoped_lock lock(mutex_);
  stopped_ = true;
  for (auto& [id, job] : running_) job->unwanted = true;
  work_.notify_all();
}

void DetectionQueue::dispose() noexcept {
  Jobs left;
  {
    const std::scoped_lock lock(mutex_);
    for (const auto& [id, job] : running_) job->answered = true;
    left.swap(waiting_);
    left.merge(running_);
    for (const auto& [id, job] : left) bytes_ -= job->bytes;
  }
  for (const auto& [id, job] : left) deliver(job, job->cancelled ? aborted_ : disposed_);
}

}  // namespace hyperiqa
