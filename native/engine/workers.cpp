#include "workers.h"

#include <algorithm>
#include <string>
#include <system_error>
#include <utility>

#include "engine.h"

namespace hyperiqa {

void Workers::start(std::function<void()> body) {
  try {
    workers_.emplace_back(std::move(body));
  } catch (const std::system_error& error) {
    throw Error("ERR_INTERNAL", std::string("A worker thread could not be started: ") + error.what());
  }
  worker_ids_.push_back(workers_.back().get_id());
}

bool Workers::closing() {
  const std::scoped_lock lock(mutex_);
  return closing_;
}

void Workers::close(const std::function<void()>& stop, const std::function<void()>& finish) {
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
  for (std::thread& worker : workers_) {
    // Closed from a callback: the worker that we are on ends by itself when the callback returns.
    if (worker.get_id() == std::this_thread::get_id()) {
      worker.detach();
    } else {
      worker.join();
    }
  }
  finish();
  const std::scoped_lock lock(mutex_);
  closed_ = true;
  closed_changed_.notify_all();
}

bool Workers::is_worker() const {
  return std::ranges::find(worker_ids_, std::this_thread::get_id()) != worker_ids_.end();
}

}  // namespace hyperiqa
