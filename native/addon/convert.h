/**
 * @file
 * Values of binding.d.ts to the engine's and back. Every argument is checked here again, whatever TypeScript checked,
 * so that no call can crash the process; failures are Errors that name the argument.
 */
#pragma once

#include <string>

#include "../engine/engine.h"
#include "../engine/face_detector.h"
#include "napi_setup.h"

namespace hyperiqa::addon {

/** @throws Error ERR_INVALID_ARGUMENT */
LoadOptions to_load_options(const Napi::Value& value);

/** @throws Error ERR_INVALID_ARGUMENT */
DetectorLoadOptions to_detector_load_options(const Napi::Value& value);

/** @throws Error ERR_INVALID_ARGUMENT */
DetectOptions to_detect_options(const Napi::Value& value);

/** @throws Error ERR_INVALID_ARGUMENT */
ScoreOptions to_score_options(const Napi::Value& value);

/**
 * The pixels of an interleaved RGB image in place. Call it after everything that can run JavaScript (getters of
 * options): nothing may come between this check and the use of the memory.
 * @throws Error ERR_INVALID_ARGUMENT for what is not a Uint8Array over fixed, unshared, attached memory;
 *   ERR_IMAGE_RAW_SIZE where it has not width·height·3 bytes
 */
Image to_image(const Napi::Value& pixels, const Napi::Value& width, const Napi::Value& height);

/** A function or undefined. @throws Error ERR_INVALID_ARGUMENT */
Napi::Value to_optional_function(const Napi::Value& value, const std::string& what);

/** A whole number between 0 and 2⁵³ − 1. @throws Error ERR_INVALID_ARGUMENT */
uint64_t to_id(const Napi::Value& value);

/** A whole number between 0 and 2⁵³ − 1. @throws Error ERR_INVALID_ARGUMENT */
uint64_t to_bytes(const Napi::Value& value);

Napi::Value to_js(Napi::Env env, const EngineInfo& info);
Napi::Value to_js(Napi::Env env, const ScoreResult& result);
Napi::Value to_js(Napi::Env env, const DetectorInfo& info);
Napi::Value to_js(Napi::Env env, const DetectionResult& result);
Napi::Value to_js(Napi::Env env, const SelfCheck& check);
Napi::Value to_js(Napi::Env env, const CudaReport& report);

/** The bounds of engine.h. */
Napi::Object limits(Napi::Env env);
/** The tables of names.h. */
Napi::Object names(Napi::Env env);

}  // namespace hyperiqa::addon
