/**
 * @file
 * The JavaScript side of an engine: the part that the scorer and the face detector share.
 */
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "background.h"
#include "napi_setup.h"

namespace hyperiqa::addon {

/**
 * Lives as long as the functions of the JavaScript object, or work that was asked for through them. When the last of
 * these goes and nobody has called dispose(), the engine is closed on a thread of its own: a garbage collection must
 * not wait for a batch.
 *
 * JavaScript thread only, the destructor included; it runs as a finalizer, where no JavaScript may run.
 */
class Session : public std::enable_shared_from_this<Session> {
 public:
  /** @param engine  must be registered with the background  @param bytes  size of its weights, for the garbage
   * collector */
  Session(Napi::Env env, std::shared_ptr<Background> background, std::shared_ptr<Closeable> engine, int64_t bytes);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  virtual ~Session();

 protected:
  /** `cancel` and `dispose` of the JavaScript object. */
  Napi::Value cancel(const Napi::CallbackInfo& info);
  Napi::Value dispose(const Napi::CallbackInfo& info);

  /** The engine. @throws Error ERR_DISPOSED */
  const std::shared_ptr<Closeable>& open_engine() const;

  /** The mailbox that results go to. */
  const std::shared_ptr<Background>& background() const noexcept { return background_; }

  /**
   * Enters a promise, keeps `pixels` alive until it is settled, and gives the NativeTicket for it.
   * @param submit hands the job to the engine, given the number of the promise
   */
  Napi::Value ticket(Napi::Env env, const Napi::Value& pixels, const std::function<JobId(uint64_t)>& submit);

 private:
  /** Cancels a job of the engine. */
  virtual bool cancel_job(JobId job) = 0;

  void closed(Napi::Env env);
  void report_bytes(int64_t change) noexcept;

  Napi::BasicEnv env_;
  std::shared_ptr<Background> background_;
  std::shared_ptr<Closeable> engine_;  // null from dispose() on
  int64_t bytes_;
  bool closing_ = false;
  std::vector<Napi::Promise::Deferred> waiting_for_close_;  // further calls of dispose()
};

/** Memory that the garbage collector cannot see: the weights, about as large as the model file. */
int64_t weight_bytes(const std::string& model_path);

/** A function of a JavaScript object that holds its session, instead of a method that looks for it in `this`: no wrong
 *  `this` can be passed. */
template <typename T, typename Declared>
Napi::PropertyDescriptor session_method(Napi::Env env, const char* name, const std::shared_ptr<T>& session,
                                        Napi::Value (Declared::*body)(const Napi::CallbackInfo&)) {
  const auto function = Napi::Function::New(
      env, [session, body](const Napi::CallbackInfo& call) { return (*session.*body)(call); }, name);
  return Napi::PropertyDescriptor::Value(name, function, napi_enumerable);
}

}  // namespace hyperiqa::addon
