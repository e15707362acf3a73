/** @file The self-check: a model's scores of generated patches, stored in the file and recomputed here. */
#pragma once

#include <cstdint>
#include <vector>

#include "engine.h"
#include "model/metadata.h"

namespace hyperiqa {

inline constexpr int64_t kPatchSize = 224;                           ///< side of a patch, pixels
inline constexpr int64_t kPatchBytes = kPatchSize * kPatchSize * 3;  ///< bytes of a patch, interleaved RGB
inline constexpr int64_t kCheckPatches = 4;                          ///< number of generated patches

/** Writes self-check patch `index` (0..3, defined in docs/model-format.md) as interleaved RGB. */
void write_check_patch(int64_t index, uint8_t* pixels);

/** Largest difference from the stored scores that a dtype may show: in fp32 what the model file says; in bf16 5 % and
 * in fp16 0.5 % of the score range, about twice what was seen on networks of this kind. */
double check_tolerance(const Metadata& metadata, Dtype dtype);

/** Compares scores with the stored ones: `scores[i]` is one of check patch `i % 4`; each patch at least once. Of
 * several scores of a patch the one farthest off is reported. A score that is not a number fails. */
SelfCheck compare_check(const Metadata& metadata, Dtype dtype, const std::vector<float>& scores);

/** @throws Error ERR_MODEL_SELF_CHECK with the figures unless the check passed */
void require_passed(const SelfCheck& check);

}  // namespace hyperiqa
