// Statements of --run: whatever they are, they read, within bounds, and leave everything as it was.

#include "fuzz/fuzz.h"
#include "fuzz/reading.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static galproc::RecordedFile file;
  const std::string sql(reinterpret_cast<const char*>(data), size);
  file.ask([&](SQLite::Database& database) { galproc::run_sql(database, sql, 100); });
  file.ask([&](SQLite::Database& database) { galproc::explain_sql(database, sql); });
  return 0;
}
