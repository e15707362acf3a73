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

/**
 * Stores a plan beside those of other keys, 256 at most. The file is read and replaced under a lock, so that none of
 * several writers loses what another has stored, and in one step, so that readers never see half of it. Where the file
 * system has no locks, of two that write at once one entry may be lost.
 *
 * @return false: not stored, because the file cannot be written or the lock could not be had for some seconds. The
 *   measurement then only has to be repeated.
 */
bool remember_plan(const std::string& file, const std::string& key, const ExecutionPlan& plan);

/** Path of the lock (LockFile) under which plans for the file are measured; its folder is made where it is missing. */
std::string measuring_lock(const std::string& file);

}  // namespace hyperiqa
