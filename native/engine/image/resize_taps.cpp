#include "image/resize_taps.h"

#include <algorithm>
#include <cmath>

namespace hyperiqa {
namespace {

void trim(Taps& taps) {
  auto& weights = taps.weights;
  while (weights.size() > 1 && weights.back() == 0) weights.pop_back();
  const auto start = std::ranges::find_if(weights, [](int32_t weight) { return weight != 0; });
  if (start == weights.end()) return;
  taps.first += start - weights.begin();
  weights.erase(weights.begin(), start);
}

}  // namespace

ResizeAxis::ResizeAxis(int64_t input, int64_t output, std::optional<double> step)
    : input_(input),
      step_(step.value_or(static_cast<double>(input) / static_cast<double>(output))),
      reach_(std::max(step_, 1.0)),
      needed_(input != output) {}

int64_t ResizeAxis::most_taps() const {
  return std::min(input_, 2 * static_cast<int64_t>(std::ceil(reach_)) + 1);
}

// NOLINTBEGIN(bugprone-incorrect-roundings): Pillow's roundings, which no other may replace
void ResizeAxis::find(int64_t index, Taps& taps) {
  const double center = (static_cast<double>(index) + 0.5) * step_;
  const auto first = static_cast<int64_t>(std::max(center - reach_ + 0.5, 0.0));
  const auto end = std::min(static_cast<int64_t>(center + reach_ + 0.5), input_);
  const double shrink = 1.0 / reach_;
  exact_.clear();
  double sum = 0;
  for (int64_t i = first; i < end; ++i) {
    const double distance = std::abs((static_cast<double>(i) - center + 0.5) * shrink);
    exact_.push_back(distance < 1 ? 1 - distance : 0);
    sum += exact_.back();
  }
  taps.first = first;
  taps.weights.clear();
  for (const double weight : exact_) {
    const double share = sum == 0 ? weight : weight / sum;
    taps.weights.push_back(static_cast<int32_t>(0.5 + share * (1 << kWeightBits)));
  }
  trim(taps);
}
// NOLINTEND(bugprone-incorrect-roundings)

}  // namespace hyperiqa
