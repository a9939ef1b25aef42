#include "cli/query_moment.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <filesystem>

#include "cli/command.h"
#include "model/text.h"
#include "model/time_words.h"
#include "store/statement.h"

namespace galproc {

namespace {

/// Naming one of these asks about that one's whole life, not about the last hour.
constexpr const char* kNamesOne[] = {"pid", "upid", "action"};

std::int64_t wall_clock_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::int64_t parse_integer(const std::string& text) {
  std::int64_t value = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || rest != text.data() + text.size()) {
    throw UsageError(fmt::format("'{}' is not a whole number.", escape_controls(text)));
  }
  if (value < 0)
    throw UsageError(fmt::format("{} is negative, which no pid, upid or other number of a question is.", value));
  return value;
}

std::int64_t parse_port(const std::string& text) {
  const std::int64_t port = parse_integer(text);
  if (port < 0 || port > 65535) throw UsageError(fmt::format("{} is not a port, 0 to 65535.", port));
  return port;
}

/// Whether what was deleted from the log of actions is missing in the answer.
bool reads_action_log(const NamedQuery& query) {
  return query.sql.find("attempt") != std::string::npos || query.sql.find("action") != std::string::npos ||
         query.sql.find("gaps") != std::string::npos;
}

/// Whether the answer is drawn from what looks measured.
bool reads_samples(const NamedQuery& query) {
  return query.sql.find("process_sample") != std::string::npos || query.sql.find("system_sample") != std::string::npos;
}

/// The detail of a gap, a sentence, for use inside another.
std::string inner(std::string detail) {
  if (detail.ends_with('.')) detail.pop_back();
  return escape_controls(detail);
}

std::optional<std::string> word_of(const std::map<std::string, std::string>& words, const std::string& name) {
  const auto found = words.find(name);
  return found == words.end() ? std::nullopt : std::optional(found->second);
}

/// kind, from_us, to_us, detail of what the range ?1 to ?2 touches; ?3: the log of actions is read. Of a process (pid
/// ?4, upid ?5) that is known, only while it lived, and first the gap in which it ended; then what says more than the
/// late ticks of a busy machine. Where the wall clock was put back a gap begins after its end.
constexpr const char* kGapsOfRange = R"(
WITH life AS MATERIALIZED (
  SELECT p.started_us, coalesce(max(x.ended_us), 9223372036854775807) AS ended_us
  FROM process AS p LEFT JOIN process_exit AS x ON x.upid = p.upid
  WHERE p.upid = ?5 OR p.pid = ?4 AND ?5 IS NULL
  GROUP BY p.upid)
SELECT kind, from_us, to_us, detail
FROM (SELECT *, min(from_us, coalesce(to_us, from_us)) AS low_us, max(from_us, coalesce(to_us, ?2)) AS high_us FROM gaps)
WHERE low_us < ?2 AND high_us > ?1
  AND (?3 OR kind <> 'pruned' OR detail NOT LIKE 'The oldest of the action log%')
  AND (NOT EXISTS (SELECT 1 FROM life)
       OR EXISTS (SELECT 1 FROM life WHERE low_us < ended_us AND high_us > started_us))
ORDER BY EXISTS (SELECT 1 FROM life WHERE ended_us BETWEEN low_us AND high_us) DESC, kind = 'late', from_us, kind)";

}  // namespace

QueryMoment::QueryMoment(const NamedQuery& query, const std::map<std::string, std::string>& words,
                         const std::set<std::string>& set_flags)
    : query_(query), now_us_(wall_clock_us()) {
  check_given(words);
  for (const QueryParam& param : query.params) {
    if (param.name == "at") {
      resolve_at(words);
    } else if (param.name == "to") {
      resolve_pair(words);
    } else if (param.name == "until") {
      resolve_range(words);
    } else if (param.name != "since" && param.name != "from") {
      resolve_other(param, words, set_flags);
    }
  }
}

void QueryMoment::check_given(const std::map<std::string, std::string>& words) const {
  for (const QueryParam& param : query_.params) {
    if (param.required && !words.contains(param.name)) {
      throw UsageError(fmt::format("The query {} needs --{} ({}).", query_.name, param.name, param.help));
    }
  }
  if (query_.find_param("window") && words.contains("at") && words.contains("action")) {
    throw UsageError(fmt::format("The query {} looks around one moment: give --at or --action.", query_.name));
  }
  const auto& one_of = query_.requires_one_of;
  const bool given = std::any_of(one_of.begin(), one_of.end(), [&](const auto& name) { return words.contains(name); });
  if (!one_of.empty() && !given) {
    throw UsageError(fmt::format("The query {} needs --{}.", query_.name, fmt::join(one_of, " or --")));
  }
}

void QueryMoment::resolve_at(const std::map<std::string, std::string>& words) {
  const auto word = word_of(words, "at");
  // A query that does not say so asks about all times when no moment is given.
  const auto& otherwise = query_.find_param("at")->default_text;
  wants_latest_ = word ? *word == "latest" : otherwise == "latest";
  if (wants_latest_ || !word) return;
  set_moment(parse_flag("at", *word, [&](const std::string& text) { return parse_instant_us(text, now_us_); }), "");
}

void QueryMoment::resolve_pair(const std::map<std::string, std::string>& words) {
  const auto from_word = word_of(words, "from");
  const auto to_word = word_of(words, "to");
  if (from_word) {
    from_us_ = parse_flag("from", *from_word, [&](const std::string& text) { return parse_instant_us(text, now_us_); });
  }
  wants_latest_ = !to_word || *to_word == "latest";
  if (wants_latest_) return;
  set_moment(
      parse_flag("to", *to_word, [&](const std::string& text) { return parse_instant_us(text, now_us_, from_us_); }),
      "");
}

void QueryMoment::find_in(SQLite::Database& database) {
  if (bindings_.contains("action")) find_action(database);
  if (!wants_latest_) return;
  const auto at_us = Prepared(database, "SELECT at_us FROM tick ORDER BY tick_id DESC LIMIT 1").number();
  if (at_us) {
    set_moment(*at_us, ", the latest tick");
  } else {
    before_.emplace_back("Nothing is recorded yet: there is no tick.");
  }
}

void QueryMoment::find_action(SQLite::Database& database) {
  const std::int64_t action_id = std::get<std::int64_t>(bindings_.at("action"));
  const auto logged_us = Prepared(database, "SELECT at_us FROM action WHERE action_id = ?").number(action_id);
  if (!logged_us) {
    before_.push_back(fmt::format("There is no action {}. `galproc query attempts` gives their numbers.", action_id));
  } else if (query_.find_param("window")) {
    set_window(*logged_us);
  } else {
    // What became of it is known once it is over.
    at_us_ = Prepared(database, "SELECT at_us FROM action_outcome WHERE action_id = ?")
                 .number(action_id)
                 .value_or(*logged_us);
    before_.push_back(fmt::format("Action {} was over at {}.", action_id, format_instant(*at_us_)));
  }
}

/// Both sides of a moment are looked at: holes matter in all of that.
void QueryMoment::set_window(std::int64_t at_us) {
  const std::int64_t window_us = std::get<std::int64_t>(bindings_.at("window"));
  since_us_ = at_us - window_us;
  until_us_ = std::min(at_us + window_us, now_us_);
  before_.push_back(fmt::format("Around {}: from {} to {}.", format_instant(at_us), format_instant(*since_us_),
                                format_instant(at_us + window_us)));
  if (at_us + window_us > now_us_) before_.emplace_back("The end of that is yet to come.");
}

void QueryMoment::set_moment(std::int64_t at_us, const std::string& remark) {
  if (query_.find_param("window")) {
    bindings_["at"] = at_us;
    return;  // the window is not known yet
  }
  at_us_ = at_us;
  if (!query_.find_param("to")) {
    bindings_["at"] = at_us;
    before_.push_back(fmt::format("At {}{}.", format_instant(at_us), remark));
    return;
  }
  const std::string& back = query_.find_param("from")->default_text.value_or("1d");
  if (!from_us_) from_us_ = at_us - parse_duration_us(back);
  if (at_us < *from_us_) {
    throw UsageError(fmt::format("--to {} lies before --from {}.", format_instant(at_us), format_instant(*from_us_)));
  }
  bindings_["to"] = at_us;
  bindings_["from"] = *from_us_;
  before_.push_back(fmt::format("At {}{}, against {}.", format_instant(at_us), remark, format_instant(*from_us_)));
}

void QueryMoment::resolve_range(const std::map<std::string, std::string>& words) {
  const auto until_word = word_of(words, "until");
  const auto since_word = word_of(words, "since");
  bool names_one = false;
  for (const char* name : kNamesOne) names_one = names_one || words.contains(name);

  const QueryParam* since_param = query_.find_param("since");
  if (since_word) {
    since_us_ =
        parse_flag("since", *since_word, [&](const std::string& text) { return parse_instant_us(text, now_us_); });
  }
  until_us_ = until_word
                  ? parse_flag("until", *until_word,
                               [&](const std::string& text) { return parse_instant_us(text, now_us_, since_us_); })
                  : now_us_;
  if (!since_word && since_param && since_param->default_text && !names_one) {
    since_us_ = *until_us_ - parse_duration_us(*since_param->default_text);
  }
  if (since_us_ && !until_word && *since_us_ > now_us_) {
    throw UsageError(fmt::format("--since {} is yet to come.", format_instant(*since_us_)));
  }
  if (since_us_ && *until_us_ < *since_us_) {
    throw UsageError(
        fmt::format("--until {} lies before --since {}.", format_instant(*until_us_), format_instant(*since_us_)));
  }
  bindings_["until"] = *until_us_;
  if (since_us_) bindings_["since"] = *since_us_;
  before_.push_back(since_us_ ? fmt::format("From {} to {}.", format_instant(*since_us_), format_instant(*until_us_))
                              : fmt::format("All that is recorded, to {}.", format_instant(*until_us_)));
  if (*until_us_ > now_us_) before_.emplace_back("The end of that is yet to come.");
}

void QueryMoment::resolve_other(const QueryParam& param, const std::map<std::string, std::string>& words,
                                const std::set<std::string>& set_flags) {
  if (param.type == ParamType::Flag) {
    if (set_flags.contains(param.name)) bindings_[param.name] = std::int64_t{1};
    return;
  }
  auto word = word_of(words, param.name);
  if (!word) word = param.default_text;
  if (!word) return;
  bindings_[param.name] = parse_flag(param.name, *word, [&](const std::string& text) -> Value {
    switch (param.type) {
      case ParamType::Instant: return parse_instant_us(text, now_us_);
      case ParamType::Duration: return parse_duration_us(text);
      case ParamType::Size: return parse_size_bytes(text);
      case ParamType::Integer: return param.name == "port" ? parse_port(text) : parse_integer(text);
      default:
        // Folders are recorded as whole paths.
        return param.name == "path" ? std::filesystem::absolute(text).lexically_normal().string() : text;
    }
  });
  if (param.name == "window" && bindings_.contains("at")) set_window(std::get<std::int64_t>(bindings_.at("at")));
}

std::vector<std::string> QueryMoment::about_gaps(SQLite::Database& database) const {
  if (at_us_ && from_us_) {
    std::vector<std::string> sentences = about_moment(database, *from_us_, "The earlier moment");
    for (std::string& sentence : about_moment(database, *at_us_, "The later moment")) {
      sentences.push_back(std::move(sentence));
    }
    return sentences;
  }
  if (at_us_) return about_moment(database, *at_us_, "The moment");
  return until_us_ ? about_range(database) : std::vector<std::string>{};
}

std::vector<std::string> QueryMoment::about_moment(SQLite::Database& database, std::int64_t at_us,
                                                   const char* subject) const {
  std::optional<std::int64_t> tick_us, interval_us;
  std::int64_t tick_id = 0;
  Prepared(database,
           "SELECT t.at_us, r.interval_us, t.tick_id FROM tick AS t JOIN recording AS r USING (recording_id)"
           " WHERE t.at_us <= ? ORDER BY t.at_us DESC, t.tick_id DESC LIMIT 1")
      .rows(
          [&](SQLite::Statement& row) {
            tick_us = row.getColumn(0).getInt64();
            interval_us = row.getColumn(1).getInt64();
            tick_id = row.getColumn(2).getInt64();
          },
          at_us);
  if (!tick_us) {
    std::string lowered = subject;
    lowered.front() = 't';
    const auto first = Prepared(database, "SELECT at_us FROM tick ORDER BY tick_id LIMIT 1").number();
    return {first ? fmt::format("What is recorded begins at {}, after {} asked about.{}", format_instant(*first),
                                lowered, from_us_ == at_us ? " Give --from that, to compare with the first look." : "")
                  : "Nothing is recorded yet."};
  }
  const std::int64_t age_us = std::min(at_us, std::max(now_us_, *tick_us)) - *tick_us;
  std::string kind;
  Prepared(database,
           "SELECT kind, detail FROM gaps WHERE from_us < ?1 AND coalesce(to_us, ?1 + 1) > ?1"
           " AND kind NOT IN ('wal_pinned', 'pruned')"  // meanwhile ticks come as ever; those that are left are whole
           " ORDER BY from_us DESC LIMIT 1")
      .rows(
          [&](SQLite::Statement& row) {
            kind = row.getColumn(0).getString() + ": " + inner(row.getColumn(1).getString());
          },
          at_us);
  if (kind.empty() && age_us > 2 * *interval_us) kind = "no tick: the recorder crashed, is late, or cannot write";
  std::vector<std::string> told;
  if (at_us > now_us_ && at_us > *tick_us) {
    told.push_back(fmt::format("{} is yet to come: these rows are of {}.", subject, format_instant(*tick_us)));
  }
  if (!kind.empty()) {
    told.push_back(fmt::format("{} lies in a gap ({}): these rows are of {}, {} before it.", subject, kind,
                               format_instant(*tick_us), format_duration(age_us)));
  }
  Prepared(database,
           "SELECT kind, detail, ?2 >= (SELECT tick_id FROM tick WHERE at_us = to_us ORDER BY tick_id DESC LIMIT 1)"
           " FROM gaps WHERE to_us <= ?1 AND from_us > ?1 ORDER BY from_us DESC, kind LIMIT 1")
      .rows(
          [&](SQLite::Statement& row) {
            told.push_back(
                fmt::format("The wall clock came to this moment more than once ({}: {}): these rows are of "
                            "the look at {} {} it was put back.",
                            row.getColumn(0).getString(), inner(row.getColumn(1).getString()), format_instant(*tick_us),
                            row.getColumn(2).getInt() != 0 ? "after" : "before"));
          },
          at_us, tick_id);
  return told;
}

std::optional<std::int64_t> QueryMoment::bound_number(const char* name) const {
  const auto found = bindings_.find(name);
  const auto* number = found == bindings_.end() ? nullptr : std::get_if<std::int64_t>(&found->second);
  return number == nullptr ? std::nullopt : std::optional(*number);
}

std::vector<std::string> QueryMoment::about_range(SQLite::Database& database) const {
  constexpr std::size_t kShown = 3;
  std::vector<std::string> gaps;
  const auto first_us = Prepared(database, "SELECT at_us FROM tick ORDER BY tick_id LIMIT 1").number();
  if (!first_us) return {"Nothing is recorded yet: there is no tick."};
  if (since_us_ && *since_us_ < *first_us) {
    gaps.push_back(
        fmt::format("What is recorded begins at {}, after the beginning of the range.", format_instant(*first_us)));
  }
  const auto add_gap = [&](SQLite::Statement& row) {
    const auto to_us = optional_number(row.getColumn(2));
    gaps.push_back(fmt::format("The range touches a gap ({}) from {} to {}: {}.", row.getColumn(0).getString(),
                               format_instant(row.getColumn(1).getInt64()), to_us ? format_instant(*to_us) : "now",
                               inner(row.getColumn(3).getString())));
  };
  Prepared(database, kGapsOfRange)
      .rows(add_gap, since_us_.value_or(0), *until_us_, reads_action_log(query_), bound_number("pid"),
            bound_number("upid"));
  // A recording without an end whose last tick is long ago: nobody has written down yet that it is over.
  const auto silent_since_us =
      Prepared(database,
               "SELECT t.at_us FROM tick AS t JOIN recording AS r USING (recording_id)"
               " WHERE t.tick_id = (SELECT max(tick_id) FROM tick) AND t.at_us + 2 * r.interval_us < ?"
               " AND NOT EXISTS (SELECT 1 FROM recording_end AS e WHERE e.recording_id = r.recording_id)")
          .number(std::min(*until_us_, now_us_));
  if (silent_since_us) {
    gaps.insert(gaps.begin(),
                fmt::format("Nothing is recorded since {}: the recorder crashed, is late, or cannot write.",
                            format_instant(*silent_since_us)));
  }
  if (gaps.size() > kShown) {
    const std::size_t rest = gaps.size() - kShown;
    gaps.resize(kShown);
    gaps.push_back(fmt::format("And {} more gap{}: see `galproc query gaps`.", rest, rest == 1 ? "" : "s"));
  }
  if (gaps.empty() && since_us_ && reads_samples(query_) &&
      Prepared(database, "SELECT count(*) FROM (SELECT 1 FROM tick WHERE at_us BETWEEN ? AND ? LIMIT 1)")
              .number(*since_us_, *until_us_) == 0) {
    gaps.emplace_back(
        "No look lies in the range: what is measured at looks is not known for it. Ask about a longer one.");
  }
  return gaps;
}

}  // namespace galproc
