// Files of --queries-dir: a header that is read, and a statement that is held against it and run.

#include <sqlite3.h>

#include "fuzz/fuzz.h"
#include "fuzz/reading.h"
#include "store/query_catalogue.h"

namespace galproc {
namespace {

void try_file(const std::string& text) {
  static RecordedFile file;
  const NamedQuery query = parse_query(text, "mine", "mine.sql");
  expect(query.name == "mine" && !query.columns.empty(), "what is taken is whole");
  const NamedQuery again = parse_query(text, "mine", "mine.sql");
  expect(again.sql == query.sql && again.params.size() == query.params.size(), "a file is read the same twice");
  QueryBindings bindings;
  for (const QueryParam& param : query.params) {
    if (param.choices.empty()) bindings[param.name] = std::int64_t{1};
    if (!param.choices.empty()) bindings[param.name] = param.choices.front();
  }
  file.ask([&](SQLite::Database& database) { run_query(database, query, bindings, 100); });
}

}  // namespace
}  // namespace galproc

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    galproc::try_file(std::string(reinterpret_cast<const char*>(data), size));
  } catch (const galproc::Error&) {
    // A bad file is an error with its line.
  }
  return 0;
}
