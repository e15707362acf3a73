/** @file Locks between processes. */
#pragma once

#include <chrono>
#include <functional>
#include <string>

namespace hyperiqa {

/**
 * A lock that one holder at a time has, of all threads and processes that use the same path. The system takes it back
 * when the process ends, however it ends. Its empty file is there only while it is held, unless a process was killed
 * with it; such a file hinders nobody.
 */
class LockFile {
 public:
  enum class State {
    Taken,
    Held,         ///< somebody else has it
    Unavailable,  ///< the folder cannot be written, or its file system has no locks
  };

  /** @param path  in a folder that exists */
  explicit LockFile(std::string path) : path_(std::move(path)) {}
  ~LockFile() { release(); }
  LockFile(const LockFile&) = delete;
  LockFile& operator=(const LockFile&) = delete;

  /** Takes the lock without waiting. May be called again after Held and Unavailable. */
  State try_take();

  /**
   * Takes the lock, and waits for it where somebody else has it.
   *
   * @param bound  after which the wait ends with Held
   * @param look   called between two tries, some twenty times a second; the wait ends with Held when it returns true,
   * and with its exception when it throws
   */
  State take_within(std::chrono::milliseconds bound, const std::function<bool()>& look);

 private:
  void release() noexcept;

  std::string path_;
#ifdef _WIN32
  void* file_ = nullptr;
#else
  int file_ = -1;
#endif
};

}  // namespace hyperiqa
