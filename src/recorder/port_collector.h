#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "recorder/process_collector.h"

namespace galproc {

/// Port bindings as intervals: a row when a hold is first seen, another when it is gone.
class PortCollector : public Collector {
 public:
  /// REQUIRES: both outlive this object; `upids` has written the same tick before.
  PortCollector(SQLite::Database& database, const UpidLookup& upids);

  std::string_view name() const override { return "ports"; }
  void write(const TickReading& reading, const Tick& tick) override;
  void committed() override;
  void rolled_back() override;

 private:
  /// One holder's hold of one address and port. Without a holder it is somebody's who may not be seen.
  struct Hold {
    std::optional<std::int64_t> upid;
    std::string protocol;
    std::string address;
    std::int64_t port = 0;
    std::int64_t network_namespace = 0;
    friend auto operator<=>(const Hold&, const Hold&) = default;
  };
  using Bindings = std::map<Hold, std::int64_t>;  ///< hold -> binding_id

  void adopt_open_bindings(const Tick& tick);

  SQLite::Database& database_;
  const UpidLookup& upids_;
  Prepared insert_binding_, insert_release_;
  Bindings known_;
  std::vector<std::pair<Hold, std::int64_t>> bound_;
  std::vector<Hold> released_;
  /// Whether what earlier recordings left bound was taken over, in the open transaction and for good.
  bool adopted_ = false;
  /// When the last committed pass began, and that of the open transaction.
  std::optional<std::int64_t> last_pass_us_, open_pass_us_;
  bool adopting_ = false;
};

}  // namespace galproc
