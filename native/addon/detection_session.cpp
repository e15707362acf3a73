#include "detection_session.h"

#include <utility>

#include "convert.h"
#include "errors.h"
#include "reply.h"

namespace hyperiqa::addon {

Napi::Value DetectionSession::create(Napi::Env env, std::shared_ptr<Background> background,
                                     std::shared_ptr<FaceDetector> detector, const std::string& model_path) {
  const Napi::Value info = to_js(env, detector->info());
  const auto session =
      std::make_shared<DetectionSession>(env, std::move(background), std::move(detector), weight_bytes(model_path));
  auto object = Napi::Object::New(env);
  object.DefineProperties({
      Napi::PropertyDescriptor::Value("info", info, napi_enumerable),
      session_method(env, "detect", session, &DetectionSession::detect),
      session_method(env, "cancel", session, &DetectionSession::cancel),
      session_method(env, "dispose", session, &DetectionSession::dispose),
  });
  return object;
}

std::shared_ptr<FaceDetector> DetectionSession::detector() const {
  return std::static_pointer_cast<FaceDetector>(open_engine());
}

bool DetectionSession::cancel_job(JobId job) {
  return detector()->cancel(job);
}

Napi::Value DetectionSession::detect(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return guarded(env, [&]() -> Napi::Value {
    const DetectOptions options = to_detect_options(info[3]);
    const Image image = to_image(info[0], info[1], info[2]);
    const std::shared_ptr<FaceDetector> open = detector();
    return ticket(env, info[0], [&](uint64_t id) {
      return open->submit(image, options, reply_to<DetectionResult>(background(), id));
    });
  });
}

}  // namespace hyperiqa::addon
