/** @file Values that facenet-pytorch and torchvision gave (fixtures/make_face_fixtures.py). */
#pragma once

#include <cstdint>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "support/json.h"
#include "test_image.h"

namespace hyperiqa::testing {

inline Json face_fixture() {
  const std::ifstream file(HYPERIQA_TEST_FIXTURES "/faces.json");
  std::ostringstream text;
  text << file.rdbuf();
  return Json::parse(text.str());
}

inline std::vector<float> floats(const Json& json) {
  std::vector<float> result;
  for (const Json& item : *json.array()) result.push_back(static_cast<float>(*item.number()));
  return result;
}

/** A photograph with two faces. */
inline TestImage photograph() {
  std::ifstream file(HYPERIQA_TEST_FIXTURES "/faces-240x180.rgb", std::ios::binary);
  return {std::vector<uint8_t>(std::istreambuf_iterator<char>(file), {}), 240, 180};
}

}  // namespace hyperiqa::testing
