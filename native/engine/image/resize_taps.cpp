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

void add_groups(Columns& columns, const Taps& taps) {
  const auto count = static_cast<int64_t>(taps.weights.size());
  const int64_t groups = (count + kGroup - 1) / kGroup;
  columns.groups.push_back(groups);
  columns.reach = std::max(columns.reach, (taps.first + (groups - 1) * kGroup) * kChannels + kGroupRead);
  for (int64_t start = 0; start < groups * kGroup; start += kGroup) {
    for (const bool upper : {true, false}) {
      for (int64_t i = start; i < start + kGroup; ++i) {
        const int32_t weight = i < count ? taps.weights[static_cast<size_t>(i)] : 0;
        columns.parts.push_back(static_cast<int16_t>(upper ? weight >> kLowBits : weight & kLowMask));
      }
    }
  }
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

Columns find_columns(ResizeAxis& axis, int64_t begin, int64_t end, bool in_groups) {
  Columns columns;
  columns.count = end - begin;
  Taps taps;
  for (int64_t x = begin; x < end; ++x) {
    axis.find(x, taps);
    columns.first.push_back(taps.first);
    columns.offsets.push_back(columns.weights.size());
    columns.weights.insert(columns.weights.end(), taps.weights.begin(), taps.weights.end());
    if (in_groups) add_groups(columns, taps);
  }
  columns.offsets.push_back(columns.weights.size());
  if (in_groups) {
    while (static_cast<int64_t>(columns.first.size()) % kColumnsAtOnce != 0) {
      columns.first.push_back(0);
      columns.groups.push_back(0);
    }
    columns.parts.resize(columns.parts.size() + kPartsRead);
  }
  return columns;
}

}  // namespace hyperiqa
