#include "render/tree.h"

#include <algorithm>
#include <cstddef>
#include <limits>

namespace galproc {

namespace {

constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();

/// Levels drawn for one row. A chain of thousands of processes, each the child of the last, is easily made, and
/// its guides would grow with the square of its length. Deeper rows lose their outermost levels to a mark.
constexpr std::size_t kMaxLevels = 64;

struct Node {
  std::size_t parent = kNone;
  bool last_child = true;  ///< no later row has the same parent
};

std::vector<Node> link_parents(const std::vector<std::int64_t>& depths) {
  std::vector<Node> nodes(depths.size());
  std::vector<std::size_t> latest_child(depths.size(), kNone);
  std::vector<std::size_t> path;  // from a root down to the row before
  for (std::size_t row = 0; row < depths.size(); ++row) {
    while (!path.empty() && depths[path.back()] >= depths[row]) path.pop_back();
    if (!path.empty()) {
      const std::size_t parent = path.back();
      nodes[row].parent = parent;
      if (latest_child[parent] != kNone) nodes[latest_child[parent]].last_child = false;
      latest_child[parent] = row;
    }
    path.push_back(row);
  }
  return nodes;
}

std::string guides_of(const std::vector<Node>& nodes, std::size_t row) {
  std::vector<const char*> levels;  // innermost first
  for (std::size_t at = row; nodes[at].parent != kNone; at = nodes[at].parent) {
    if (levels.size() == kMaxLevels) {
      levels.back() = "…  ";
      break;
    }
    const bool last = nodes[at].last_child;
    if (at == row) {
      levels.push_back(last ? "└─ " : "├─ ");
    } else {
      levels.push_back(last ? "   " : "│  ");
    }
  }
  std::string guides;
  std::for_each(levels.rbegin(), levels.rend(), [&guides](const char* level) { guides += level; });
  return guides;
}

}  // namespace

std::vector<std::string> tree_guides(const std::vector<std::int64_t>& depths) {
  const std::vector<Node> nodes = link_parents(depths);
  std::vector<std::string> guides;
  guides.reserve(nodes.size());
  for (std::size_t row = 0; row < nodes.size(); ++row) guides.push_back(guides_of(nodes, row));
  return guides;
}

}  // namespace galproc
