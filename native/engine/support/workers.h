/** @file Threads that work until they are closed, from wherever that is asked for. */
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "support/bounded_thread.h"

namespace hyperiqa {

/** `start` and the destructor belong to one thread; `closing` and `close` may be called from any, a worker included. */
class Workers {
 public:
  Workers() = default;
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;
  /** Must be called only after `close`. */
  ~Workers() = default;

  /** Starts a thread. @param body must not throw @throws Error ERR_INTERNAL where none can be had */
  void start(std::function<void()> body);

  /** True from the first call of `close` on. */
  bool closing();

  /**
   * Runs `stop`, which must make the workers return, waits for them until the deadline, and runs `finish`. Workers that
   * have not ended by then, and the one that closes from a callback, are let go of. A further call waits for the first
   * one to end, unless it comes from a worker or from a callback of the closing itself, which must not wait for their
   * own end.
   */
  void close(const std::function<void()>& stop, const std::function<void()>& finish, Deadline deadline);

 private:
  bool is_worker() const;

  std::vector<BoundedThread> workers_;
  std::vector<std::thread::id> worker_ids_;
  std::mutex mutex_;
  std::condition_variable closed_changed_;
  bool closing_ = false;
  bool closed_ = false;
  std::thread::id closer_;
};

}  // namespace hyperiqa
