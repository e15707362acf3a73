#include "convert.h"

#include <array>
#include <cmath>
#include <initializer_list>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include "../engine/names.h"
#include "errors.h"

namespace hyperiqa::addon {

namespace {

constexpr int64_t kMaxSafeInteger = (int64_t{1} << 53) - 1;
/** Bound of sides and numbers here: far above what the engine accepts, far below where products of two overflow. */
constexpr int64_t kMaxInt = std::numeric_limits<int>::max();
/** More devices than this are a mistake, and a sparse array could claim billions. */
constexpr uint32_t kMaxDevices = 64;

int64_t to_integer(const Napi::Value& value, const std::string& what, int64_t minimum, int64_t maximum) {
  // NaN and infinities fail the comparisons; the bounds are exact as doubles.
  if (value.IsNumber()) {
    const double number = value.As<Napi::Number>().DoubleValue();
    if (number >= static_cast<double>(minimum) && number <= static_cast<double>(maximum) &&
        number == std::trunc(number)) {
      return static_cast<int64_t>(number);
    }
  }
  invalid(what + " must be a whole number between " + std::to_string(minimum) + " and " + std::to_string(maximum) +
          ".");
}

std::string to_text(const Napi::Value& value, const std::string& what) {
  if (!value.IsString()) invalid(what + " must be a string.");
  std::string text = value.As<Napi::String>();
  if (text.find('\0') != std::string::npos) invalid(what + " must not contain a NUL character.");
  return text;
}

/** The properties of an options object; every complaint names the property. */
class Options {
 public:
  Options(const Napi::Value& value, std::string name) : name_(std::move(name)) {
    if (!value.IsObject()) invalid(name_ + " must be an object.");
    object_ = value.As<Napi::Object>();
  }

  Napi::Value get(const char* key) const { return object_.Get(key); }
  std::string path(const char* key) const { return name_ + "." + key; }

  int64_t integer(const char* key, int64_t minimum, int64_t maximum) const {
    return to_integer(get(key), path(key), minimum, maximum);
  }
  int64_t integer_or(const char* key, int64_t absent, int64_t minimum, int64_t maximum) const {
    const Napi::Value value = get(key);
    return value.IsUndefined() ? absent : to_integer(value, path(key), minimum, maximum);
  }
  std::string text(const char* key) const { return to_text(get(key), path(key)); }
  bool boolean(const char* key) const {
    const Napi::Value value = get(key);
    if (!value.IsBoolean()) invalid(path(key) + " must be true or false.");
    return value.As<Napi::Boolean>();
  }
  template <typename T, size_t N>
  T one_of(const char* key, const Names<T, N>& names) const {
    const Napi::Value value = get(key);
    std::string list;
    const std::string text = value.IsString() ? std::string(value.As<Napi::String>()) : std::string();
    for (const auto& [name, result] : names) {
      if (value.IsString() && text == name) return result;
      list += (list.empty() ? "" : ", ") + std::string(name);
    }
    invalid(path(key) + " must be one of " + list + ".");
  }

 private:
  std::string name_;
  Napi::Object object_;
};

std::vector<std::string> to_devices(const Options& options) {
  const Napi::Value value = options.get("devices");
  const std::string what = options.path("devices");
  if (!value.IsArray()) invalid(what + " must be an array of strings.");
  const auto array = value.As<Napi::Array>();
  const uint32_t length = array.Length();
  if (length == 0 || length > kMaxDevices) {
    invalid(what + " must name 1 to " + std::to_string(kMaxDevices) + " devices.");
  }
  std::vector<std::string> devices;
  devices.reserve(length);
  for (uint32_t i = 0; i < length; ++i) devices.push_back(to_text(array.Get(i), what + "[" + std::to_string(i) + "]"));
  return devices;
}

std::string to_model_path(const Options& options) {
  std::string path = options.text("modelPath");
  if (path.empty()) invalid(options.path("modelPath") + " must not be empty.");
  return path;
}

Resize to_resize(const Options& options) {
  const Options from(options.get("resize"), options.path("resize"));
  Resize resize;
  resize.mode = from.one_of("mode", kResizeModeNames);
  if (resize.mode == Resize::Mode::Exact) {
    resize.width = from.integer("width", 1, kMaxInt);
    resize.height = from.integer("height", 1, kMaxInt);
  } else if (resize.mode == Resize::Mode::ShortSide) {
    resize.size = from.integer("size", 1, kMaxInt);
  }
  return resize;
}

CropPlan to_crops(const Options& options) {
  const Options from(options.get("crops"), options.path("crops"));
  CropPlan plan;
  plan.kind = from.one_of("plan", kCropPlanNames);
  if (plan.kind == CropPlan::Kind::Random) {
    plan.count = from.integer("count", 1, kMaxInt);
  } else if (plan.kind == CropPlan::Kind::Grid) {
    plan.rows = from.integer_or("rows", 0, 1, kMaxInt);
    plan.columns = from.integer_or("columns", 0, 1, kMaxInt);
  }
  return plan;
}

uint64_t to_seed(const Options& options) {
  const Napi::Value value = options.get("seed");
  if (value.IsBigInt()) {
    bool lossless = false;
    const uint64_t seed = value.As<Napi::BigInt>().Uint64Value(&lossless);
    if (lossless) return seed;
  }
  invalid(options.path("seed") + " must be a bigint between 0 and 2^64 - 1.");
}

Napi::Object object_of(Napi::Env env, std::initializer_list<std::pair<const char*, Napi::Value>> members) {
  auto object = Napi::Object::New(env);
  for (const auto& [name, value] : members) object.Set(name, value);
  return object;
}

Napi::Object to_js(Napi::Env env, const DeviceInfo& info) {
  auto device = Napi::Object::New(env);
  device.Set("id", info.id);
  device.Set("name", info.name);
  return device;
}

Napi::Array to_js(Napi::Env env, const std::vector<DeviceInfo>& devices) {
  auto array = Napi::Array::New(env, devices.size());
  for (uint32_t i = 0; i < devices.size(); ++i) array.Set(i, to_js(env, devices[i]));
  return array;
}

Napi::Array to_js(Napi::Env env, const std::vector<float>& values) {
  auto array = Napi::Array::New(env, values.size());
  for (uint32_t i = 0; i < values.size(); ++i) array.Set(i, values[i]);
  return array;
}

Napi::Value to_js(Napi::Env env, const std::optional<double>& value) {
  if (value) return Napi::Number::New(env, *value);
  return env.Null();
}

struct Memory {
  const uint8_t* data = nullptr;
  size_t length = 0;
  Napi::Value buffer;  // an ArrayBuffer or a SharedArrayBuffer
};

Memory memory_of(const Napi::Value& bytes) {
  const Napi::Env env = bytes.Env();
  size_t length = 0;
  void* data = nullptr;
  napi_value buffer = nullptr;
  if (napi_get_typedarray_info(env, bytes, nullptr, &length, &data, &buffer, nullptr) != napi_ok) {
    throw Napi::Error::New(env);
  }
  return {.data = static_cast<const uint8_t*>(data), .length = length, .buffer = Napi::Value(env, buffer)};
}

Napi::Number number(Napi::Env env, int64_t value) {
  return Napi::Number::New(env, static_cast<double>(value));
}

template <typename T, size_t N>
Napi::Array to_js(Napi::Env env, const Names<T, N>& names) {
  auto array = Napi::Array::New(env, N);
  for (uint32_t i = 0; i < N; ++i) array.Set(i, Napi::String::New(env, std::string(names[i].first)));
  return array;
}

}  // namespace

LoadOptions to_load_options(const Napi::Value& value) {
  const Options from(value, "options");
  LoadOptions options;
  options.model_path = to_model_path(from);
  options.trust_model = from.boolean("trustModel");
  options.devices = to_devices(from);
  options.dtype = from.one_of("dtype", kDtypeNames);
  options.threads = static_cast<int>(from.integer("threads", 0, kMaxInt));
  options.batch_size = from.integer("batchSize", 0, kMaxInt);
  options.graph_mode = from.one_of("graphMode", kGraphModeNames);
  options.tuning = from.boolean("tuning");
  options.tuning_file = from.text("tuningFile");
  options.self_check = from.boolean("selfCheck");
  options.max_queue_images = from.integer("maxQueueImages", 1, kMaxSafeInteger);
  options.max_queue_bytes = from.integer("maxQueueBytes", 1, kMaxSafeInteger);
  return options;
}

DetectorLoadOptions to_detector_load_options(const Napi::Value& value) {
  const Options from(value, "options");
  DetectorLoadOptions options;
  options.model_path = to_model_path(from);
  options.trust_model = from.boolean("trustModel");
  options.device = from.text("device");
  options.threads = static_cast<int>(from.integer("threads", 0, kMaxInt));
  options.self_check = from.boolean("selfCheck");
  options.max_queue_images = from.integer("maxQueueImages", 1, kMaxSafeInteger);
  options.max_queue_bytes = from.integer("maxQueueBytes", 1, kMaxSafeInteger);
  return options;
}

Napi::Value to_optional_function(const Napi::Value& value, const std::string& what) {
  if (!value.IsUndefined() && !value.IsFunction()) invalid(what + " must be a function, or left out.");
  return value;
}

DetectOptions to_detect_options(const Napi::Value& value) {
  const Options from(value, "options");
  const Napi::Value face = from.get("minimumFace");
  if (!face.IsNumber()) invalid(from.path("minimumFace") + " must be a number.");
  return {face.As<Napi::Number>().DoubleValue()};
}

ScoreOptions to_score_options(const Napi::Value& value) {
  const Options from(value, "options");
  ScoreOptions options;
  options.resize = to_resize(from);
  options.minimum_side = from.integer("minimumSide", 1, kMaxInt);
  options.crops = to_crops(from);
  options.seed = to_seed(from);
  const Napi::Value error = from.get("maxStandardError");
  if (!error.IsUndefined()) {
    const double bound = error.IsNumber() ? error.As<Napi::Number>().DoubleValue() : 0;
    if (!std::isfinite(bound) || bound <= 0) invalid("options.maxStandardError must be a finite number above 0.");
    options.max_standard_error = bound;
  }
  options.max_crops = from.integer_or("maxCrops", 0, 1, kMaxInt);
  return options;
}

Image to_image(const Napi::Value& pixels, const Napi::Value& width, const Napi::Value& height) {
  const int64_t columns = to_integer(width, "width", 1, kMaxInt);
  const int64_t rows = to_integer(height, "height", 1, kMaxInt);
  if (!pixels.IsTypedArray() || pixels.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) {
    invalid("pixels must be a Uint8Array.");
  }
  const Napi::Value buffer = memory_of(pixels).buffer;
  if (!buffer.IsArrayBuffer()) invalid("pixels must not lie in a SharedArrayBuffer: other threads could change them.");
  if (buffer.As<Napi::Object>().Get("resizable").ToBoolean())
    invalid("pixels must not lie in a resizable ArrayBuffer.");

  // Once more, because a property that the caller put there could have run JavaScript. From here on nothing does.
  const Memory memory = memory_of(pixels);
  bool detached = false;
  if (napi_is_detached_arraybuffer(pixels.Env(), memory.buffer, &detached) != napi_ok) {
    throw Napi::Error::New(pixels.Env());
  }
  if (detached) invalid("pixels has been detached (transferred to another thread).");
  // Division, because the product can exceed 64 bits.
  const auto count = static_cast<uint64_t>(columns) * static_cast<uint64_t>(rows);
  if (memory.length % 3 != 0 || memory.length / 3 != count) {
    throw Error("ERR_IMAGE_RAW_SIZE", "pixels has " + std::to_string(memory.length) + " bytes; an RGB image of " +
                                          std::to_string(columns) + "x" + std::to_string(rows) +
                                          " has width * height * 3.");
  }
  return {.data = memory.data, .width = columns, .height = rows};
}

uint64_t to_id(const Napi::Value& value) {
  return static_cast<uint64_t>(to_integer(value, "id", 0, kMaxSafeInteger));
}

uint64_t to_bytes(const Napi::Value& value) {
  return static_cast<uint64_t>(to_integer(value, "memoryBytes", 0, kMaxSafeInteger));
}

Napi::Value to_js(Napi::Env env, const SelfCheck& check) {
  auto result = Napi::Object::New(env);
  result.Set("expected", to_js(env, check.expected));
  result.Set("actual", to_js(env, check.actual));
  result.Set("largestDifference", check.largest_difference);
  result.Set("tolerance", check.tolerance);
  result.Set("passed", check.passed);
  return result;
}

Napi::Value to_js(Napi::Env env, const EngineInfo& info) {
  auto result = Napi::Object::New(env);
  result.Set("metadata", info.metadata);
  result.Set("devices", to_js(env, info.devices));
  result.Set("fallbackReason", info.fallback_reason);
  result.Set("dtype", name_of(kDtypeNames, info.dtype));
  result.Set("graphMode", name_of(kGraphModeNames, info.graph_mode));
  result.Set("workers", info.workers);
  result.Set("threadsPerWorker", info.threads_per_worker);
  result.Set("batchSize", number(env, info.batch_size));
  result.Set("tuning", name_of(kTuningNames, info.tuning));
  result.Set("selfCheck", info.self_check ? to_js(env, *info.self_check) : env.Null());
  return result;
}

Napi::Value to_js(Napi::Env env, const DetectorInfo& info) {
  auto result = Napi::Object::New(env);
  result.Set("metadata", info.metadata);
  result.Set("device", to_js(env, info.device));
  result.Set("fallbackReason", info.fallback_reason);
  result.Set("workers", info.workers);
  result.Set("selfCheck", info.self_check ? to_js(env, *info.self_check) : env.Null());
  return result;
}

Napi::Value to_js(Napi::Env env, const DetectionResult& result) {
  auto faces = Napi::Array::New(env, result.faces.size());
  for (uint32_t i = 0; i < result.faces.size(); ++i) {
    const Napi::HandleScope scope(env);
    const Face& face = result.faces[i];
    auto landmarks = Napi::Array::New(env, face.landmarks.size());
    for (uint32_t j = 0; j < face.landmarks.size(); ++j) {
      auto point = Napi::Object::New(env);
      point.Set("x", face.landmarks[j].x);
      point.Set("y", face.landmarks[j].y);
      landmarks.Set(j, point);
    }
    auto object = Napi::Object::New(env);
    object.Set("left", face.left);
    object.Set("top", face.top);
    object.Set("right", face.right);
    object.Set("bottom", face.bottom);
    object.Set("confidence", face.confidence);
    object.Set("landmarks", landmarks);
    faces.Set(i, object);
  }
  auto object = Napi::Object::New(env);
  object.Set("faces", faces);
  return object;
}

Napi::Value to_js(Napi::Env env, const ScoreResult& result) {
  auto crops = Napi::Array::New(env, result.crops.size());
  for (uint32_t i = 0; i < result.crops.size(); ++i) {
    const Napi::HandleScope scope(env);
    auto crop = Napi::Object::New(env);
    crop.Set("x", number(env, result.crops[i].x));
    crop.Set("y", number(env, result.crops[i].y));
    crop.Set("score", result.crops[i].score);
    crops.Set(i, crop);
  }
  auto object = Napi::Object::New(env);
  object.Set("score", result.score);
  object.Set("standardError", to_js(env, result.standard_error));
  object.Set("spread", to_js(env, result.spread));
  object.Set("crops", crops);
  object.Set("resizedWidth", number(env, result.resized_width));
  object.Set("resizedHeight", number(env, result.resized_height));
  object.Set("enlarged", result.enlarged);
  object.Set("standardErrorReached", result.standard_error_reached);
  return object;
}

Napi::Value to_js(Napi::Env env, const CudaReport& report) {
  auto result = Napi::Object::New(env);
  result.Set("available", report.available);
  result.Set("reason", report.reason);
  result.Set("devices", to_js(env, report.devices));
  return result;
}

Napi::Object limits(Napi::Env env) {
  return object_of(env, {{"threads", number(env, kMaxThreads)},
                         {"batchSize", number(env, kMaxBatchSize)},
                         {"side", number(env, kMaxSide)},
                         {"pixels", number(env, kMaxPixels)},
                         {"crops", number(env, kMaxCrops)}});
}

Napi::Object names(Napi::Env env) {
  return object_of(env, {{"dtype", to_js(env, kDtypeNames)},
                         {"graphMode", to_js(env, kGraphModeNames)},
                         {"tuning", to_js(env, kTuningNames)},
                         {"resize", to_js(env, kResizeModeNames)},
                         {"crops", to_js(env, kCropPlanNames)}});
}

}  // namespace hyperiqa::addon
