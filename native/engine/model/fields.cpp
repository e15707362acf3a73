#include "model/fields.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine.h"

namespace hyperiqa {
namespace {

constexpr double kFormatVersion = 1;

}  // namespace

void refuse_metadata(const std::string& reason) {
  throw Error("ERR_MODEL_FORMAT", "The model's hyperiqa.json is not valid: " + reason + ".");
}

Json parse_description(const std::string& text) {
  try {
    return Json::parse(text);
  } catch (const JsonError& error) {
    refuse_metadata(std::string("it is no JSON, ") + error.what());
  }
}

Fields::Fields(const Json& json, std::string path) : json_(json), path_(std::move(path)) {
  if (!json_.object()) refuse_metadata((path_.empty() ? "it" : path_) + " must be an object");
}

Fields Fields::object(std::string_view key) const {
  return {required(key), name(key)};
}

const std::string& Fields::string(std::string_view key) const {
  const auto* found = required(key).string();
  if (!found) refuse_metadata(name(key) + " must be a string");
  return *found;
}

size_t Fields::one_of(std::string_view key, std::span<const std::string_view> known) const {
  const std::string& found = string(key);
  const auto place = std::ranges::find(known, found);
  if (place == known.end()) {
    std::string list;
    for (const auto value : known) list += (list.empty() ? "\"" : " or \"") + std::string(value) + '"';
    refuse_metadata(name(key) + " is \"" + found + "\", and this version of hyperiqa knows only " + list);
  }
  return static_cast<size_t>(place - known.begin());
}

bool Fields::boolean(std::string_view key) const {
  const auto* found = required(key).boolean();
  if (!found) refuse_metadata(name(key) + " must be true or false");
  return *found;
}

double Fields::number(std::string_view key) const {
  const auto* found = required(key).number();
  if (!found) refuse_metadata(name(key) + " must be a number");
  return *found;
}

double Fields::integer(std::string_view key, double minimum, double maximum) const {
  const auto* found = required(key).number();
  if (!found || *found != std::floor(*found) || *found < minimum || *found > maximum) {
    refuse_metadata(name(key) + " must be an integer from " + std::to_string(std::llround(minimum)) + " to " +
                    std::to_string(std::llround(maximum)));
  }
  return *found;
}

const std::string& Fields::sha256(std::string_view key) const {
  const std::string& found = string(key);
  const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  if (found.size() != 64 || !std::ranges::all_of(found, is_digit)) {
    refuse_metadata(name(key) + " must be 64 hexadecimal digits in lower case");
  }
  return found;
}

std::vector<double> Fields::numbers(std::string_view key, size_t count) const {
  const auto* found = required(key).array();
  std::vector<double> result;
  if (found) {
    for (const Json& item : *found) {
      if (const auto* number = item.number()) result.push_back(*number);
    }
  }
  if (!found || found->size() != count || result.size() != count) {
    refuse_metadata(name(key) + " must be a list of " + std::to_string(count) + " numbers");
  }
  return result;
}

std::string Fields::name(std::string_view key) const {
  return path_.empty() ? std::string(key) : path_ + '.' + std::string(key);
}

const Json& Fields::required(std::string_view key) const {
  const Json* found = json_.find(key);
  if (!found) refuse_metadata(name(key) + " is missing");
  return *found;
}

std::string check_common_fields(const Fields& fields) {
  if (fields.integer("formatVersion", 1, std::numeric_limits<int>::max()) > kFormatVersion) {
    refuse_metadata("formatVersion is greater than 1; a newer hyperiqa is needed for this model");
  }
  fields.string("name");
  fields.string("version");
  const Fields training = fields.object("training");
  training.string("dataset");
  training.string("description");
  fields.string("licence");
  if (!fields.is_null("sourceSha256")) fields.sha256("sourceSha256");
  const Fields exporter = fields.object("exporter");
  exporter.string("torch");
  exporter.string("hyperiqa");
  return fields.sha256("weightsSha256");
}

CheckValues read_check_values(const Fields& fields, std::string_view key, size_t count) {
  const Fields self_check = fields.object("selfCheck");
  CheckValues result;
  for (const double value : self_check.numbers(key, count)) result.values.push_back(static_cast<float>(value));
  result.tolerance = self_check.number("tolerance");
  if (result.tolerance <= 0) refuse_metadata("selfCheck.tolerance must be greater than 0");
  return result;
}

void check_decode(const Fields& decode) {
  decode.one_of("iccProfile", {"ignore", "srgb"});
  decode.one_of("alpha", {"drop", "white"});
  decode.one_of("orientation", {"ignore", "exif"});
}

}  // namespace hyperiqa
