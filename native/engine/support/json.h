/**
 * @file
 * A strict reader of JSON (RFC 8259) for the two small documents that the engine reads: the model's description and the
 * tuning cache. LibTorch ships no JSON library, and a build takes nothing else from outside.
 */
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace hyperiqa {

/** Text that is no JSON: what is wrong and at which byte. */
class JsonError : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct Json {
  using Array = std::vector<Json>;
  using Object = std::vector<std::pair<std::string, Json>>;  ///< in the order of the text, no key twice

  std::variant<std::nullptr_t, bool, double, std::string, Array, Object> value = nullptr;

  /** @throws JsonError for anything but exactly one JSON value; also for keys that occur twice and nesting beyond 64 */
  static Json parse(std::string_view text);

  /** The member of an object; null for a missing member and for anything that is not an object. */
  const Json* find(std::string_view key) const;

  bool is_null() const { return std::holds_alternative<std::nullptr_t>(value); }
  const bool* boolean() const { return std::get_if<bool>(&value); }
  const double* number() const { return std::get_if<double>(&value); }
  const std::string* string() const { return std::get_if<std::string>(&value); }
  const Array* array() const { return std::get_if<Array>(&value); }
  const Object* object() const { return std::get_if<Object>(&value); }
};

/** A string as a JSON string, quotes included. */
std::string json_quote(std::string_view text);

}  // namespace hyperiqa
