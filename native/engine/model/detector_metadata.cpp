#include "model/detector_metadata.h"

#include <utility>

#include "model/fields.h"
#include "support/json.h"

namespace hyperiqa {
namespace {

constexpr double kSmallestFace = 12;  // the window of the first network
constexpr double kLargestFace = 65536;

double between(const Fields& fields, const char* key, double minimum, double maximum) {
  const double value = fields.number(key);
  if (!(value > minimum) || !(value < maximum)) {
    refuse_metadata(fields.name(key) + " must be above " + std::to_string(minimum) + " and below " +
                    std::to_string(maximum));
  }
  return value;
}

void check_landmarks(const Json& json) {
  const Json* names = json.find("landmarks");
  const auto* list = names ? names->array() : nullptr;
  bool fits = list != nullptr && list->size() == kLandmarks;
  for (size_t i = 0; fits && i < kLandmarks; ++i) fits = (*list)[i].string() != nullptr;
  if (!fits) refuse_metadata("detection.landmarks must be a list of " + std::to_string(kLandmarks) + " names");
}

}  // namespace

DetectorMetadata parse_detector_metadata(const std::string& text) {
  const Json json = parse_description(text);
  const Fields fields(json, "");
  DetectorMetadata result;
  result.text = text;
  check_common_fields(fields);
  if (fields.string("kind") == "quality") {
    refuse_metadata("kind is \"quality\": the model gives scores and finds no faces; load it as a scorer");
  }
  fields.one_of("kind", {"faces"});
  fields.one_of("architecture", {"mtcnn"});

  const Fields detection = fields.object("detection");
  check_decode(detection.object("decode"));
  result.minimum_face = detection.integer("minimumFace", kSmallestFace, kLargestFace);
  result.pyramid_factor = between(detection, "pyramidFactor", 0.1, 0.99);
  const std::vector<double> thresholds = detection.numbers("thresholds", result.thresholds.size());
  for (size_t i = 0; i < thresholds.size(); ++i) {
    if (thresholds[i] <= 0 || thresholds[i] >= 1) refuse_metadata("detection.thresholds must lie between 0 and 1");
    result.thresholds[i] = static_cast<float>(thresholds[i]);
  }
  check_landmarks(*json.find("detection"));

  auto check = read_check_values(fields, "values", kDetectorCheckValues);
  result.check_values = std::move(check.values);
  result.check_tolerance = check.tolerance;
  return result;
}

}  // namespace hyperiqa
