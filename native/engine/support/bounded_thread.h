/** @file A thread that is waited for no longer than one likes. */
#pragma once

#include <functional>
#include <memory>
#include <thread>

#include "support/closeable.h"

namespace hyperiqa {

/**
 * A thread that the process can do without. Where it does not end in time it is let go of: it keeps alive what its body
 * holds, and `abandoned_threads` of closeable.h tells of it for as long as it runs.
 */
class BoundedThread {
 public:
  /** Starts the thread. @param body must not throw @throws std::system_error, std::bad_alloc */
  explicit BoundedThread(std::function<void()> body);
  BoundedThread(BoundedThread&&) noexcept = default;
  BoundedThread& operator=(BoundedThread&&) = delete;
  BoundedThread(const BoundedThread&) = delete;
  BoundedThread& operator=(const BoundedThread&) = delete;
  /** Lets go of the thread if nobody has waited for it. */
  ~BoundedThread();

  /** The id of the running thread. */
  std::thread::id id() const noexcept;

  /** Waits until the thread has ended, and lets go of it at the deadline, or at once if it is the one that calls. */
  void join(Deadline deadline) noexcept;

  struct State;

 private:
  std::shared_ptr<State> state_;  ///< none once it has been joined or let go of
};

}  // namespace hyperiqa
