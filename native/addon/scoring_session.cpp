#include "scoring_session.h"

#include <utility>

#include "convert.h"
#include "environment.h"
#include "errors.h"
#include "reply.h"

namespace hyperiqa::addon {

Napi::Value ScoringSession::create(Napi::Env env, std::shared_ptr<Background> background,
                                   std::shared_ptr<Engine> engine, const std::string& model_path) {
  const Napi::Value info = to_js(env, engine->info());
  const auto session =
      std::make_shared<ScoringSession>(env, std::move(background), std::move(engine), weight_bytes(model_path));
  auto object = Napi::Object::New(env);
  object.DefineProperties({
      Napi::PropertyDescriptor::Value("info", info, napi_enumerable),
      session_method(env, "score", session, &ScoringSession::score),
      session_method(env, "cancel", session, &ScoringSession::cancel),
      session_method(env, "selfCheck", session, &ScoringSession::self_check),
      session_method(env, "dispose", session, &ScoringSession::dispose),
  });
  return object;
}

std::shared_ptr<Engine> ScoringSession::engine() const {
  return std::static_pointer_cast<Engine>(open_engine());
}

bool ScoringSession::cancel_job(JobId job) {
  return engine()->cancel(job);
}

Napi::Value ScoringSession::score(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return guarded(env, [&]() -> Napi::Value {
    const ScoreOptions options = to_score_options(info[3]);
    const Image image = to_image(info[0], info[1], info[2]);
    const std::shared_ptr<Engine> open = engine();
    return ticket(env, info[0],
                  [&](uint64_t id) { return open->submit(image, options, reply_to<ScoreResult>(background(), id)); });
  });
}

Napi::Value ScoringSession::self_check(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return promised(env, [&]() -> Napi::Value {
    return Environment::of(env).run(env, shared_from_this(), [open = engine()]() -> TaskResult {
      return [check = open->self_check()](Napi::Env js) { return to_js(js, check); };
    });
  });
}

}  // namespace hyperiqa::addon
