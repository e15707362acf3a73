#include "metadata.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <limits>
#include <string_view>

#include "engine.h"
#include "json.h"
#include "self_check.h"

namespace hyperiqa {
namespace {

constexpr double kFormatVersion = 1;
constexpr double kMaxSide = 65536;
constexpr double kMaxCrops = 1e6;

[[noreturn]] void refuse(const std::string& reason) {
  throw Error("ERR_MODEL_FORMAT", "The model's hyperiqa.json is not valid: " + reason + ".");
}

/** The fields of one object of the description, each asked for by name and type. */
class Fields {
 public:
  Fields(const Json& json, std::string path) : json_(json), path_(std::move(path)) {
    if (!json_.object()) refuse((path_.empty() ? "it" : path_) + " must be an object");
  }

  Fields object(std::string_view key) const { return {required(key), name(key)}; }

  const std::string& string(std::string_view key) const {
    const auto* found = required(key).string();
    if (!found) refuse(name(key) + " must be a string");
    return *found;
  }

  const std::string& one_of(std::string_view key, std::initializer_list<std::string_view> known) const {
    const std::string& found = string(key);
    if (std::ranges::find(known, found) == known.end()) {
      std::string list;
      for (const auto value : known) list += (list.empty() ? "\"" : " or \"") + std::string(value) + '"';
      refuse(name(key) + " is \"" + found + "\", and this version of hyperiqa knows only " + list);
    }
    return found;
  }

  bool boolean(std::string_view key) const {
    const auto* found = required(key).boolean();
    if (!found) refuse(name(key) + " must be true or false");
    return *found;
  }

  double number(std::string_view key) const {
    const auto* found = required(key).number();
    if (!found) refuse(name(key) + " must be a number");
    return *found;
  }

  double integer(std::string_view key, double minimum, double maximum) const {
    const auto* found = required(key).number();
    if (!found || *found != std::floor(*found) || *found < minimum || *found > maximum) {
      refuse(name(key) + " must be an integer from " + std::to_string(std::llround(minimum)) + " to " +
             std::to_string(std::llround(maximum)));
    }
    return *found;
  }

  const std::string& sha256(std::string_view key) const {
    const std::string& found = string(key);
    const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
    if (found.size() != 64 || !std::ranges::all_of(found, is_digit)) {
      refuse(name(key) + " must be 64 hexadecimal digits in lower case");
    }
    return found;
  }

  std::vector<double> numbers(std::string_view key, size_t count) const {
    const auto* found = required(key).array();
    std::vector<double> result;
    if (found) {
      for (const Json& item : *found) {
        if (const auto* number = item.number()) result.push_back(*number);
      }
    }
    if (!found || found->size() != count || result.size() != count) {
      refuse(name(key) + " must be a list of " + std::to_string(count) + " numbers");
    }
    return result;
  }

  bool has(std::string_view key) const { return json_.find(key) != nullptr; }
  bool is_null(std::string_view key) const { return required(key).is_null(); }
  std::string name(std::string_view key) const {
    return path_.empty() ? std::string(key) : path_ + '.' + std::string(key);
  }

 private:
  const Json& required(std::string_view key) const {
    const Json* found = json_.find(key);
    if (!found) refuse(name(key) + " is missing");
    return *found;
  }

  const Json& json_;
  std::string path_;
};

void check_resize(const Fields& resize) {
  const std::string& mode = resize.one_of("mode", {"none", "exact", "short-side"});
  if (mode == "exact") {
    resize.integer("width", 1, kMaxSide);
    resize.integer("height", 1, kMaxSide);
  } else if (mode == "short-side") {
    resize.integer("size", 1, kMaxSide);
  }
}

void check_crops(const Fields& crops) {
  const std::string& plan = crops.one_of("plan", {"random", "grid", "pyiqa", "center"});
  if (plan == "random") {
    crops.integer("count", 1, kMaxCrops);
  } else if (plan == "grid" && (crops.has("rows") || crops.has("columns"))) {
    const double rows = crops.integer("rows", 1, kMaxCrops);
    const double columns = crops.integer("columns", 1, kMaxCrops);
    if (rows * columns > kMaxCrops) refuse(crops.name("rows") + " times columns is more than a million");
  }
}

void check_protocol(const Fields& protocol) {
  protocol.string("name");
  const Fields decode = protocol.object("decode");
  decode.one_of("iccProfile", {"ignore", "srgb"});
  decode.one_of("alpha", {"drop", "white"});
  decode.one_of("orientation", {"ignore", "exif"});
  check_resize(protocol.object("resize"));
  protocol.integer("minimumSide", kPatchSize, kMaxSide);
  check_crops(protocol.object("crops"));
}

Json parse_json(const std::string& text) {
  try {
    return Json::parse(text);
  } catch (const JsonError& error) {
    refuse(std::string("it is no JSON, ") + error.what());
  }
}

}  // namespace

Metadata parse_metadata(const std::string& text) {
  const Json json = parse_json(text);
  const Fields fields(json, "");

  if (fields.integer("formatVersion", 1, std::numeric_limits<int>::max()) > kFormatVersion) {
    refuse("formatVersion is greater than 1; a newer hyperiqa is needed for this model");
  }
  fields.one_of("kind", {"quality"});
  fields.string("name");
  fields.string("version");
  fields.one_of("architecture", {"hyperiqa"});
  fields.one_of("backbone", {"resnet50", "efficientnet_lite0"});
  fields.integer("patchSize", kPatchSize, kPatchSize);
  const Fields training = fields.object("training");
  training.string("dataset");
  training.string("description");
  fields.string("licence");
  if (!fields.is_null("sourceSha256")) fields.sha256("sourceSha256");
  check_protocol(fields.object("protocol"));
  check_resize(fields.object("datasetResize"));
  const Fields exporter = fields.object("exporter");
  exporter.string("torch");
  exporter.string("hyperiqa");

  Metadata result;
  result.text = text;
  result.weights_sha256 = fields.sha256("weightsSha256");

  const Fields score = fields.object("score");
  result.minimum = score.number("minimum");
  result.maximum = score.number("maximum");
  if (result.minimum >= result.maximum) refuse("score.minimum must be below score.maximum");
  score.boolean("bounded");
  score.boolean("higherIsBetter");
  score.string("meaning");

  const Fields self_check = fields.object("selfCheck");
  for (const double value : self_check.numbers("scores", kCheckPatches)) {
    result.check_scores.push_back(static_cast<float>(value));
  }
  result.check_tolerance = self_check.number("tolerance");
  if (result.check_tolerance <= 0) refuse("selfCheck.tolerance must be greater than 0");
  return result;
}

}  // namespace hyperiqa
