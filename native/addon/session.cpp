#include "session.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "convert.h"
#include "environment.h"
#include "errors.h"

namespace hyperiqa::addon {

namespace {

/** What the garbage collector cannot see: the weights, about as large as the model file. */
int64_t weight_bytes(const std::string& model_path) {
  std::error_code ignored;
  const auto size = std::filesystem::file_size(model_path, ignored);
  return ignored ? 0 : static_cast<int64_t>(size);
}

}  // namespace

Napi::Value Session::create(Napi::Env env, std::shared_ptr<Background> background, std::shared_ptr<Engine> engine,
                            const std::string& model_path) {
  const Napi::Value info = to_js(env, engine->info());
  const auto session =
      std::make_shared<Session>(env, std::move(background), std::move(engine), weight_bytes(model_path));
  // Functions that hold the session, instead of methods that look for it in `this`: no wrong `this` can be passed.
  const auto method = [&](const char* name, Napi::Value (Session::*body)(const Napi::CallbackInfo&)) {
    const auto function = Napi::Function::New(
        env, [session, body](const Napi::CallbackInfo& call) { return (*session.*body)(call); }, name);
    return Napi::PropertyDescriptor::Value(name, function, napi_enumerable);
  };
  auto object = Napi::Object::New(env);
  object.DefineProperties({
      Napi::PropertyDescriptor::Value("info", info, napi_enumerable),
      method("score", &Session::score),
      method("cancel", &Session::cancel),
      method("selfCheck", &Session::self_check),
      method("dispose", &Session::dispose),
  });
  return object;
}

Session::Session(Napi::Env env, std::shared_ptr<Background> background, std::shared_ptr<Engine> engine, int64_t bytes)
    : env_(env), background_(std::move(background)), engine_(std::move(engine)), bytes_(bytes) {
  report_bytes(bytes_);
}

Session::~Session() {
  if (!engine_) return;
  report_bytes(-bytes_);
  try {
    background_->start([engine = engine_]() mutable -> Mailbox::Message {
      engine->close();
      engine.reset();
      return nullptr;
    });
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

const std::shared_ptr<Engine>& Session::open_engine() const {
  if (!engine_) throw Error("ERR_DISPOSED", "The engine has been disposed.");
  return engine_;
}

Napi::Value Session::score(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return guarded(env, [&]() -> Napi::Value {
    const ScoreOptions options = to_score_options(info[3]);
    const Image image = to_image(info[0], info[1], info[2]);
    const std::shared_ptr<Engine> engine = open_engine();
    Environment& environment = Environment::of(env);
    const auto deferred = Napi::Promise::Deferred::New(env);
    const uint64_t id = environment.add(env, {.deferred = deferred,
                                              .session = shared_from_this(),
                                              .pixels = Napi::Persistent(info[0].As<Napi::Uint8Array>()),
                                              .job = std::nullopt});
    try {
      const JobId job = engine->submit(image, options, [background = background_, id](JobId, JobResult result) {
        background->mailbox().post([id, result = std::move(result)](Napi::Env js) {
          Environment::of(js).settle(js, id, [&result](Napi::Env settling) {
            if (const auto* error = std::get_if<Error>(&result)) rethrow(*error);
            return to_js(settling, std::get<ScoreResult>(result));
          });
        });
      });
      environment.find(id)->job = job;
    } catch (...) {
      environment.take(env, id);
      throw;
    }
    auto ticket = Napi::Object::New(env);
    ticket.Set("id", static_cast<double>(id));
    ticket.Set("result", deferred.Promise());
    return ticket;
  });
}

Napi::Value Session::cancel(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return guarded(env, [&]() -> Napi::Value {
    const Pending* pending = Environment::of(env).find(to_id(info[0]));
    const bool ours = pending != nullptr && pending->session.get() == this && pending->job.has_value();
    return Napi::Boolean::New(env, ours && engine_ && engine_->cancel(*pending->job));
  });
}

Napi::Value Session::self_check(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return promised(env, [&]() -> Napi::Value {
    return Environment::of(env).run(env, shared_from_this(), [engine = open_engine()]() -> TaskResult {
      return [check = engine->self_check()](Napi::Env js) { return to_js(js, check); };
    });
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
