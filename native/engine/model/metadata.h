/** @file hyperiqa.json, the description inside a model file (docs/model-format.md). */
#pragma once

#include <string>
#include <vector>

namespace hyperiqa {

/** The part of the description that the engine itself needs; the rest is validated and handed on as text. */
struct Metadata {
  std::string text;            ///< as stored
  std::string weights_sha256;  ///< 64 hexadecimal digits
  double minimum = 0;          ///< nominal range of the score
  double maximum = 0;
  std::vector<float> check_scores;  ///< scores of the self-check patches
  double check_tolerance = 0;       ///< largest difference from them accepted in fp32
};

/** Reads and validates a description, field by field.
 *  @throws Error ERR_MODEL_FORMAT, naming the field and what it must be */
Metadata parse_metadata(const std::string& text);

}  // namespace hyperiqa
