/** @file The words of the language in which TorchScript writes networks down. */
#pragma once

#include <string_view>

namespace hyperiqa {

/** True for words of the language and names that mean something to the loader: none can be the name of a value. */
bool is_reserved_word(std::string_view word);

/** True for "Tensor", "int" and the like. */
bool is_plain_type(std::string_view word);

/** True for "List" and the like, whose elements have types. */
bool is_container_type(std::string_view word);

/** True for "__name__". */
bool is_dunder(std::string_view name);

/** True for "_0", as TorchScript names what it writes down apart. */
bool is_generated(std::string_view name);

}  // namespace hyperiqa
