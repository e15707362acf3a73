/**
 * @file
 * Failures on their way to JavaScript: every one becomes an `Error` with a string `code`.
 */
#pragma once

#include <string>
#include <utility>

#include "../engine/engine.h"
#include "napi_setup.h"

namespace hyperiqa::addon {

/** The exception that is being handled, as an engine error: unknown ones become ERR_INTERNAL. Call inside `catch`. */
Error current_error() noexcept;

/** `Error` with `code`. */
Napi::Error to_js(Napi::Env env, const Error& error);

/** An error that JavaScript threw at us (a getter, a Proxy): unchanged with a `code`, else ERR_INVALID_ARGUMENT. */
Napi::Error with_code(Napi::Env env, const Napi::Error& error);

[[noreturn]] inline void invalid(const std::string& message) {
  throw Error("ERR_INVALID_ARGUMENT", message);
}

/** Runs a function that JavaScript called; whatever it throws leaves as a Napi::Error with a `code`. */
template <typename Body>
Napi::Value guarded(Napi::Env env, Body&& body) {
  try {
    return std::forward<Body>(body)();
  } catch (const Napi::Error& error) {
    throw with_code(env, error);
  } catch (...) {
    throw to_js(env, current_error());
  }
}

/** Runs a function that returns a promise; whatever it throws is a rejection. */
template <typename Body>
Napi::Value promised(Napi::Env env, Body&& body) {
  try {
    return guarded(env, std::forward<Body>(body));
  } catch (const Napi::Error& error) {
    auto deferred = Napi::Promise::Deferred::New(env);
    deferred.Reject(error.Value());
    return deferred.Promise();
  }
}

}  // namespace hyperiqa::addon
