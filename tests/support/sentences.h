#pragma once

// What a usage error says.

#include <gtest/gtest.h>

#include <string>

#include "model/errors.h"

namespace galproc {

/// What the UsageError says; empty when nothing was thrown.
template <typename Call>
std::string sentence_of(Call call) {
  try {
    call();
  } catch (const UsageError& error) {
    EXPECT_EQ(error.code(), ExitCode::Usage);
    return error.what();
  }
  return "";
}

inline void expect_says(const std::string& sentence, const std::string& part) {
  EXPECT_NE(sentence.find(part), std::string::npos) << "'" << part << "' is not in: " << sentence;
}

/// A word that is refused, and what the sentence must say.
struct Refused {
  std::string word;
  std::string why;
};

}  // namespace galproc
