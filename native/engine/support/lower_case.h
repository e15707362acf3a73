/** @file Names as LibTorch compares them: the letters of ASCII without their case. */
#pragma once

#include <string>

namespace hyperiqa {

inline std::string lower_case(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

}  // namespace hyperiqa
