/** @file The processor, and how much of it this process may use. */
#pragma once

#include <string>

namespace hyperiqa {

/** Physical cores available to the process: those of its affinity mask, hyper-threads of one core counted once, and no
 *  more than its cgroup's CPU quota. At least 1. */
int available_cores();

/** Name and vector extensions as LibTorch uses them, e.g. "AMD EPYC 7763 (AVX2)". */
std::string processor_name();

}  // namespace hyperiqa
