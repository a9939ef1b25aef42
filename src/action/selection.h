#pragma once

// Which processes are meant: the selectors of `find` and `kill` over one look at the machine. Pure.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/reading.h"
#include "model/service.h"

namespace galproc {

/// What targets are chosen from.
struct World {
  ProcessPass processes;
  SocketPass sockets;  ///< empty where no port is asked for
};

/// Kinds narrow, one kind repeated widens: a process must match one value of every kind that has any.
struct Selectors {
  std::vector<std::int64_t> pids;
  /// Who listens on the TCP port or has the UDP port bound; a client of it does not match.
  std::vector<std::int64_t> ports;
  /// Whole names; ASCII case and a trailing ".exe" do not count.
  std::vector<std::string> names;
  /// Folders of Python virtual environments, absolute and canonical.
  std::vector<std::string> venvs;
  /// Likewise, of folders that are not there any more: who runs a program of one or has it as VIRTUAL_ENV.
  std::vector<std::string> gone_venvs;
  std::vector<std::string> users;  ///< names or numbers
  /// All starts of a service. Where `by_service` is set and this is empty, nothing matches.
  std::vector<LoggedService> services;
  bool by_service = false;

  bool by_venv() const { return !venvs.empty() || !gone_venvs.empty(); }
  bool empty() const {
    return pids.empty() && ports.empty() && names.empty() && !by_venv() && users.empty() && !by_service;
  }
};

/// Why a process counts as one of a virtual environment.
struct VenvMatch {
  std::string folder;
  std::string evidence;  ///< command_line, working_directory, environment: the first of these that holds
};

struct Match {
  const ProcessReading* process = nullptr;  ///< in the World
  std::string why;                ///< what it matched, for people: "pid", "port 8080", "name, venv (command_line)"
  std::optional<VenvMatch> venv;  ///< where a venv was asked for
};

struct Selection {
  std::vector<Match> matches;              ///< by pid; ended ones are left out
  std::vector<std::int64_t> missing_pids;  ///< asked for by number, and not there
  /// Sockets of a port that was asked for, whose holder may not be seen.
  std::vector<const SocketReading*> hidden_holders;
};

/// REQUIRES: `world` outlives what is given.
Selection select(const World& world, const Selectors& selectors);

}  // namespace galproc
