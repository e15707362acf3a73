/** @file The fields of hyperiqa.json, asked for by name and type. */
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "names.h"
#include "support/json.h"

namespace hyperiqa {

/** @throws Error ERR_MODEL_FORMAT: the description is not valid, for this reason */
[[noreturn]] void refuse_metadata(const std::string& reason);

/** The description as JSON. @throws Error ERR_MODEL_FORMAT */
Json parse_description(const std::string& text);

/** One object of the description. Every complaint (Error ERR_MODEL_FORMAT) names the field and what it must be. */
class Fields {
 public:
  /** @param json must outlive this  @param path  path of the object, "" for the whole description */
  Fields(const Json& json, std::string path);

  Fields object(std::string_view key) const;
  const std::string& string(std::string_view key) const;
  /** The index of the field's text in `known`. */
  size_t one_of(std::string_view key, std::span<const std::string_view> known) const;
  template <size_t N>
  size_t one_of(std::string_view key, const std::string_view (&known)[N]) const {
    return one_of(key, std::span<const std::string_view>(known));
  }
  template <typename T, size_t N>
  T one_of(std::string_view key, const Names<T, N>& names) const {
    std::array<std::string_view, N> known;
    for (size_t i = 0; i < N; ++i) known[i] = names[i].first;
    return names[one_of(key, std::span<const std::string_view>(known))].second;
  }
  bool boolean(std::string_view key) const;
  double number(std::string_view key) const;
  double integer(std::string_view key, double minimum, double maximum) const;
  const std::string& sha256(std::string_view key) const;
  std::vector<double> numbers(std::string_view key, size_t count) const;
  bool has(std::string_view key) const { return json_.find(key) != nullptr; }
  bool is_null(std::string_view key) const { return required(key).is_null(); }
  std::string name(std::string_view key) const;

 private:
  const Json& required(std::string_view key) const;

  const Json& json_;
  std::string path_;
};

/** Checks the fields that all kinds of models have: format version, name, version, training, licence, source, exporter.
 *  @return the weights' SHA-256 */
std::string check_common_fields(const Fields& fields);

/** Check values of a description, and the largest difference from them that is accepted. */
struct CheckValues {
  std::vector<float> values;
  double tolerance = 0;
};

/** @param key  the list of `count` values in the description's `selfCheck`  @throws Error ERR_MODEL_FORMAT */
CheckValues read_check_values(const Fields& fields, std::string_view key, size_t count);

/** @throws Error ERR_MODEL_FORMAT unless it is a decode policy */
void check_decode(const Fields& decode);

}  // namespace hyperiqa
