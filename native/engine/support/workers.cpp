#include "support/workers.h"

#include <algorithm>
#include <string>
#include <system_error>
#include <utility>

#include "support/errors.h"

namespace hyperiqa {

void Workers::start(std::function<void()> body) {
  try {
    worker_ids_.reserve(worker_ids_.size() + 1);
    workers_.reserve(workers_.size() + 1);
    workers_.emplace_back(std::move(body));
  } catch (const std::system_error& error) {
    throw Error("ERR_INTERNAL", std::string("A worker thread could not be started: ") + error.what());
  }
  worker_ids_.push_back(workers_.back().id());
}

bool Workers::closing() {
  const std::scoped_lock lock(mutex_);
  return closing_;
}

void Workers::close(const std::function<void()>& stop, const std::function<void()>& finish, Deadline deadline) {
  {
    std::unique_lock lock(mutex_);
    if (closing_) {
      if (!is_worker() && closer_ != std::this_thread::get_id()) {
        closed_changed_.wait(lock, [this] { return closed_; });
      }
      return;
    }
    closing_ = true;
    closer_ = std::this_thread::get_id();
  }
  stop();
  for (BoundedThread& worker : workers_) worker.join(deadline);
  finish();
  const std::scoped_lock lock(mutex_);
  closed_ = true;
  closed_changed_.notify_all();
}

bool Workers::is_worker() const {
  return std::ranges::find(worker_ids_, std::this_thread::get_id()) != worker_ids_.end();
}

}  // namespace hyperiqa
