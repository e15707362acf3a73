#include "file_lock.h"

#ifndef _WIN32
#include <sys/file.h>

#include <cerrno>
#include <system_error>
#endif

#ifdef _WIN32

FileLock try_lock(int /*descriptor*/) {
  return FileLock::kUnsupported;
}

#else

FileLock try_lock(int descriptor) {
  while (flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno == EWOULDBLOCK) return FileLock::kHeld;
    if (errno == EBADF) throw std::system_error(errno, std::generic_category(), "The file cannot be locked");
    return FileLock::kUnsupported;
  }
  return FileLock::kTaken;
}

#endif
