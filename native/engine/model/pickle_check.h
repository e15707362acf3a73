/** @file The pickles of a TorchScript archive, read as data before LibTorch runs them. */
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace hyperiqa {

/**
 * Walks through the instructions of a pickle as TorchScript writes them (torch/csrc/jit/serialization/pickler.cpp,
 * protocol 2), in time linear in its length, without making anything of what it describes.
 *
 * Accepted are numbers, strings, tuples, lists and dictionaries; objects of the archive's own classes; tensors on the
 * CPU. Every tensor must lie within its storage, and every storage must have the size of its record: LibTorch checks
 * neither, and would read past the end. Values neither contain themselves nor change once something refers to them, and
 * nesting is limited, so that everything that walks through them later ends. Tensors have in all at most a few times
 * the elements of their storages.
 *
 * @param record       name of the pickle's record, for messages
 * @param record_size  bytes of the record of a storage by its key; nothing where there is none
 * @throws ArchiveError
 */
void check_pickle(const std::string& record, std::string_view bytes,
                  const std::function<std::optional<uint64_t>(std::string_view)>& record_size);

}  // namespace hyperiqa
