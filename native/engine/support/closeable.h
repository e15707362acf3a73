/** @file The end of objects that run threads of their own. */
#pragma once

#include <chrono>

namespace hyperiqa {

using Deadline = std::chrono::steady_clock::time_point;

/** The time for which closing waits for what is being computed. A forward that takes longer is let go of. */
inline constexpr std::chrono::seconds kCloseGrace{5};

/** An object with threads of its own, which work until it is closed. */
class Closeable {
 public:
  Closeable() = default;
  Closeable(const Closeable&) = delete;
  Closeable& operator=(const Closeable&) = delete;
  virtual ~Closeable() = default;

  /** No job is accepted and no work begun any more. Does not wait. */
  virtual void request_close() noexcept = 0;

  /**
   * Ends the workers: what is being computed is finished or given up, every unfinished job gets ERR_DISPOSED. A worker
   * that has not ended by the deadline is let go of: it keeps alive what it uses, and `abandoned_threads` tells of it.
   * Idempotent; blocks.
   */
  virtual void close(Deadline deadline) = 0;
  void close() { close(std::chrono::steady_clock::now() + kCloseGrace); }
};

/** True while a thread runs that was let go of. A process must not end by exit() then, which would destroy static
 * objects of LibTorch under it, but by _exit(). */
bool abandoned_threads() noexcept;

}  // namespace hyperiqa
