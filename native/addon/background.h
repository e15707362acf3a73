/**
 * @file
 * Everything of an environment that happens on other threads, so that it can be ended before the environment goes.
 */
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>
#include <unordered_map>
#include <vector>

#include "../engine/engine.h"
#include "mailbox.h"

namespace hyperiqa::addon {

/**
 * The mailbox, the open engines and the threads of blocking tasks (loading, self-check, closing: a thread each, none of
 * libuv's). An environment owns one; engine callbacks share it.
 *
 * How it ends: an environment's cleanup hook calls `end` (a natural end, a terminated worker); Node.js runs no hooks at
 * process.exit() and after an uncaught exception, so an 'exit' listener does; and a process that calls exit() without
 * that event is caught by a C exit handler. Without it, static objects of LibTorch would be destroyed under its
 * threads.
 */
class Background {
 public:
  /** JavaScript thread. */
  static std::shared_ptr<Background> create(Napi::Env env);
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  Mailbox& mailbox() noexcept { return mailbox_; }

  /**
   * Runs `work` on a thread of its own, then the message that it returns on the JavaScript thread. JavaScript thread.
   * @param work must not throw and must own nothing that belongs to the JavaScript thread
   * @throws Error ERR_DISPOSED after `end`; ERR_INTERNAL where no thread can be started
   */
  void start(std::function<Mailbox::Message()> work);

  /** Registers an engine to be closed by `end`. Any thread. @return false: `end` was called; the caller closes it */
  bool add(const std::shared_ptr<Closeable>& engine);

  /** True once `end` has been called: every engine is closed or being closed. Any thread. */
  bool ended();

  /** Says when `end` is called, for tasks that can be given up half way. Any thread. */
  std::stop_token ending() const noexcept { return stop_.get_token(); }

  /** Has every load given up, closes every engine and waits for every task: after it no thread of ours runs. Any
   * thread; idempotent. */
  void end() noexcept;

 private:
  explicit Background(Napi::Env env) : mailbox_(env) {}
  void join(uint64_t task);
  std::vector<std::shared_ptr<Closeable>> open_engines();

  Mailbox mailbox_;

  std::mutex mutex_;
  bool ended_ = false;
  uint64_t last_task_ = 0;
  std::unordered_map<uint64_t, std::thread> tasks_;
  std::vector<std::weak_ptr<Closeable>> engines_;

  std::stop_source stop_;
  std::mutex ending_;  // a second `end` returns no sooner than the first
};

/** Has the C exit handler run before those that exist by now. Called whenever LibTorch may have added some. */
void end_before_exit_handlers();

}  // namespace hyperiqa::addon
