#include "store/reading_only.h"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace galproc {

namespace {

/// PRAGMAs that only tell, with and without an argument.
constexpr std::array<std::string_view, 13> kTellingPragmas{
    "table_info",    "table_xinfo",    "table_list",       "index_list",        "index_info",
    "index_xinfo",   "database_list",  "foreign_key_list", "foreign_key_check", "compile_options",
    "function_list", "collation_list", "integrity_check"};
/// PRAGMAs that tell without an argument and set something with one.
constexpr std::array<std::string_view, 15> kSettablePragmas{
    "application_id", "user_version",   "schema_version", "journal_mode", "page_size",
    "page_count",     "freelist_count", "encoding",       "auto_vacuum",  "data_version",
    "synchronous",    "cache_size",     "foreign_keys",   "busy_timeout", "journal_size_limit"};

template <std::size_t N>
bool contains(const std::array<std::string_view, N>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string lower(const char* text) {
  std::string result = text == nullptr ? "" : text;
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

}  // namespace

ReadingOnly::ReadingOnly(SQLite::Database& database) : database_(database) {
  const auto decide = [](void* self, int action, const char* first, const char* second, const char*, const char*) {
    return static_cast<ReadingOnly*>(self)->decide(action, first, second);
  };
  sqlite3_set_authorizer(database_.getHandle(), decide, this);
}

ReadingOnly::~ReadingOnly() {
  sqlite3_set_authorizer(database_.getHandle(), nullptr, nullptr);
}

int ReadingOnly::decide(int action, const char* first, const char* second) {
  std::string refusal;
  if (action == SQLITE_SELECT || action == SQLITE_READ || action == SQLITE_RECURSIVE) return SQLITE_OK;
  // The first use of a built-in virtual table (json_each, dbstat, pragma_...) asks for this and changes nothing. A
  // statement that means it is no reading one, which is asked of SQLite as well.
  if (action == SQLITE_UPDATE && lower(first) == "sqlite_master") return SQLITE_OK;
  if (action == SQLITE_FUNCTION) {
    const std::string name = lower(second);
    // The second hands out addresses of this process and takes any for a table of functions (Debian's SQLite has it).
    if (name != "load_extension" && name != "fts3_tokenizer") return SQLITE_OK;
    refusal = name == "load_extension" ? "it would load an extension" : "it would name a tokenizer by its address";
  } else if (action == SQLITE_PRAGMA) {
    const std::string name = lower(first);
    if (contains(kTellingPragmas, name) || (second == nullptr && contains(kSettablePragmas, name))) return SQLITE_OK;
    refusal = "PRAGMA " + name + " may change something";
  } else if (action == SQLITE_ATTACH || action == SQLITE_DETACH) {
    refusal = "it would open or close another file";
  } else if (action == SQLITE_TRANSACTION || action == SQLITE_SAVEPOINT) {
    refusal = "transactions are galproc's own";
  } else {
    refusal = "it would write";
  }
  if (denied_.empty()) denied_ = refusal;
  return SQLITE_DENY;
}

}  // namespace galproc
