#include "model/descendants.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

namespace galproc {

std::vector<Descendant> descendants_of(const ProcessPass& pass, std::int64_t pid) {
  std::unordered_map<std::int64_t, std::vector<const ProcessReading*>> children;
  std::vector<Descendant> found;
  for (const ProcessReading& process : pass.processes) {
    if (process.ended) continue;
    children[process.parent_pid].push_back(&process);
    if (process.key.pid == pid && found.empty()) found.push_back({&process, 0});
  }
  // A pid that was given to another while the table was read may make it go in a circle.
  std::unordered_set<std::int64_t> met = {pid};
  for (std::size_t begin = 0; begin < found.size();) {
    const std::size_t end = found.size();
    for (std::size_t i = begin; i < end; ++i) {
      for (const ProcessReading* child : children[found[i].process->key.pid]) {
        if (met.insert(child->key.pid).second) found.push_back({child, found[i].depth + 1});
      }
    }
    std::sort(found.begin() + static_cast<std::ptrdiff_t>(end), found.end(),
              [](const Descendant& a, const Descendant& b) { return a.process->key.pid < b.process->key.pid; });
    begin = end;
  }
  return found;
}

}  // namespace galproc
