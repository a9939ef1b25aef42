#pragma once

// The executor: carries a plan out, each step logged before it is done.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "action/kill_log.h"
#include "action/suspects.h"

namespace galproc {

/// What came of a kill.
struct KillReport {
  std::int64_t action_id = 0;
  std::vector<Victim> victims;
  std::vector<Attempt> attempts;  ///< in the order of their ids
  int exit_code = 0;
  std::int64_t ended_count = 0;
  std::int64_t left_count = 0;  ///< living, refused ones too
  /// Living, born while the tree was ended and of no known parent, but akin to a member: see Suspects.
  std::vector<ProcessReading> suspects;
  std::optional<std::string> problem;  ///< a sentence: what could not be logged any more
  /// Set where the recorder had not stored every birth before the kill: up to when it had.
  std::optional<std::int64_t> ancestry_until_us;
};

class Kill {
 public:
  /// REQUIRES: everything outlives this. `pass` is the reading that the plan was made from.
  Kill(Platform& platform, KillLog& log, const KillRequest& request, Guard& guard, Plan plan, ProcessPass pass,
       CallerReading caller);
  /// Continues whatever it stopped and did not kill.
  ~Kill();

  /// Throws Error (NotLogged) when nothing was done because the intent could not be logged; PlatformError when the
  /// system failed half-way: then nobody is left stopped, and what is known is logged.
  KillReport run();

 private:
  void take_in(Target target);
  void open(Victim& victim);
  /// Those that could not be opened for want of descriptors: the ended give theirs. How many could be this time.
  std::size_t open_rest();
  /// An attempt for each living victim that `wanted` holds for, and one with its outcome for each that is settled and
  /// was never tried.
  void add_attempts(const char* method, Signal signal, const std::function<bool(const Victim&)>& wanted);
  /// An attempt that says why for each to whom nothing could be done.
  void add_untouched();
  void carry_out();
  /// Lets a recorder store what happened up to now, so that nobody is missed whose parent ended a moment ago.
  void wait_for_recorder();
  void ask_politely();
  /// Those who were not yet, in this round.
  void ask_all();
  void force();
  void force_tree();
  /// Of the tree, in the latest reading. Whether there are any.
  bool meet_new_members();
  void look_again();
  void kill_group();
  Delivery freeze_and_kill(const std::string& path, std::size_t first_attempt, std::vector<std::int64_t> logged);
  std::optional<std::vector<std::int64_t>> log_group(const std::string& path, int patience_ms);
  bool freeze_tree(std::int64_t deadline_us);
  void log_and_stop(const std::function<bool(const Victim&)>& runs);
  void kill_frozen();
  /// Those that are logged and not sent.
  void send_all();
  void send_to(Attempt& attempt, Signal signal);
  /// Until nobody lives any more, so long at most.
  void wait(std::int64_t length_us);
  void wait_for_tree(std::int64_t length_us);
  Wake wait_for_an_end(std::int64_t boot_us);
  void note_ends();
  /// Gives every attempt its outcome, once that can only be this one; `is_over`: nothing more is going to be sent.
  void settle(bool is_over = false);
  static void settle_sent(const Victim& victim, const std::vector<Attempt*>& attempts, bool is_over);
  /// From here to the next thaw() whoever is stopped relies on this process: it must not be stopped or ended itself.
  void hold_signals();
  void thaw() noexcept;
  void forget_unlogged();
  bool any_living() const;
  int exit_code() const;
  KillReport report(int exit_code);

  Platform& platform_;
  KillLog& log_;
  const KillRequest& request_;
  Guard& guard_;
  Plan plan_;
  ProcessPass pass_;
  CallerReading caller_;
  std::vector<Victim> victims_;
  std::vector<Attempt> attempts_;
  std::optional<Suspects> suspects_;  ///< of a tree
  std::vector<ProcessReading> escaped_;
  std::int64_t begun_boot_us_ = 0;
  bool interrupted_ = false;
  std::optional<std::int64_t> ancestry_until_us_;
  std::unique_ptr<HeldSignals> held_;
  std::optional<std::string> frozen_group_;
  std::optional<std::string> problem_;
};

}  // namespace galproc
