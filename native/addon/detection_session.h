/**
 * @file
 * A face detector as JavaScript sees it: NativeDetector of binding.d.ts.
 */
#pragma once

#include <memory>
#include <string>

#include "../engine/face_detector.h"
#include "session.h"

namespace hyperiqa::addon {

class DetectionSession : public Session {
 public:
  /** The JavaScript object. The detector must be registered with the background. */
  static Napi::Value create(Napi::Env env, std::shared_ptr<Background> background,
                            std::shared_ptr<FaceDetector> detector, const std::string& model_path);
  using Session::Session;

 private:
  Napi::Value detect(const Napi::CallbackInfo& info);
  bool cancel_job(JobId job) override;
  std::shared_ptr<FaceDetector> detector() const;
};

}  // namespace hyperiqa::addon
