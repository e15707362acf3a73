#include "errors.h"

#include <exception>
#include <new>

namespace hyperiqa::addon {

namespace {

Error described() {
  try {
    throw;
  } catch (const Error& error) {
    return error;
  } catch (const std::bad_alloc&) {
    return {"ERR_OUT_OF_MEMORY", "Not enough memory."};
  } catch (const std::exception& error) {
    return {"ERR_INTERNAL", error.what()};
  } catch (...) {
    return {"ERR_INTERNAL", "An unknown native exception was thrown."};
  }
}

}  // namespace

Error current_error() noexcept {
  try {
    return described();
  } catch (...) {
    return no_memory();
  }
}

Napi::Error to_js(Napi::Env env, const Error& error) {
  Napi::Error result = Napi::Error::New(env, error.what());
  result.Value().Set("code", Napi::String::New(env, error.code()));
  return result;
}

Napi::Error with_code(Napi::Env env, const Napi::Error& error) {
  const Napi::Value value = error.Value();
  if (value.IsObject() && value.As<Napi::Object>().Get("code").IsString()) return error;
  return to_js(env, Error("ERR_INVALID_ARGUMENT", "Reading an argument failed: " + error.Message()));
}

}  // namespace hyperiqa::addon
