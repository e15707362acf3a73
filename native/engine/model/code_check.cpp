#include "model/code_check.h"

#include <algorithm>

#include "model/archive_error.h"
#include "model/code_parser.h"
#include "model/code_tokens.h"

namespace hyperiqa {
namespace {

// Functions that are compiled one within the other: 13 in the known networks. A thread's stack of 8 MB has room for
// some 700 (measured), and some systems give threads 512 kB.
constexpr int kMaxChain = 32;

}  // namespace

void CodeCheck::add(const std::string& record, std::string_view text) {
  parse_code(record, text, units_, names_, definitions_);
}

/** Functions in the longest chain that begins with a unit. */
int CodeCheck::chain(const std::string& path, std::map<std::string, int>& known) const {
  constexpr int kOpen = -1;
  const Unit& unit = units_.at(path);
  const auto [entry, fresh] = known.try_emplace(path, kOpen);
  if (!fresh && entry->second == kOpen) damaged("its code refers to " + path + " in a circle.");
  if (!fresh) return entry->second;
  int longest = 0;
  for (const std::string& reference : unit.references) {
    if (reference != path && units_.contains(reference)) longest = std::max(longest, chain(reference, known));
  }
  // A class without functions counts as one: it is read within the one that names it, too.
  const int length = longest + std::max(unit.functions, 1);
  if (length > kMaxChain)
    damaged("the classes and functions of its code form a chain of more than " + std::to_string(kMaxChain) + '.');
  return known[path] = length;
}

void CodeCheck::finish() const {
  for (const auto& [name, place] : names_.reads) {
    if (names_.text_attributes.contains(name)) code_forbidden(place.record, place.line, "it reads the text " + name);
  }
  for (const auto& [name, place] : names_.calls) {
    if (!names_.methods.contains(name) || is_operator_(name)) {
      code_forbidden(place.record, place.line, "it calls the method " + name);
    }
  }
  std::map<std::string, int> known;
  for (const auto& [path, unit] : units_) chain(path, known);
}

}  // namespace hyperiqa
