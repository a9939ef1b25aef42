#pragma once

#include "recorder/collector.h"
#include "store/statement.h"

namespace galproc {

/// The machine's own figures: one row a tick.
class SystemCollector : public Collector {
 public:
  explicit SystemCollector(SQLite::Database& database);

  std::string_view name() const override { return "system"; }
  void write(const TickReading& reading, const Tick& tick) override;
  void committed() override {}
  void rolled_back() override {}

 private:
  Prepared insert_;
};

}  // namespace galproc
