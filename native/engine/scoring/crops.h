/** @file Crop plans: checks of their numbers. The positions themselves are `plan_crops` of engine.h. */
#pragma once

#include "engine.h"

namespace hyperiqa {

/** @throws Error ERR_INVALID_ARGUMENT for a plan that is impossible in an image of this size, or gives more than
 * kMaxCrops */
void check_plan(const CropPlan& plan, int64_t width, int64_t height);

}  // namespace hyperiqa
