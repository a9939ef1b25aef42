#pragma once

// Who may have escaped from a tree that is being ended, without anything that proves it. Pure.

#include <cstdint>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "action/guard.h"
#include "action/tree.h"

namespace galproc {

class Suspects {
 public:
  /// REQUIRES: `before` is the reading that `tree` has grown by, and `guard` has looked at it.
  Suspects(const ProcessPass& before, const Tree& tree, const Guard& guard);

  /// Learns from each later reading who takes in whose parent has ended.
  void look_at(const ProcessPass& pass);

  /// The living of this reading that were born since `since_boot_us`, have lost their parent (who forks a daemon twice
  /// ends, and somebody else is its parent then), and either run what a member ran, as the same user in the same
  /// control group, or are in a session, process group or control group that was the tree's alone when all this began.
  /// Members and who is left alone are none. A stranger has a parent, or is akin to no member.
  std::vector<ProcessReading> find(const ProcessPass& pass, const Tree& tree, std::int64_t since_boot_us) const;

 private:
  using Pids = std::unordered_map<std::int64_t, const ProcessReading*>;

  bool has_lost_its_parent(const ProcessReading& process, const Pids& reading_of, const Tree& tree) const;
  bool is_akin(const ProcessReading& process) const;

  std::vector<ProcessReading> members_;                                     ///< all that were seen
  std::unordered_map<ProcessKey, std::int64_t, ProcessKeyHash> parent_of_;  ///< pid of the first that was seen
  std::unordered_set<ProcessKey, ProcessKeyHash> adopters_;
  std::unordered_set<std::int64_t> sessions_, groups_;    ///< where nobody else was
  std::unordered_set<std::string> cgroups_;               ///< likewise
  std::unordered_set<ProcessKey, ProcessKeyHash> known_;  ///< there before it began
};

}  // namespace galproc
