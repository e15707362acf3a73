#include "scoring/statistics.h"

#include <algorithm>
#include <cmath>

namespace hyperiqa {
namespace {

/** Running mean and sum of squared deviations (Welford 1962), so that every prefix of a sequence is had in one pass. */
class Deviation {
 public:
  void add(double value) {
    ++count_;
    const double before = value - mean_;
    mean_ += before / static_cast<double>(count_);
    squares_ += before * (value - mean_);
  }

  /** SD(n−1) of two or more values. */
  double standard_deviation() const { return std::sqrt(squares_ / static_cast<double>(count_ - 1)); }
  double standard_error() const { return standard_deviation() / std::sqrt(static_cast<double>(count_)); }

 private:
  size_t count_ = 0;
  double mean_ = 0;
  double squares_ = 0;
};

}  // namespace

void summarise(ScoreResult& result, CropPlan::Kind kind) {
  double sum = 0;
  Deviation deviation;
  for (const Crop& crop : result.crops) {
    sum += crop.score;
    deviation.add(crop.score);
  }
  result.score = sum / static_cast<double>(result.crops.size());
  if (result.crops.size() < 2) return;
  if (kind == CropPlan::Kind::Random) {
    result.standard_error = deviation.standard_error();
  } else {
    result.spread = deviation.standard_deviation();
  }
}

std::optional<size_t> shortest_prefix(const std::vector<Crop>& crops, size_t minimum, double bound) {
  Deviation deviation;
  for (size_t n = 1; n <= crops.size(); ++n) {
    deviation.add(crops[n - 1].score);
    if (n >= std::max<size_t>(minimum, 2) && deviation.standard_error() < bound) return n;
  }
  return std::nullopt;
}

size_t next_crop_count(const std::vector<Crop>& crops, double bound, size_t step) {
  const size_t count = crops.size();
  if (count < 2) return count + step;
  Deviation deviation;
  for (const Crop& crop : crops) deviation.add(crop.score);
  const double ratio = deviation.standard_deviation() / bound;
  const double expected = std::min(ratio * ratio, 2.0 * static_cast<double>(count));
  return std::max(static_cast<size_t>(expected) + 1, count + step);
}

}  // namespace hyperiqa
