/** @file Statistics of the scores of an image's crops. */
#pragma once

#include <optional>
#include <vector>

#include "engine.h"

namespace hyperiqa {

/** Fills in score, standard error and spread from `result.crops`. Sums run in double, in the order of the crops. */
void summarise(ScoreResult& result, CropPlan::Kind kind);

/** The smallest n ≥ `minimum` (and ≥ 2) such that the standard error of the first n crops is below `bound`. */
std::optional<size_t> shortest_prefix(const std::vector<Crop>& crops, size_t minimum, double bound);

/** Number of crops to score in all before the rule is looked at again: the number that the deviation seen so far lets
 *  expect to be enough, at most twice as many as there are and at least `step` more. */
size_t next_crop_count(const std::vector<Crop>& crops, double bound, size_t step);

}  // namespace hyperiqa
