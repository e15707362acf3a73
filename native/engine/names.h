/** @file The names of enumerated options, as users and files write them. Beside engine.h for code outside the engine.
 */
#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <utility>

#include "engine.h"

namespace hyperiqa {

/** The values of an enumeration with their names. */
template <typename T, size_t N>
using Names = std::array<std::pair<std::string_view, T>, N>;

inline constexpr Names<Dtype, 3> kDtypeNames{{{"fp32", Dtype::Fp32}, {"bf16", Dtype::Bf16}, {"fp16", Dtype::Fp16}}};
inline constexpr Names<GraphMode, 4> kGraphModeNames{{{"auto", GraphMode::Auto},
                                                      {"freeze", GraphMode::Freeze},
                                                      {"optimize", GraphMode::Optimize},
                                                      {"onednn", GraphMode::OneDnn}}};
inline constexpr Names<Tuning, 4> kTuningNames{{{"cached", Tuning::Cached},
                                                {"measured", Tuning::Measured},
                                                {"not-stored", Tuning::NotStored},
                                                {"default", Tuning::Default}}};
inline constexpr Names<Resize::Mode, 3> kResizeModeNames{
    {{"none", Resize::Mode::None}, {"exact", Resize::Mode::Exact}, {"short-side", Resize::Mode::ShortSide}}};
inline constexpr Names<CropPlan::Kind, 4> kCropPlanNames{{{"random", CropPlan::Kind::Random},
                                                          {"grid", CropPlan::Kind::Grid},
                                                          {"pyiqa", CropPlan::Kind::Pyiqa},
                                                          {"center", CropPlan::Kind::Center}}};

/** The name of a value of the table. */
template <typename T, size_t N>
constexpr const char* name_of(const Names<T, N>& names, T value) {
  for (const auto& [name, known] : names) {
    if (known == value) return name.data();  // literals, which end with a zero
  }
  return "";
}

}  // namespace hyperiqa
