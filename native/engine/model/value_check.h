/** @file The values in the attributes of a module, compared with their declared types. */
#pragma once

#include <torch/csrc/jit/api/module.h>

namespace hyperiqa {

/**
 * LibTorch fills attributes with whatever the pickle holds and compiles methods by the declared types, so a tuple that
 * is too short or an object of another class would be read past its end.
 *
 * @throws ArchiveError where an attribute, at any depth, holds a value of another type
 */
void check_values(const torch::jit::Module& module);

}  // namespace hyperiqa
