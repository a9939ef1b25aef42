#pragma once

#include <cstdint>
#include <vector>

#include "model/reading.h"

namespace galproc {

struct Descendant {
  const ProcessReading* process = nullptr;  ///< in the pass
  std::int64_t depth = 0;                   ///< 0: the process itself
};

/// The living process of that pid and all who descend from it by the parents of now, nearest first, those of one depth
/// by pid. Empty where it is not there. REQUIRES: `pass` outlives what is given.
std::vector<Descendant> descendants_of(const ProcessPass& pass, std::int64_t pid);

}  // namespace galproc
