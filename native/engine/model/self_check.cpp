#include "model/self_check.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>

namespace hyperiqa {

void write_check_patch(int64_t index, uint8_t* pixels) {
  const auto n = static_cast<uint32_t>(index);
  const auto side = static_cast<uint32_t>(kPatchSize);
  for (uint32_t y = 0; y < side; ++y) {
    for (uint32_t x = 0; x < side; ++x) {
      for (uint32_t c = 0; c < 3; ++c) {
        const uint32_t t = x * (n + 1) + y * (c + 2) + 31 * n + 57 * c;
        uint32_t h = ((n * 3 + c) * side + y) * side + x;
        h *= 2654435761U;
        h ^= h >> 15;
        h *= 2246822519U;
        h ^= h >> 13;
        *pixels++ = static_cast<uint8_t>((t % 256 * (4 - n) + (h >> 24) * n) / 4);
      }
    }
  }
}

double check_tolerance(const Metadata& metadata, Dtype dtype) {
  const double range = metadata.maximum - metadata.minimum;
  switch (dtype) {
    case Dtype::Bf16:
      return 0.05 * range;
    case Dtype::Fp16:
      return 0.005 * range;
    case Dtype::Fp32:
      break;
  }
  return metadata.check_tolerance;
}

SelfCheck compare_check(const Metadata& metadata, Dtype dtype, const std::vector<float>& scores) {
  SelfCheck result;
  result.expected = metadata.check_scores;
  result.tolerance = check_tolerance(metadata, dtype);
  result.actual.assign(scores.begin(), scores.begin() + kCheckPatches);
  std::vector<double> worst(kCheckPatches, 0);
  for (size_t i = 0; i < scores.size(); ++i) {
    const size_t patch = i % kCheckPatches;
    double difference = std::abs(static_cast<double>(scores[i]) - result.expected[patch]);
    if (std::isnan(difference)) difference = std::numeric_limits<double>::infinity();
    if (difference < worst[patch]) continue;
    worst[patch] = difference;
    result.actual[patch] = scores[i];
  }
  result.largest_difference = *std::ranges::max_element(worst);
  result.passed = result.largest_difference <= result.tolerance;
  return result;
}

void require_passed(const SelfCheck& check) {
  if (check.passed) return;
  std::ostringstream text;
  text << "The model does not give its own check scores on this machine: off by " << check.largest_difference
       << ", accepted are " << check.tolerance << ". Stored";
  for (const float score : check.expected) text << ' ' << score;
  text << ", computed";
  for (const float score : check.actual) text << ' ' << score;
  text << ". The file may be damaged; try the dtype fp32 or the graph mode \"freeze\" to see what is at fault.";
  throw Error("ERR_MODEL_SELF_CHECK", text.str());
}

}  // namespace hyperiqa
