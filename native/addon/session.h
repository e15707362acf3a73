/**
 * @file
 * One engine as JavaScript sees it.
 */
#pragma once

#include <cstdint>
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
  /** The object of binding.d.ts, NativeEngine. The engine must be registered with the background. */
  static Napi::Value create(Napi::Env env, std::shared_ptr<Background> background, std::shared_ptr<Engine> engine,
                            const std::string& model_path);

  Session(Napi::Env env, std::shared_ptr<Background> background, std::shared_ptr<Engine> engine, int64_t bytes);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session();

 private:
  Napi::Value score(const Napi::CallbackInfo& info);
  Napi::Value cancel(const Napi::CallbackInfo& info);
  Napi::Value self_check(const Napi::CallbackInfo& info);
  Napi::Value dispose(const Napi::CallbackInfo& info);
  void closed(Napi::Env env);
  const std::shared_ptr<Engine>& open_engine() const;
  void report_bytes(int64_t change) noexcept;

  Napi::BasicEnv env_;
  std::shared_ptr<Background> background_;
  std::shared_ptr<Engine> engine_;  // null from dispose() on
  int64_t bytes_;
  bool closing_ = false;
  std::vector<Napi::Promise::Deferred> waiting_for_close_;  // further calls of dispose()
};

}  // namespace hyperiqa::addon
