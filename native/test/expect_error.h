/** @file Checks that a failure has the right code and the right words. */
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "engine.h"

namespace hyperiqa::testing {

/** Expects `action` to throw an Error with this code whose message contains `words`. */
template <typename Action>
void expect_error(const std::string& code, const std::string& words, const Action& action) {
  try {
    action();
    ADD_FAILURE() << "no error; expected was " << code << " with \"" << words << '"';
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    EXPECT_NE(std::string(error.what()).find(words), std::string::npos) << error.what() << "\nlacks: " << words;
  }
}

}  // namespace hyperiqa::testing
