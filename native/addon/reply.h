/**
 * @file
 * Passes the result of an engine's callback to the promise in JavaScript.
 */
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <variant>

#include "background.h"
#include "convert.h"
#include "environment.h"

namespace hyperiqa::addon {

/** Settles the promise with a number. */
template <typename Result>
class Reply : public Message {
 public:
  explicit Reply(uint64_t id) : id_(id) {}

  void set(std::variant<Result, Error> outcome) noexcept { outcome_ = std::move(outcome); }

  void run(Napi::Env env) override {
    Environment::of(env).settle(env, id_, [this](Napi::Env js) {
      if (const auto* error = std::get_if<Error>(&*outcome_)) throw Error(*error);
      return to_js(js, std::get<Result>(*outcome_));
    });
  }

 private:
  uint64_t id_;
  std::optional<std::variant<Result, Error>> outcome_;
};

/** The callback of a job whose promise has this number; to be called once, from any thread. Everything that it needs is
 *  allocated here, so that no outcome is lost for lack of memory. */
template <typename Result>
std::function<void(JobId, std::variant<Result, Error>)> reply_to(std::shared_ptr<Background> background, uint64_t id) {
  // A function must be copyable, what it holds here is not.
  auto holder = std::make_shared<std::unique_ptr<Reply<Result>>>(std::make_unique<Reply<Result>>(id));
  return [background = std::move(background), holder = std::move(holder)](JobId, std::variant<Result, Error> outcome) {
    (*holder)->set(std::move(outcome));
    background->mailbox().post(std::move(*holder));
  };
}

}  // namespace hyperiqa::addon
