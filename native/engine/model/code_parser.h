/** @file The grammar of an archive's code. */
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include "model/code_check.h"

namespace hyperiqa {

/**
 * Reads one record and notes the names in it that only the whole archive gives a meaning.
 *
 * @param definitions  number of classes and functions so far, counted on
 * @throws ArchiveError
 */
void parse_code(const std::string& record, std::string_view text, std::map<std::string, CodeCheck::Unit>& units,
                CodeCheck::Names& names, size_t& definitions);

}  // namespace hyperiqa
