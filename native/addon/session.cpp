#include "session.h"

#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

#include "convert.h"
#include "environment.h"
#include "errors.h"

namespace hyperiqa::addon {

namespace {

/** Closes an engine that JavaScript has dropped. */
class CloseTask : public Background::Task {
 public:
  explicit CloseTask(std::shared_ptr<Closeable> engine) : engine_(std::move(engine)) {}

  void work() noexcept override {
    try {
      engine_->close();
    } catch (...) {  // NOLINT(bugprone-empty-catch)
      // Swallows the error: the environment is gone, and with it everybody who could be told.
    }
    engine_.reset();
  }

  void done(Napi::Env /*env*/) override {}

 private:
  std::shared_ptr<Closeable> engine_;
};

}  // namespace

int64_t weight_bytes(const std::string& model_path) {
  std::error_code ignored;
  const auto size = std::filesystem::file_size(model_path, ignored);
  return ignored ? 0 : static_cast<int64_t>(size);
}

Session::Session(Napi::Env env, std::shared_ptr<Background> background, std::shared_ptr<Closeable> engine,
                 int64_t bytes)
    : env_(env), background_(std::move(background)), engine_(std::move(engine)), bytes_(bytes) {
  report_bytes(bytes_);
}

Session::~Session() {
  if (!engine_) return;
  report_bytes(-bytes_);
  try {
    background_->start(std::make_unique<CloseTask>(engine_));
  } catch (...) {
    // The environment is ending and has closed the engine; or there are no threads left to be had, and it is closed
    // here.
    try {
      engine_->close();
    } catch (...) {  // NOLINT(bugprone-empty-catch)
      // A finalizer has nobody to tell.
    }
  }
}

void Session::report_bytes(int64_t change) noexcept {
  try {
    Napi::MemoryManagement::AdjustExternalMemory(env_, change);
  } catch (...) {  // NOLINT(bugprone-empty-catch)
    // A hint for the garbage collector, no more.
  }
}

const std::shared_ptr<Closeable>& Session::open_engine() const {
  if (!engine_) throw Error("ERR_DISPOSED", "The engine has been disposed.");
  return engine_;
}

Napi::Value Session::ticket(Napi::Env env, const Napi::Value& pixels, const std::function<JobId(uint64_t)>& submit) {
  Environment& environment = Environment::of(env);
  const auto deferred = Napi::Promise::Deferred::New(env);
  const uint64_t id = environment.add(env, {.deferred = deferred,
                                            .session = shared_from_this(),
                                            .pixels = Napi::Persistent(pixels.As<Napi::Uint8Array>()),
                                            .job = std::nullopt});
  try {
    const JobId job = submit(id);
    environment.find(id)->job = job;
  } catch (...) {
    // A promise that is never settled is never freed.
    environment.take(env, id).deferred.Resolve(env.Undefined());
    throw;
  }
  auto result = Napi::Object::New(env);
  result.Set("id", static_cast<double>(id));
  result.Set("result", deferred.Promise());
  return result;
}

Napi::Value Session::cancel(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return guarded(env, [&]() -> Napi::Value {
    const Pending* pending = Environment::of(env).find(to_id(info[0]));
    const bool ours = pending != nullptr && pending->session.get() == this && pending->job.has_value();
    return Napi::Boolean::New(env, ours && engine_ && cancel_job(*pending->job));
  });
}

Napi::Value Session::dispose(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return promised(env, [&]() -> Napi::Value {
    if (closing_) {
      waiting_for_close_.push_back(Napi::Promise::Deferred::New(env));
      return waiting_for_close_.back().Promise();
    }
    if (!engine_ || background_->ended()) {
      const auto deferred = Napi::Promise::Deferred::New(env);
      deferred.Resolve(env.Undefined());
      return deferred.Promise();
    }
    // The task's thread frees the weights too, unless another task (a self-check) still uses the engine.
    const Napi::Promise promise = Environment::of(env).run(
        env, shared_from_this(), [engine = engine_, session = weak_from_this()]() mutable -> TaskResult {
          engine->close();
          engine.reset();
          return [session](Napi::Env js) -> Napi::Value {
            if (const auto self = session.lock()) self->closed(js);
            return js.Undefined();
          };
        });
    engine_.reset();
    closing_ = true;
    report_bytes(-bytes_);
    return promise;
  });
}

void Session::closed(Napi::Env env) {
  closing_ = false;
  for (const auto& deferred : waiting_for_close_) deferred.Resolve(env.Undefined());
  waiting_for_close_.clear();
}

}  // namespace hyperiqa::addon
