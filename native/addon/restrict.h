/** @file Limits of a process that tries what is not trusted. */
#pragma once

#include <cstdint>

namespace hyperiqa::addon {

/** Bounds what this process can do from now on, for good: files written (none), core dumps (none) and memory beyond
 * what it has. Where the system has no such limits, nothing happens.
 *  @param memory  bytes of data that may be allocated from now on */
void restrict_process(uint64_t memory);

}  // namespace hyperiqa::addon
