#pragma once

// What a kill is going to do, before anything is done. Pure.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "action/guard.h"
#include "action/selection.h"
#include "action/tree.h"
#include "model/errors.h"
#include "model/signals.h"

namespace galproc {

/// What was asked for.
struct KillRequest {
  std::string verb = "kill";  ///< as it is logged: kill, stop
  Selectors selectors;
  Policy policy;
  bool tree = false;
  Signal signal = Signal::Terminate;  ///< Kill: by force at once
  bool force = true;                  ///< end by force what does not heed the signal
  std::int64_t grace_us = 3'000'000;
  std::optional<int> attempts;  ///< rounds; empty: three, or one where no force follows

  int rounds() const { return attempts.value_or(force ? 3 : 1); }
  std::optional<std::string> reason;
};

struct Target {
  ProcessReading process;
  std::string why;                     ///< why it is one
  std::optional<std::string> refused;  ///< why it is left alone
};

struct Plan {
  /// One that has ended and is not waited for yet is one where nothing but its pid was asked for: it turns out to be
  /// gone.
  std::vector<Target> targets;
  std::unique_ptr<Tree> tree;  ///< of the targets that are not refused; null without --tree
  std::vector<std::int64_t> missing_pids;
  std::vector<std::string> hidden;    ///< ports whose holder may not be seen: "tcp 0.0.0.0:8080"
  std::vector<std::string> warnings;  ///< whole sentences: who will start a target again
};

/// REQUIRES: `guard` has looked at the very reading in `world`.
Plan make_plan(const World& world, const KillRequest& request, const Guard& guard, const CreatorOf& creator_of);

/// What is known of one target in the end.
enum class Fate { Gone, Left, Refused, NotFound };

/// The exit code of a kill, from the fates of all that were asked for.
ExitCode exit_code_of(const std::vector<Fate>& fates);

}  // namespace galproc
