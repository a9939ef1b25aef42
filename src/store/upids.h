#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <cstdint>
#include <optional>

#include "model/reading.h"
#include "store/statement.h"

namespace galproc {

/// The numbers that a database has given to the processes of one boot. Only reads. Throws SQLite::Exception.
class Upids {
 public:
  Upids(SQLite::Database& database, const HostReading& host);
  /// Empty: it was never recorded.
  std::optional<std::int64_t> of(const ProcessKey& key);

 private:
  std::optional<std::int64_t> boot_id_;
  Prepared select_;
};

}  // namespace galproc
