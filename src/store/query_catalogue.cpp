#include "store/query_catalogue.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

#include "model/errors.h"
#include "store/embedded.h"

namespace galproc {

namespace {

namespace fs = std::filesystem;

bool comes_before(const NamedQuery& query, std::string_view name) {
  return query.name < name;
}

std::vector<fs::path> sql_files(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  // Stepped by hand: a range-for throws where a later entry cannot be read.
  for (fs::directory_iterator entry(folder, error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    if (entry->path().extension() == ".sql") files.push_back(entry->path());
  }
  if (error) {
    throw UsageError("The folder of queries " + folder.string() + " cannot be read: " + error.message() + ".");
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::string whole_text(const fs::path& path) {
  const auto refuse = [&path](const char* why) -> std::string {
    throw UsageError("The query file " + path.string() + " cannot be read" + why + ".");
  };
  constexpr std::size_t kMostBytes = 1 << 20;
  std::error_code unknown;
  // A pipe or a device may never end.
  if (!fs::is_regular_file(path, unknown)) return refuse(unknown ? "" : ": it is not a file");
  std::ifstream file(path, std::ios::binary);
  std::string text(kMostBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad() || !file.is_open()) return refuse("");
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > kMostBytes) return refuse(": it is larger than 1 MiB");
  return text;
}

}  // namespace

const char* to_text(ParamType type) {
  switch (type) {
    case ParamType::Instant: return "instant";
    case ParamType::Duration: return "duration";
    case ParamType::Size: return "size";
    case ParamType::Integer: return "integer";
    case ParamType::Text: return "text";
    case ParamType::Flag: return "flag";
  }
  return "";
}

const char* to_text(ColumnKind kind) {
  switch (kind) {
    case ColumnKind::Integer: return "integer";
    case ColumnKind::Real: return "real";
    case ColumnKind::Text: return "text";
    case ColumnKind::Bytes: return "bytes";
    case ColumnKind::Percent: return "percent";
    case ColumnKind::DurationUs: return "duration_us";
    case ColumnKind::InstantUs: return "instant_us";
    case ColumnKind::Instant: return "instant";
  }
  return "";
}

Unit unit_of(ColumnKind kind) {
  switch (kind) {
    case ColumnKind::Bytes: return Unit::Bytes;
    case ColumnKind::Percent: return Unit::Percent;
    case ColumnKind::DurationUs: return Unit::DurationUs;
    case ColumnKind::InstantUs: return Unit::InstantUs;
    case ColumnKind::Instant: return Unit::InstantText;
    case ColumnKind::Integer:
    case ColumnKind::Real:
    case ColumnKind::Text: break;
  }
  return Unit::None;
}

const QueryParam* NamedQuery::find_param(std::string_view param) const {
  for (const QueryParam& candidate : params) {
    if (candidate.name == param) return &candidate;
  }
  return nullptr;
}

std::string sql_name(const QueryParam& param) {
  std::string name = ":" + param.name;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

QueryCatalogue QueryCatalogue::built_in() {
  QueryCatalogue catalogue;
  for (std::size_t i = 0; i < kQueryFilesCount; ++i) {
    catalogue.put(parse_query(kQueryFiles[i].content, kQueryFiles[i].name, "built in"));
  }
  return catalogue;
}

void QueryCatalogue::add_folder(const fs::path& folder) {
  std::vector<NamedQuery> added;
  for (const fs::path& path : sql_files(folder)) {
    added.push_back(parse_query(whole_text(path), path.stem().string(), path.string()));
  }
  for (NamedQuery& query : added) put(std::move(query));
}

const NamedQuery* QueryCatalogue::find(std::string_view name) const {
  const auto place = std::lower_bound(queries_.begin(), queries_.end(), name, comes_before);
  return place != queries_.end() && place->name == name ? &*place : nullptr;
}

void QueryCatalogue::put(NamedQuery query) {
  const auto place = std::lower_bound(queries_.begin(), queries_.end(), query.name, comes_before);
  if (place != queries_.end() && place->name == query.name) {
    *place = std::move(query);
  } else {
    queries_.insert(place, std::move(query));
  }
}

}  // namespace galproc
