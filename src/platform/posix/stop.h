#pragma once

#include <memory>

#include "platform/platform.h"

namespace galproc {

/// From now on SIGTERM, SIGINT, SIGQUIT and SIGHUP (all but the first unless they came ignored) make
/// `stop_descriptor()` readable instead of ending this process; SIGPIPE and SIGXFSZ are ignored. May be called again.
void catch_stop_signals();

/// Readable for ever once a stop was asked for; -1 before catch_stop_signals().
int stop_descriptor();

/// As Platform::hold_signals: blocks all signals but those above and those by which a fault is told.
std::unique_ptr<HeldSignals> hold_all_signals();

/// The number of the signal that asked for it first; 0 before any.
int stop_signal();

}  // namespace galproc
