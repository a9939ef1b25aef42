#pragma once

// The action log: what galproc was asked to do, what it tried, what came of it. Everything that goes in is chained in
// the ledger in the same transaction, and is on the disk when commit() returns: only then may it be acted upon.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/errors.h"
#include "model/reading.h"
#include "model/redaction.h"
#include "store/action_prune.h"
#include "store/ancestry.h"
#include "store/process_store.h"

namespace galproc {

struct ActionEntry {
  std::string verb;  ///< kill, start, stop
  std::int64_t at_us = 0;
  std::int64_t boot_id = 0;
  CallerReading caller;
  std::optional<std::int64_t> actor_upid;
  std::optional<std::string> reason;
};

/// One process that something is about to be done to, with its own copy of who that is: process rows stand outside the
/// chain.
struct AttemptEntry {
  std::int64_t action_id = 0;
  std::int64_t at_us = 0;
  std::optional<std::int64_t> target_upid;  ///< empty: nothing is known but a number
  std::int64_t boot_id = 0;
  ProcessKey target;
  std::optional<std::string> name;
  std::optional<std::string> executable;
  std::optional<std::int64_t> user_id;
  std::optional<std::string> user_name;
  std::string method;                  ///< polite, forced, cgroup
  std::optional<std::int64_t> signal;  ///< number of the signal; empty where the system has none
  std::string why;  ///< why it is a target: pid, port, name, child, ancestry, session, marker, cgroup
};

struct OutcomeEntry {
  std::int64_t attempt_id = 0;
  std::int64_t at_us = 0;
  std::string outcome;  ///< exited, survived, already_gone, denied, refused, identity_changed, unsupported, failed
  std::optional<std::string> error;
  std::optional<std::int64_t> ended_us;
  std::optional<std::int64_t> wait_status;  ///< as wait(2) encodes it
};

struct ServiceEntry {
  std::int64_t action_id = 0;
  std::int64_t at_us = 0;
  std::string name;
  std::string marker;  ///< value of GALPROC_SERVICE
  std::int64_t upid = 0;
  std::optional<std::string> venv;
  std::vector<std::string> arguments;
  std::string working_directory;
  std::string log_path;
  std::optional<std::string> cgroup;  ///< made for it; empty: none could be made
};

/// Rows of one transaction. Texts are cleaned and redacted on the way in. Each gives the id of its row.
class ActionWriter {
 public:
  virtual ~ActionWriter() = default;
  virtual std::int64_t add_action(const ActionEntry& action) = 0;
  virtual std::int64_t add_attempt(const AttemptEntry& attempt) = 0;
  virtual void add_outcome(const OutcomeEntry& outcome) = 0;
  /// What came of the whole action: its exit code says it in a word too (done, failed, not_found, refused, not_logged,
  /// still_there, interrupted).
  virtual void add_action_outcome(std::int64_t action_id, std::int64_t at_us, int exit_code) = 0;
  virtual std::int64_t add_service(const ServiceEntry& service) = 0;
  /// Deletes from the log what plan_action_prune finds, as asked for by the action `action_id`. Gives what went.
  virtual ActionPrunePlan prune_actions(std::int64_t action_id, std::int64_t before_us,
                                        const std::unordered_set<std::int64_t>& in_use) = 0;
  /// Hash of the ledger's newest row.
  virtual std::string ledger_head() = 0;
  /// Births, images and ends of the processes that it acts on.
  virtual ProcessStore& processes() = 0;
};

/// How long an opening waits for other writers unless told otherwise.
constexpr int kOpenPatienceMs = 10'000;

/// One open file. Works beside a recorder and other commands.
class ActionLog {
 public:
  /// Opens the file for acting; makes it (a path that is empty or not there; the folder has to be) and migrates an
  /// older one; never moves or repairs. Throws Error (NotLogged) with the reason and what to try: foreign, corrupt,
  /// newer, read-only, locked for longer than `patience_ms`, no room. REQUIRES: this process has no other connection to
  /// it; `redactor` outlives this.
  ActionLog(const std::filesystem::path& path, const Redactor& redactor, int patience_ms = kOpenPatienceMs);
  ~ActionLog();
  ActionLog(ActionLog&&) noexcept;

  /// Runs `write` in one BEGIN IMMEDIATE transaction, and once more from the beginning where the disk was full and the
  /// reserve made room. When this returns it is on the disk; when it throws, nothing of
  /// it is in the file. Waits up to `patience_ms` for other writers. Throws Error (NotLogged) with the reason, and
  /// whatever `write` throws; an SQLite::Exception from it is a refusal too. Until a commit
  /// went well the sentence says that nothing was done to any process; after that only what was not logged.
  void commit(const std::function<void(ActionWriter&)>& write, int patience_ms = 10'000);

  /// Asks the file something before anything is done. Throws Error (NotLogged) where it cannot answer: then it could
  /// not be logged to either. REQUIRES: no commit() is under way.
  void ask(const std::function<void(SQLite::Database&)>& question);
  /// For questions on the same connection. A commit that fails may end the connection: what was prepared on it has to
  /// be gone by then. REQUIRES: no commit() is under way.
  SQLite::Database& database();
  /// Whom the file knows of this host's processes. Good until the next commit(). REQUIRES: no commit() is under way.
  RecordedAncestry& ancestry(const HostReading& host);
  const std::filesystem::path& path() const;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace galproc
