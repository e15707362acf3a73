#include "model/code_words.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace hyperiqa {
namespace {

constexpr auto kReserved = std::to_array<std::string_view>({
    "and",
    "as",
    "assert",
    "async",
    "await",
    "break",
    "class",
    "continue",
    "def",
    "del",
    "elif",
    "else",
    "except",
    "for",
    "from",
    "finally",
    "global",
    "if",
    "import",
    "in",
    "is",
    "lambda",
    "not",
    "nonlocal",
    "or",
    "pass",
    "raise",
    "return",
    "try",
    "while",
    "with",
    "yield",
    "None",
    "True",
    "False",
    "torch",
    "ops",
    "CONSTANTS",
    "__torch__",
    "annotate",
    "getattr",
    "range",
    "unchecked_cast",
    "uninitialized",
});

constexpr auto kPlainTypes = std::to_array<std::string_view>({"Tensor", "NoneType", "bool", "float", "int", "str"});
constexpr auto kContainerTypes = std::to_array<std::string_view>({"Final", "List", "Optional", "Tuple"});

template <size_t N>
bool is_one_of(const std::array<std::string_view, N>& list, std::string_view word) {
  return std::ranges::find(list, word) != list.end();
}

}  // namespace

bool is_reserved_word(std::string_view word) {
  return is_one_of(kReserved, word);
}

bool is_plain_type(std::string_view word) {
  return is_one_of(kPlainTypes, word);
}

bool is_container_type(std::string_view word) {
  return is_one_of(kContainerTypes, word);
}

bool is_dunder(std::string_view name) {
  return name.starts_with("__") && name.ends_with("__");
}

bool is_generated(std::string_view name) {
  return name.size() > 1 && name[0] == '_' &&
         std::ranges::all_of(name.substr(1), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace hyperiqa
