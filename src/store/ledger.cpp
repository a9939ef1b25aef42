#include "store/ledger.h"

#include <sodium.h>
#include <sqlite3.h>

#include <array>
#include <string_view>

#include "store/ledger_tables.h"

namespace galproc {

namespace {

constexpr std::string_view kPrefix("galproc-ledger-1\0", 17);

class Hash {
 public:
  Hash() {
    crypto_hash_sha256_init(&state_);
    put(kPrefix);
  }
  void add_null() { put("N"); }
  void add(std::int64_t number) {
    put("I");
    put_big_endian(static_cast<std::uint64_t>(number));
  }
  void add(std::string_view text) {
    put("T");
    put_big_endian(text.size());
    put(text);
  }
  void add(const SQLite::Column& column) {
    if (column.isNull()) {
      add_null();
    } else if (column.isInteger()) {
      add(column.getInt64());
    } else {
      const char* text = column.getText();
      add(std::string_view(text, static_cast<std::size_t>(column.getBytes())));
    }
  }
  std::string hex() {
    std::array<unsigned char, crypto_hash_sha256_BYTES> bytes{};
    crypto_hash_sha256_final(&state_, bytes.data());
    std::array<char, 2 * crypto_hash_sha256_BYTES + 1> text{};
    sodium_bin2hex(text.data(), text.size(), bytes.data(), bytes.size());
    return text.data();
  }

 private:
  void put(std::string_view bytes) {
    crypto_hash_sha256_update(&state_, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  }
  void put_big_endian(std::uint64_t number) {
    std::array<char, 8> bytes{};
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(number >> (56 - 8 * i) & 0xff);
    put({bytes.data(), bytes.size()});
  }

  crypto_hash_sha256_state state_{};
};

}  // namespace

std::string ledger_hash(const std::string& prev_hash, const std::string& table, std::int64_t row_id,
                        SQLite::Statement& row) {
  Hash hash;
  hash.add(prev_hash);
  hash.add(table);
  hash.add(row_id);
  for (int i = 0; i < row.getColumnCount(); ++i) hash.add(row.getColumn(i));
  return hash.hex();
}

std::optional<std::string> ledger_start(SQLite::Database& database) {
  SQLite::Statement origin(database, "SELECT database_id, predecessor_name, predecessor_head FROM origin");
  if (!origin.executeStep()) return std::nullopt;
  Hash hash;
  for (int i = 0; i < origin.getColumnCount(); ++i) hash.add(origin.getColumn(i));
  return hash.hex();
}

const ChainedTable* chained_table(std::string_view name) {
  for (const ChainedTable& table : kFormat1) {
    if (name == table.name) return &table;
  }
  return nullptr;
}

std::string select_chained(const ChainedTable& table) {
  return std::string("SELECT ") + table.columns + " FROM " + table.name + " WHERE " + table.key + " = ?";
}

Ledger::Ledger(SQLite::Database& database)
    : database_(database),
      newest_(database, "SELECT hash FROM ledger ORDER BY seq DESC LIMIT 1"),
      insert_(database, "INSERT INTO ledger (format, table_name, row_id, hash, prev_hash) VALUES (?, ?, ?, ?, ?)") {}

std::string Ledger::head() {
  std::optional<std::string> hash;
  newest_.rows([&](SQLite::Statement& row) { hash = row.getColumn(0).getString(); });
  if (!hash) hash = ledger_start(database_);
  if (!hash) throw SQLite::Exception("the row of origin is gone, so there is nothing to chain to", SQLITE_CORRUPT);
  return *hash;
}

void Ledger::append(const std::string& table, std::int64_t row_id) {
  const std::string before = head();
  std::string hash;
  auto row = rows_.find(table);
  if (row == rows_.end()) row = rows_.try_emplace(table, database_, select_chained(*chained_table(table))).first;
  row->second.rows([&](SQLite::Statement& columns) { hash = ledger_hash(before, table, row_id, columns); }, row_id);
  insert_.run(kLedgerFormat, table, row_id, hash, before);
}

std::optional<std::string> last_ledger_head(const std::filesystem::path& path) {
  try {
    SQLite::Database database(path.string(), SQLite::OPEN_READONLY);
    sqlite3_db_config(database.getHandle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    SQLite::Statement newest(database, "SELECT hash FROM ledger ORDER BY seq DESC LIMIT 1");
    if (!newest.executeStep()) return ledger_start(database);
    const std::string hash = newest.getColumn(0).getString();
    return is_ledger_hash(hash) ? std::optional(hash) : std::nullopt;
  } catch (const SQLite::Exception&) {
    return std::nullopt;  // it was moved aside because it is damaged: what cannot be read is unknown
  }
}

bool is_ledger_hash(std::string_view text) {
  return text.size() == std::size_t{2} * crypto_hash_sha256_BYTES &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace galproc
