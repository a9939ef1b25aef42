#pragma once

// What the verbs that look at the living system share.

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "cli/command.h"
#include "model/reading.h"

namespace galproc {

/// Whole numbers as a flag takes them. Throws UsageError: a pid is 1 or more, a port 1 to 65535.
std::int64_t parse_pid(const std::string& text);
std::int64_t parse_port(const std::string& text);

/// The numbers that the database gave to these processes. Whoever looks needs no recording: where none can be read
/// there are no numbers, and why is only said of a database that somebody named.
std::unordered_map<ProcessKey, std::int64_t, ProcessKeyHash> recorded_upids(const Context& context,
                                                                            const HostReading& host,
                                                                            const ProcessPass& processes);

// Cells: unknown becomes NULL.
template <typename T>
Value cell(const std::optional<T>& value) {
  return value ? Value(*value) : Value();
}
/// One row, for print_object.
RowSet make_row(const std::vector<std::pair<Column, Value>>& cells);
Value user_cell(const ProcessImage& image);
Value command_line_cell(const ProcessImage& image);
/// "tcp 0.0.0.0:8080, udp :::53"; NULL: none.
Value ports_cell(const SocketPass& sockets, const ProcessKey& holder);

}  // namespace galproc
