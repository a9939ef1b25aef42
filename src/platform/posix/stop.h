#pragma once

namespace galproc {

/// From now on SIGTERM, SIGINT and SIGHUP (the latter two unless they came ignored) make `stop_descriptor()` readable
/// instead of ending this process; SIGPIPE and SIGXFSZ are ignored. May be called again.
void catch_stop_signals();

/// Readable for ever once a stop was asked for; -1 before catch_stop_signals().
int stop_descriptor();

/// The number of the signal that asked for it first; 0 before any.
int stop_signal();

}  // namespace galproc
