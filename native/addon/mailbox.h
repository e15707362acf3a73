/**
 * @file
 * The way back to JavaScript: messages that any thread posts and the environment's own thread runs.
 */
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

#include "napi_setup.h"
#include "outbox.h"

namespace hyperiqa::addon {

class Message : public Parcel {
 public:
  /** Runs on the JavaScript thread, inside a handle scope. What it throws is dropped. */
  virtual void run(Napi::Env env) = 0;
};

/**
 * One thread-safe function for everything of an environment: results of all engines and of all tasks. What has gathered
 * by the time the event loop gets to it is run in one go.
 *
 * The event loop is kept alive between `hold` and `release` only, so that a process with nothing under way can end.
 */
class Mailbox {
 public:
  /** JavaScript thread. */
  explicit Mailbox(Napi::Env env);
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  /** Any thread. After `close` the message is destroyed unread, on the calling thread. */
  void post(std::unique_ptr<Message> message) noexcept { outbox_.post(std::move(message)); }

  /** JavaScript thread: a message is to come that somebody waits for. Repeats a wake-up that failed, too. */
  void hold(Napi::Env env);
  /** JavaScript thread: it has come. */
  void release(Napi::Env env);

  /**
   * Ends the delivery and destroys the messages that are waiting. Any thread; must be called before the
   * environment is gone. (Node.js frees a thread-safe function with its environment even while other threads still hold
   * it.)
   */
  void close() noexcept { outbox_.close(); }

 private:
  static void drain(Napi::Env env, Napi::Function callback, Mailbox* mailbox, void* data);
  using Channel = Napi::TypedThreadSafeFunction<Mailbox, void, drain>;

  Channel channel_;
  size_t held_ = 0;  // JavaScript thread
  Outbox outbox_;
};

}  // namespace hyperiqa::addon
