#pragma once

// Who belongs to a tree of processes: the living descendants, those whose parents are gone but whose creation was
// recorded, and what was begun inside it. Pure: a reading goes in, members come out.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "model/reading.h"
#include "model/service.h"

namespace galproc {

/// Who created a process, as far as a recording knows; empty where it does not.
using CreatorOf = std::function<std::optional<ProcessKey>(const ProcessKey&)>;

/// Why a process must be left alone; empty: it need not.
using RefusalOf = std::function<std::optional<std::string>(const ProcessReading&)>;

class Tree {
 public:
  struct Member {
    ProcessKey key;
    std::string why;  ///< root, child, ancestry, session, group, service, marker, cgroup
    /// Why it is left alone, and with it all below it: then it counts as no member.
    std::optional<std::string> refused;
  };

  /// `services`: those that the roots are.
  Tree(const std::vector<ProcessKey>& roots, std::vector<LoggedService> services, CreatorOf creator_of);

  /// Adds the living processes of a reading that belong to it, and gives those that are new, parents first. A child of
  /// a member is one; so is whom a member created by the recording, whoever in between is gone; so is who is in a
  /// session or process group that a member began (one that it only joined says nothing); so is who belongs to one of
  /// the services. Who carries the marker of none of the roots' is of a service that was started from within and stands
  /// by itself: the recording is not followed to it or past it. Kernel threads never are. Whom `refusal_of` refuses is
  /// given too, once, and nobody below it is looked for.
  std::vector<Member> grow(const ProcessPass& pass, const RefusalOf& refusal_of = {});

  bool contains(const ProcessKey& key) const { return members_.contains(key); }
  /// It is left alone, being refused or below one that is.
  bool leaves(const ProcessKey& key) const { return left_.contains(key); }

 private:
  std::optional<std::string> why_member(const ProcessReading& process,
                                        const std::unordered_map<std::int64_t, ProcessKey>& key_of) const;
  bool descends_by_record(const ProcessKey& key) const;
  bool is_apart(const ProcessReading& process) const;
  void note_begun(const ProcessReading& member);
  void forget_what_is_over(const ProcessPass& pass);

  std::unordered_set<ProcessKey, ProcessKeyHash> members_;
  std::unordered_set<ProcessKey, ProcessKeyHash> roots_to_meet_;
  std::unordered_set<ProcessKey, ProcessKeyHash> left_;   ///< refused ones, and those below them
  std::unordered_set<std::string> own_markers_;           ///< of the roots, whether they are followed or not
  std::unordered_set<ProcessKey, ProcessKeyHash> apart_;  ///< of other services
  std::vector<LoggedService> services_;
  CreatorOf creator_of_;
  std::unordered_set<std::int64_t> sessions_, groups_;  ///< begun by members
};

}  // namespace galproc
