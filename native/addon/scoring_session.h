/**
 * @file
 * A scorer as JavaScript sees it: NativeEngine of binding.d.ts.
 */
#pragma once

#include <memory>
#include <string>

#include "session.h"

namespace hyperiqa::addon {

class ScoringSession : public Session {
 public:
  /** The JavaScript object. The engine must be registered with the background. */
  static Napi::Value create(Napi::Env env, std::shared_ptr<Background> background, std::shared_ptr<Engine> engine,
                            const std::string& model_path);
  using Session::Session;

 private:
  Napi::Value score(const Napi::CallbackInfo& info);
  Napi::Value self_check(const Napi::CallbackInfo& info);
  bool cancel_job(JobId job) override;
  std::shared_ptr<Engine> engine() const;
};

}  // namespace hyperiqa::addon
