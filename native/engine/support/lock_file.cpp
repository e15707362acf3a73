#include "support/lock_file.h"

#include <thread>

#ifdef _WIN32
#include <windows.h>

#include <filesystem>
#else
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#endif

namespace hyperiqa {
namespace {

constexpr std::chrono::milliseconds kInterval{50};  // between two tries

}  // namespace

#ifdef _WIN32

// A file that is open without sharing is the lock; it is removed with its last handle.
LockFile::State LockFile::try_take() {
  const HANDLE file = CreateFileW(std::filesystem::path(path_).c_str(), GENERIC_WRITE, 0, nullptr, OPEN_ALWAYS,
                                  FILE_FLAG_DELETE_ON_CLOSE, nullptr);
  if (file == INVALID_HANDLE_VALUE) {
    return GetLastError() == ERROR_SHARING_VIOLATION ? State::Held : State::Unavailable;
  }
  file_ = file;
  return State::Taken;
}

void LockFile::release() noexcept {
  if (file_ != nullptr) CloseHandle(file_);
  file_ = nullptr;
}

#else

LockFile::State LockFile::try_take() {
  // CLOEXEC: a child process would keep the lock. NONBLOCK: opening a named pipe would wait for its reader.
  constexpr int kFlags = O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
  // flock needs no right to write, except over NFS: the file may have been left behind by another user.
  int file = open(path_.c_str(), O_RDWR | kFlags, 0666);
  if (file < 0 && errno == EACCES) file = open(path_.c_str(), O_RDONLY | kFlags, 0666);
  if (file < 0) return State::Unavailable;
  int failure = 0;
  do {
    failure = flock(file, LOCK_EX | LOCK_NB) == 0 ? 0 : errno;
  } while (failure == EINTR);
  if (failure != 0) {
    close(file);
    return failure == EWOULDBLOCK ? State::Held : State::Unavailable;
  }
  // The holder before may have removed the file after it was opened here: then others lock another file of this name.
  struct stat locked{};
  struct stat named{};
  if (fstat(file, &locked) != 0 || stat(path_.c_str(), &named) != 0 || locked.st_dev != named.st_dev ||
      locked.st_ino != named.st_ino) {
    close(file);
    return State::Held;
  }
  file_ = file;
  return State::Taken;
}

void LockFile::release() noexcept {
  if (file_ < 0) return;
  // Removed while it is locked: afterwards it could be the lock of somebody else.
  unlink(path_.c_str());
  close(file_);
  file_ = -1;
}

#endif

LockFile::State LockFile::take_within(std::chrono::milliseconds bound, const std::function<bool()>& look) {
  const auto deadline = std::chrono::steady_clock::now() + bound;
  for (;;) {
    const State state = try_take();
    if (state != State::Held || look() || std::chrono::steady_clock::now() >= deadline) return state;
    std::this_thread::sleep_for(kInterval);
  }
}

}  // namespace hyperiqa
