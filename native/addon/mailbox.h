/**
 * @file
 * The way back to JavaScript: closures that any thread posts and the environment's own thread runs.
 */
#pragma once

#include <functional>
#include <mutex>
#include <vector>

#include "napi_setup.h"

namespace hyperiqa::addon {

/**
 * One thread-safe function for everything of an environment: results of all engines and of all tasks. What has gathered
 * by the time the event loop gets to it is run in one go.
 *
 * The event loop is kept alive between `hold` and `release` only, so that a process with nothing under way can end.
 */
class Mailbox {
 public:
  /** Runs on the JavaScript thread, inside a handle scope. What it throws is dropped. */
  using Message = std::function<void(Napi::Env)>;

  /** JavaScript thread. */
  explicit Mailbox(Napi::Env env);
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  /** Any thread. After `close` the message is destroyed unread, on the calling thread. */
  void post(Message message);

  /** JavaScript thread: a message is to come that somebody waits for. */
  void hold(Napi::Env env);
  /** JavaScript thread: it has come. */
  void release(Napi::Env env);

  /**
   * Nothing is delivered any more. Any thread; must be called before the environment is gone. (Node.js frees a
   * thread-safe function with its environment even while other threads still hold it.) Messages that are waiting stay
   * unread until the mailbox is destroyed.
   */
  void close() noexcept;

 private:
  static void drain(Napi::Env env, Napi::Function callback, Mailbox* mailbox, void* data);
  using Channel = Napi::TypedThreadSafeFunction<Mailbox, void, drain>;

  Channel channel_;
  size_t held_ = 0;  // JavaScript thread

  std::mutex mutex_;
  std::vector<Message> messages_;
  bool closed_ = false;
};

}  // namespace hyperiqa::addon
