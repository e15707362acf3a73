/** @file The graph of a loaded module, before it runs for the first time. */
#pragma once

#include <torch/csrc/jit/api/module.h>

namespace hyperiqa {

/**
 * Checks that every node of every method and function of a module is on the list (operators.h), now that LibTorch has
 * decided what each name of the code means; that loops hold neither loops nor calls and run over the length of a list;
 * and that the module does not become too large when calls are replaced by what they call.
 *
 * @throws ArchiveError Forbidden, or Damaged for a graph that is too large
 */
void check_graphs(const torch::jit::Module& module);

}  // namespace hyperiqa
