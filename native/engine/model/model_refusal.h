/** @file Errors of model files: the same words wherever the fault is found. */
#pragma once

#include <string>

#include "model/archive_error.h"

namespace hyperiqa {

/** @throws Error ERR_MODEL_FORMAT */
[[noreturn]] void refuse_model(const std::string& path, const std::string& reason);

/** Refuses content that would work, but that no model of hyperiqa needs. @throws Error ERR_MODEL_UNTRUSTED */
[[noreturn]] void distrust_model(const std::string& path, const std::string& reason);

/** Refuses by the kind of the fault. @throws Error as the two others */
[[noreturn]] void refuse_model(const std::string& path, const ArchiveError& fault);

}  // namespace hyperiqa
