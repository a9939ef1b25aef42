#pragma once

// What the verbs that look at the living system share.

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "action/selection.h"
#include "cli/command.h"
#include "model/reading.h"

namespace galproc {

/// Whole numbers as a flag takes them. Throws UsageError: a pid is 1 or more, a port 1 to 65535.
std::int64_t parse_pid(const std::string& text);
std::int64_t parse_port(const std::string& text);

/// Adds the folder that --venv names, as it was named and as it is: what runs in it may know it by either. Throws
/// UsageError where it is no virtual environment; one that is not there any more may still be named by processes.
void add_venv(const std::string& typed, Selectors& selectors);
/// Throws UsageError where a folder of --venv is not there, and no process that was looked at names it.
void refuse_unknown_venvs(const World& world, const Selectors& selectors);

/// What --venv means to the verbs that choose processes by it.
constexpr const char* kVenvHelp =
    "Who belongs to this Python virtual environment; of one that was deleted, who runs a program of it or has it as "
    "VIRTUAL_ENV";

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
/// A list whose text joins its items by commas; where there are none it is empty, not unknown.
class ListMaker {
 public:
  void add(const std::string& text, List::Item item);
  Value value() const { return std::make_shared<const List>(list_); }
  bool empty() const { return list_.items.empty(); }

 private:
  List list_;
};
/// "tcp 0.0.0.0:8080, udp :::53": protocol, address, port. NULL: this user may not see them.
Value ports_cell(const SocketPass& sockets, const ProcessReading& holder);

}  // namespace galproc
