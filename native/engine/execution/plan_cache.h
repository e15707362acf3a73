/** @file Remembers measured CPU set-ups in a file, so that they are measured once a model and machine. */
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "engine.h"

namespace hyperiqa {

/** How a model is computed on the CPU. */
struct CpuSetup {
  GraphMode graph_mode = GraphMode::Freeze;
  int workers = 1;
  int threads_per_worker = 1;
  int64_t batch_size = 1;

  bool operator==(const CpuSetup&) const = default;
};

/** The set-up stored under `key`, each number within what a load takes (kMaxThreads, kMaxBatchSize); nothing if the
 * file, the entry or a part of it is missing, damaged or out of range, or the file is longer than 256 kB. Never throws
 * for the content of the file. */
std::optional<CpuSetup> recall_setup(const std::string& file, const std::string& key);

/** Stores a set-up beside those of other keys, 256 at most. The file is replaced in one step, so that other processes
 * never see half of it; of two that write at once one entry may be lost and will be measured again. A file that cannot
 * be written is left alone in silence: the measurement then only has to be repeated. */
void remember_setup(const std::string& file, const std::string& key, const CpuSetup& setup);

}  // namespace hyperiqa
