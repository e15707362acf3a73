/** @file Remembers measured execution plans in a file, so that they are measured once a model and machine. */
#pragma once

#include <optional>
#include <string>

#include "execution/execution_plan.h"

namespace hyperiqa {

/** The plan stored under `key`, each number within what a load takes (kMaxThreads, kMaxBatchSize); nothing if the
 * file, the entry or a part of it is missing, damaged or out of range, or the file is longer than 256 kB. Never throws
 * for the content of the file. */
std::optional<ExecutionPlan> recall_plan(const std::string& file, const std::string& key);

/** Stores a plan beside those of other keys, 256 at most. The file is replaced in one step, so that other processes
 * never see half of it; of two that write at once one entry may be lost and will be measured again. A file that cannot
 * be written is left alone in silence: the measurement then only has to be repeated. */
void remember_plan(const std::string& file, const std::string& key, const ExecutionPlan& plan);

}  // namespace hyperiqa
