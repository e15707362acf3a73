/**
 * @file
 * Everything of an environment that happens on other threads, so that it can be ended before the environment goes.
 */
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "../engine/engine.h"
#include "../engine/support/bounded_thread.h"
#include "mailbox.h"

namespace hyperiqa::addon {

/**
 * The mailbox, the open engines and the threads of blocking tasks (loading, self-check, closing: a thread each, none of
 * libuv's). An environment owns one; engine callbacks and tasks share it.
 *
 * End of a thread: an environment's cleanup hook calls `end` (a natural end, a terminated worker); Node.js runs no
 * hooks at process.exit() and after an uncaught exception, so an 'exit' listener does; and a process that calls exit()
 * without that event is caught by a C exit handler. Without it, static objects of LibTorch would be destroyed under its
 * threads. Each waits for kCloseGrace at most. Threads that have not ended by then (a forward without end, a long load)
 * are let go of: what they use stays alive, their messages are dropped, and the exit handler ends the process at once,
 * before any static object is destroyed.
 */
class Background : public std::enable_shared_from_this<Background> {
 public:
  /** Blocking work, and what follows it on the JavaScript thread. */
  class Task : public Message {
   public:
    /** Runs on a thread of its own. Must leave nothing there that belongs to the JavaScript thread. */
    virtual void work() noexcept = 0;
    /** Runs on the JavaScript thread afterwards. */
    virtual void done(Napi::Env env) = 0;
    void run(Napi::Env env) final;

   private:
    friend class Background;
    Background* background_ = nullptr;  // outlives the JavaScript thread's part
    uint64_t number_ = 0;
  };

  /** JavaScript thread. */
  static std::shared_ptr<Background> create(Napi::Env env);
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;
  ~Background() = default;

  Mailbox& mailbox() noexcept { return mailbox_; }

  /** Starts a task. JavaScript thread. @throws Error ERR_DISPOSED after `end`; ERR_INTERNAL where no thread can be
   *  started */
  void start(std::unique_ptr<Task> task);

  /** Registers an engine to be closed by `end`. Any thread. @return false: `end` was called; the caller closes it */
  bool add(const std::shared_ptr<Closeable>& engine);

  /** True once `end` has been called: every engine is closed or being closed. Any thread. */
  bool ended();

  /** A flag for a task that can be given up half way, which `end` sets. Any thread. */
  StopFlag ending() const { return stop_.child(); }

  /** Has every load given up, closes every engine and waits for every task, until the deadline. Any thread; idempotent.
   */
  void end(Deadline deadline) noexcept;
  void end() noexcept { end(std::chrono::steady_clock::now() + kCloseGrace); }

 private:
  explicit Background(Napi::Env env) : mailbox_(env) {}
  void join(uint64_t task) noexcept;

  Mailbox mailbox_;

  std::mutex mutex_;
  bool ended_ = false;
  uint64_t last_task_ = 0;
  std::unordered_map<uint64_t, BoundedThread> tasks_;
  std::vector<std::weak_ptr<Closeable>> engines_;

  const StopFlag stop_;
  std::timed_mutex ending_;  // a second `end` returns no sooner than the first
};

/** Has the C exit handler run before those that exist by now. Called whenever LibTorch may have added some. */
void end_before_exit_handlers();

/** Keeps the status that the process is about to exit with, for systems whose exit handlers are not told. */
void note_exit_status(int status) noexcept;

}  // namespace hyperiqa::addon
