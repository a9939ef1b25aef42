#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace galproc {

/// The guides (`├─ `, `└─ `, `│  `) to write before each row of a tree, one text a row, given the rows' depths in
/// depth-first order, 0 for a root. A row's parent is the nearest row before it that is less deep, and the guides
/// follow that alone: depths that jump by more than one, are negative, or begin below a root are drawn as the
/// nearest tree that they can mean. A row with no such parent is a root and gets no guides.
std::vector<std::string> tree_guides(const std::vector<std::int64_t>& depths);

}  // namespace galproc
