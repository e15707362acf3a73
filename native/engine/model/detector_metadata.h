/** @file hyperiqa.json of a face detector (docs/model-format.md, kind "faces"). */
#pragma once

#include <array>
#include <string>
#include <vector>

namespace hyperiqa {

inline constexpr size_t kLandmarks = 5;
/** Self-check values: for each of four pictures, probability and four offsets of the first two networks, and those with
 *  ten landmark coordinates of the third. */
inline constexpr size_t kDetectorCheckValues = 100;

struct DetectorMetadata {
  std::string text;                   ///< as stored
  double minimum_face = 0;            ///< shorter side of the smallest face looked for by default, pixels
  double pyramid_factor = 0;          ///< between a level of the pyramid and the next
  std::array<float, 3> thresholds{};  ///< smallest probabilities of the three networks
  std::vector<float> check_values;
  double check_tolerance = 0;  ///< largest difference from them accepted
};

/** @throws Error ERR_MODEL_FORMAT, naming the field and what it must be */
DetectorMetadata parse_detector_metadata(const std::string& text);

}  // namespace hyperiqa
