#include "environment.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "convert.h"
#include "detection_session.h"
#include "errors.h"
#include "restrict.h"
#include "scoring_session.h"

namespace hyperiqa::addon {

namespace {

/** Node.js runs no cleanup hooks at process.exit() and after an uncaught exception; it does emit 'exit'. */
void end_at_exit_event(Napi::Env env, const std::shared_ptr<Background>& background) {
  const Napi::Value process = env.Global().Get("process");
  if (!process.IsObject()) return;
  const Napi::Value on = process.As<Napi::Object>().Get("on");
  if (!on.IsFunction()) return;
  const auto listener = Napi::Function::New(env, [background](const Napi::CallbackInfo& info) {
    note_exit_status(info[0].IsNumber() ? info[0].As<Napi::Number>().Int32Value() : 0);
    background->end();
  });
  on.As<Napi::Function>().Call(process, {Napi::String::New(env, "exit"), listener});
}

/** Blocking work that a promise stands for. */
class PromiseTask : public Background::Task {
 public:
  PromiseTask(uint64_t id, std::function<TaskResult()> work) : id_(id), work_(std::move(work)) {}

  void work() noexcept override {
    try {
      result_ = work_();
    } catch (...) {
      error_ = current_error();
    }
    work_ = nullptr;
  }

  void done(Napi::Env env) override {
    Environment::of(env).settle(env, id_, [this](Napi::Env js) {
      if (error_) throw Error(*error_);
      return result_(js);
    });
  }

 private:
  uint64_t id_;
  std::function<TaskResult()> work_;
  TaskResult result_;
  std::optional<Error> error_;
};

}  // namespace

Environment::Environment(Napi::Env env, Napi::Object exports) : background_(Background::create(env)) {
  no_memory();  // made while there is memory
  end_at_exit_event(env, background_);
  end_before_exit_handlers();

  DefineAddon(exports,
              {
                  InstanceValue("version", Napi::String::New(env, HYPERIQA_VERSION), napi_enumerable),
                  InstanceValue("libtorchVersion", Napi::String::New(env, libtorch_version()), napi_enumerable),
                  InstanceValue("limits", limits(env), napi_enumerable),
                  InstanceValue("names", names(env), napi_enumerable),
                  InstanceMethod("load", &Environment::load, napi_enumerable),
                  InstanceMethod("loadDetector", &Environment::load_detector, napi_enumerable),
                  InstanceMethod("cudaReport", &Environment::cuda_report, napi_enumerable),
                  InstanceMethod("restrictProcess", &Environment::restrict, napi_enumerable),
              });

  // Hooks run last to first: after the mailbox was made, so that this one runs before Node.js frees its thread-safe
  // function. At the end, where nothing can throw any more.
  env.AddCleanupHook([this] {
    background_->end();
    background_->mailbox().close();
    pending_.clear();
  });
}

uint64_t Environment::add(Napi::Env env, Pending pending) {
  const uint64_t id = ++last_id_;
  pending_.emplace(id, std::move(pending));
  background_->mailbox().hold(env);
  return id;
}

Pending* Environment::find(uint64_t id) {
  const auto found = pending_.find(id);
  return found == pending_.end() ? nullptr : &found->second;
}

Pending Environment::take(Napi::Env env, uint64_t id) {
  Pending pending = std::move(pending_.at(id));
  pending_.erase(id);
  background_->mailbox().release(env);
  return pending;
}

void Environment::settle(Napi::Env env, uint64_t id, const TaskResult& make) {
  const Pending pending = take(env, id);
  try {
    pending.deferred.Resolve(guarded(env, [&] { return make(env); }));
  } catch (const Napi::Error& error) {
    pending.deferred.Reject(error.Value());
  }
}

Napi::Promise Environment::run(Napi::Env env, std::shared_ptr<Session> session, std::function<TaskResult()> work) {
  const auto deferred = Napi::Promise::Deferred::New(env);
  const uint64_t id =
      add(env, {.deferred = deferred, .session = std::move(session), .pixels = {}, .job = std::nullopt});
  try {
    background_->start(std::make_unique<PromiseTask>(id, std::move(work)));
  } catch (...) {
    // A promise that is never settled is never freed.
    take(env, id).deferred.Resolve(env.Undefined());
    throw;
  }
  return deferred.Promise();
}

template <typename Session, typename Engine, typename Options>
Napi::Promise Environment::load_with(Napi::Env env, Options options, const Napi::Value& give_cancel) {
  const StopFlag stop = background_->ending();
  options.stop = stop;
  if (!give_cancel.IsUndefined()) {
    const auto cancel = [stop](const Napi::CallbackInfo&) { stop.request_stop(); };
    give_cancel.As<Napi::Function>().Call({Napi::Function::New(env, cancel, "cancel")});
  }
  return run(env, nullptr, [options = std::move(options), background = background_]() -> TaskResult {
    const auto engine = Engine::load(options);
    // The engine's libraries have registered what they do at exit by now; ours must come before that.
    end_before_exit_handlers();
    if (!background->add(engine)) {
      engine->close();
      throw Error("ERR_DISPOSED", "The environment ended while the model was loaded.");
    }
    return [engine, background, path = options.model_path](Napi::Env js) {
      return Session::create(js, background, engine, path);
    };
  });
}

Napi::Value Environment::load(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return promised(env, [&] {
    return load_with<ScoringSession, Engine>(env, to_load_options(info[0]),
                                             to_optional_function(info[1], "giveCancel"));
  });
}

Napi::Value Environment::load_detector(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return promised(env, [&] {
    return load_with<DetectionSession, FaceDetector>(env, to_detector_load_options(info[0]),
                                                     to_optional_function(info[1], "giveCancel"));
  });
}

Napi::Value Environment::cuda_report(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return promised(env, [&]() -> Napi::Value {
    return run(env, nullptr, []() -> TaskResult {
      return [report = hyperiqa::cuda_report()](Napi::Env js) { return to_js(js, report); };
    });
  });
}

// NOLINTNEXTLINE(readability-convert-member-functions-to-static): InstanceMethod takes members only
Napi::Value Environment::restrict(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return guarded(env, [&]() -> Napi::Value {
    restrict_process(to_bytes(info[0]));
    return env.Undefined();
  });
}

}  // namespace hyperiqa::addon

namespace {

/** Entry point that Node.js runs for each environment that loads the addon; no C++ exception may leave it. */
Napi::Object init(Napi::Env env, Napi::Object exports) {
  hyperiqa::addon::guarded(env, [&]() -> Napi::Value {
    hyperiqa::addon::Environment::Init(env, exports);
    return env.Undefined();
  });
  return exports;
}

}  // namespace

NODE_API_MODULE(hyperiqa, init)
