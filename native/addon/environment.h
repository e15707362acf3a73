/**
 * @file
 * The addon's state in one JavaScript environment (the main thread or a worker), and what promises are open in it.
 */
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>

#include "background.h"
#include "napi_setup.h"

namespace hyperiqa::addon {

class Session;

/** A promise that is waited for, with what must stay alive until it is settled. */
struct Pending {
  Napi::Promise::Deferred deferred;
  /** Keeps the engine from being closed when JavaScript drops it with work under way; null: no engine is involved. */
  std::shared_ptr<Session> session;
  /** The image that engine threads read; empty for tasks. */
  Napi::Reference<Napi::Uint8Array> pixels;
  /** The engine's number of the job; none for tasks. */
  std::optional<JobId> job;
};

/** Result of a blocking task: makes the value that its promise resolves to. JavaScript thread. */
using TaskResult = std::function<Napi::Value(Napi::Env)>;

/** JavaScript thread only. */
class Environment : public Napi::Addon<Environment> {
 public:
  Environment(Napi::Env env, Napi::Object exports);

  static Environment& of(Napi::Env env) { return *env.GetInstanceData<Environment>(); }

  const std::shared_ptr<Background>& background() const noexcept { return background_; }

  /** Enters a promise; the event loop stays alive until `take` or `settle`. @return its number */
  uint64_t add(Napi::Env env, Pending pending);
  /** The open promise with this number, or null. */
  Pending* find(uint64_t id);
  /** Takes a promise out. Its number must be known. */
  Pending take(Napi::Env env, uint64_t id);
  /** Takes a promise out and resolves it, or rejects it where `make` throws. */
  void settle(Napi::Env env, uint64_t id, const TaskResult& make);

  /**
   * A promise for blocking work on a thread of its own.
   * @param work runs on that thread and returns what runs here with its result; what either throws is the rejection
   */
  Napi::Promise run(Napi::Env env, std::shared_ptr<Session> session, std::function<TaskResult()> work);

 private:
  Napi::Value load(const Napi::CallbackInfo& info);
  Napi::Value load_detector(const Napi::CallbackInfo& info);
  Napi::Value cuda_report(const Napi::CallbackInfo& info);
  Napi::Value restrict(const Napi::CallbackInfo& info);
  /**
   * A promise for the JavaScript object of what `Engine::load` gives.
   * @param give_cancel undefined, or a function that is called with one that ends the load, before the load begins
   */
  template <typename Session, typename Engine, typename Options>
  Napi::Promise load_with(Napi::Env env, Options options, const Napi::Value& give_cancel);

  std::shared_ptr<Background> background_;
  uint64_t last_id_ = 0;
  std::unordered_map<uint64_t, Pending> pending_;
};

}  // namespace hyperiqa::addon
