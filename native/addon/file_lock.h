/**
 * @file
 * Advisory locks of open files, which the system takes back when the process ends, however it ends.
 */
#pragma once

enum class FileLock {
  kTaken,
  /** Another open file description, of this process or of another one, has it. */
  kHeld,
  /** The system or the file system has no such locks. */
  kUnsupported,
};

/**
 * Takes the exclusive lock of a file without waiting: flock(2). It lasts until the descriptor is closed, works between
 * containers on one machine, and between NFS clients where the server has locks (the file must then be open for
 * writing).
 *
 * @throws std::system_error where the descriptor is none
 */
FileLock try_lock(int descriptor);
