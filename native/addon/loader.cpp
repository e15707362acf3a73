/**
 * @file
 * hyperiqa_loader.node: opens LibTorch's libraries by absolute path before hyperiqa.node is loaded, which then finds
 * them by name in the process. So one addon serves every folder and both the CPU and the CUDA build. Also locks files
 * for the command line, which needs no LibTorch for that. Must not depend on LibTorch itself.
 */
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#ifdef _WIN32
#include <windows.h>
#else
#include <dlfcn.h>
#include <unistd.h>
#ifdef __linux__
#include <link.h>
#endif
#endif

#include "file_lock.h"
#include "napi_setup.h"

namespace {

struct Failure {
  const char* code;
  std::string message;
};

[[noreturn]] void fail(const char* code, const std::string& message) {
  throw Failure{.code = code, .message = message};
}

#ifdef _WIN32

using Library = HMODULE;

std::string last_error() {
  return std::system_category().message(static_cast<int>(GetLastError()));
}

/** Path of a library of this file name that the process has open already. */
std::optional<std::filesystem::path> already_open(const std::filesystem::path& file) {
  const HMODULE module = GetModuleHandleW(file.filename().c_str());
  wchar_t path[32768];
  if (module == nullptr || GetModuleFileNameW(module, path, 32768) == 0) return std::nullopt;
  return std::filesystem::path(path);
}

Library open_library(const std::filesystem::path& file) {
  // Libraries that this one needs are looked for beside it.
  const Library library = LoadLibraryExW(file.c_str(), nullptr, LOAD_WITH_ALTERED_SEARCH_PATH);
  if (library == nullptr) fail("ERR_LIBTORCH_LOAD", file.string() + " cannot be loaded: " + last_error());
  return library;
}

/** The decorated name depends on the compiler, and the files' version has been checked before. */
std::optional<std::string> version_of(Library /*library*/) {
  return std::nullopt;
}

#else

using Library = void*;

/** Path of a library of this name that the process has open already, by us or by somebody else. */
std::optional<std::filesystem::path> already_open(const std::filesystem::path& file) {
#ifdef __linux__
  // Without a slash, the loader compares with the names of what is open; NOLOAD keeps it from searching further.
  void* const library = dlopen(file.filename().c_str(), RTLD_LAZY | RTLD_NOLOAD);
  if (library == nullptr) return std::nullopt;
  const link_map* map = nullptr;
  const bool known = dlinfo(library, RTLD_DI_LINKMAP, static_cast<void*>(&map)) == 0 && map != nullptr;
  std::optional<std::filesystem::path> path;
  if (known) path = map->l_name;
  dlclose(library);
  return path;
#else
  static_cast<void>(file);
  return std::nullopt;
#endif
}

Library open_library(const std::filesystem::path& file) {
  // GLOBAL: LibTorch's other libraries, opened later, and the addon must see one set of symbols and type information.
  // Never closed: LibTorch does not support being unloaded.
  void* const library = dlopen(file.c_str(), RTLD_NOW | RTLD_GLOBAL);
  if (library == nullptr) {
    const char* const reason = dlerror();
    fail("ERR_LIBTORCH_LOAD",
         file.string() + " cannot be loaded: " + (reason == nullptr ? "no reason was given" : reason));
  }
  return library;
}

/** Version that libtorch_cpu was built as, without a build suffix. From caffe2::GetBuildOptions(), which is a plain
 * table: at::show_config() would ask LibTorch's CUDA hooks, and the first question settles them on the CPU for the
 * whole process where libtorch_cuda is not open yet. */
std::optional<std::string> version_of(Library library) {
  void* symbol = dlsym(library, "_ZN6caffe215GetBuildOptionsB5cxx11Ev");            // libstdc++
  if (symbol == nullptr) symbol = dlsym(library, "_ZN6caffe215GetBuildOptionsEv");  // libc++
  if (symbol == nullptr) return std::nullopt;
  const auto& options = reinterpret_cast<const std::map<std::string, std::string>& (*)()>(symbol)();
  const auto found = options.find("TORCH_VERSION");
  if (found == options.end()) return std::nullopt;
  return found->second.substr(0, found->second.find('+'));
}

#endif

/** The libraries that this process has opened, in all its environments. */
struct State {
  std::mutex mutex;                     // held by whoever opens libraries
  std::atomic<Library> torch{nullptr};  // the last one of a set that was opened whole: libtorch_cpu
};

State& state() {
  // Never destroyed: workers may outlast static objects.
  static auto* const instance = new State;  // NOLINT(cppcoreguidelines-owning-memory)
  return *instance;
}

Library open_one(const std::filesystem::path& file) {
  std::error_code error;
  if (!std::filesystem::exists(file, error)) fail("ERR_LIBTORCH_LOAD", file.string() + " is not there.");
  // A second copy of LibTorch would share some symbols with the first and not others.
  if (const auto other = already_open(file)) {
    if (!std::filesystem::equivalent(*other, file, error)) {
      fail("ERR_LIBTORCH_LOAD", "This process has opened " + other->string() + " already; it cannot use " +
                                    file.string() + " as well. Use one LibTorch in a process.");
    }
  }
  return open_library(file);
}

std::vector<std::filesystem::path> to_paths(const Napi::Value& value) {
  constexpr uint32_t kMaxLibraries = 64;
  if (!value.IsArray()) fail("ERR_INVALID_ARGUMENT", "paths must be an array of absolute paths.");
  const auto array = value.As<Napi::Array>();
  if (array.Length() == 0 || array.Length() > kMaxLibraries) {
    fail("ERR_INVALID_ARGUMENT", "paths must name 1 to " + std::to_string(kMaxLibraries) + " libraries.");
  }
  std::vector<std::filesystem::path> paths;
  for (uint32_t i = 0; i < array.Length(); ++i) {
    const Napi::Value element = array.Get(i);
    if (!element.IsString()) fail("ERR_INVALID_ARGUMENT", "paths must be an array of absolute paths.");
    const std::u16string text = element.As<Napi::String>();
    paths.emplace_back(text);
    if (text.find(u'\0') != std::u16string::npos || !paths.back().is_absolute()) {
      fail("ERR_INVALID_ARGUMENT", "paths must be an array of absolute paths.");
    }
  }
  return paths;
}

Napi::Error to_js(Napi::Env env, const char* code, const std::string& message) {
  auto error = Napi::Error::New(env, message);
  error.Value().Set("code", code);
  return error;
}

template <typename Body>
Napi::Value guarded(Napi::Env env, Body&& body) {
  try {
    return std::forward<Body>(body)();
  } catch (const Failure& failure) {
    throw to_js(env, failure.code, failure.message);
  } catch (const Napi::Error& error) {
    throw to_js(env, "ERR_INVALID_ARGUMENT", "Reading an argument failed: " + error.Message());
  } catch (const std::bad_alloc&) {
    throw to_js(env, "ERR_OUT_OF_MEMORY", "Not enough memory.");
  } catch (const std::exception& error) {
    throw to_js(env, "ERR_INTERNAL", error.what());
  } catch (...) {
    throw to_js(env, "ERR_INTERNAL", "An unknown native exception was thrown.");
  }
}

/** Opens libraries on a thread of libuv's pool: relocating and initialising LibTorch takes some tenths of a second,
 * which the event loop is not to be kept from. Node.js waits for it before it takes an environment down. */
class Opening : public Napi::AsyncWorker {
 public:
  Opening(Napi::Env env, std::vector<std::filesystem::path> paths)
      : Napi::AsyncWorker(env, "hyperiqa:open"),
        deferred_(Napi::Promise::Deferred::New(env)),
        paths_(std::move(paths)) {}

  Napi::Promise promise() const { return deferred_.Promise(); }

 protected:
  void Execute() override {
    try {
      const std::scoped_lock lock(state().mutex);
      Library last = nullptr;
      for (const auto& path : paths_) last = open_one(path);
      state().torch = last;
    } catch (const Failure& failure) {
      failure_ = failure;
    } catch (const std::bad_alloc&) {
      failure_ = Failure{.code = "ERR_OUT_OF_MEMORY", .message = "Not enough memory."};
    } catch (const std::exception& error) {
      failure_ = Failure{.code = "ERR_INTERNAL", .message = error.what()};
    }
  }

  void OnOK() override {
    if (failure_) {
      deferred_.Reject(to_js(Env(), failure_->code, failure_->message).Value());
    } else {
      deferred_.Resolve(Env().Undefined());
    }
  }

 private:
  Napi::Promise::Deferred deferred_;
  std::vector<std::filesystem::path> paths_;
  std::optional<Failure> failure_;
};

/** Rejects what it does not take, as every function with a promise does. */
Napi::Value open(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  try {
    return guarded(env, [&] {
      auto opening = std::make_unique<Opening>(env, to_paths(info[0]));
      const Napi::Promise promise = opening->promise();
      opening.release()->Queue();  // deletes itself once it is done
      return promise;
    });
  } catch (const Napi::Error& error) {
    const auto deferred = Napi::Promise::Deferred::New(env);
    deferred.Reject(error.Value());
    return deferred.Promise();
  }
}

Napi::Value libtorch_version(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return guarded(env, [&]() -> Napi::Value {
    // Without the lock: another environment may be opening libraries, which takes long.
    void* const torch = state().torch;
    const auto version = torch != nullptr ? version_of(torch) : std::nullopt;
    if (!version) return env.Null();
    return Napi::String::New(env, *version);
  });
}

Napi::Value try_lock_file(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return guarded(env, [&]() -> Napi::Value {
    if (!info[0].IsNumber()) fail("ERR_INVALID_ARGUMENT", "descriptor must be a file descriptor.");
    switch (try_lock(info[0].As<Napi::Number>().Int32Value())) {
      case FileLock::kTaken:
        return Napi::Boolean::New(env, true);
      case FileLock::kHeld:
        return Napi::Boolean::New(env, false);
      case FileLock::kUnsupported:
        break;
    }
    return env.Null();
  });
}

/**
 * Ends the process without the destructors of libraries' static objects: LibTorch unregisters its operators one by one
 * for a tenth of a second, and a thread that still computes must not meet a library that is half taken down. Node.js
 * has finished its own work by then. Not for sanitizer builds, which report at exit.
 */
Napi::Value skip_teardown(const Napi::CallbackInfo& info) {
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  static std::atomic_flag registered;
  if (!registered.test_and_set()) {
    // Handlers run last in, first out: those registered later, by libraries opened later, still run.
    static_cast<void>(on_exit(
        [](int status, void*) {
          static_cast<void>(std::fflush(nullptr));
          _exit(status);
        },
        nullptr));
  }
#endif
  return info.Env().Undefined();
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  exports.Set("builtForLibtorch", Napi::String::New(env, HYPERIQA_LIBTORCH_VERSION));
  exports.Set("open", Napi::Function::New(env, open, "open"));
  exports.Set("libtorchVersion", Napi::Function::New(env, libtorch_version, "libtorchVersion"));
  exports.Set("skipTeardown", Napi::Function::New(env, skip_teardown, "skipTeardown"));
  exports.Set("tryLock", Napi::Function::New(env, try_lock_file, "tryLock"));
  return exports;
}

}  // namespace

NODE_API_MODULE(hyperiqa_loader, init)
