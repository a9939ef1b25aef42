// Reads the header of a query file. Everything that can be wrong without a database is found here, with its line, so
// that a bad file never gets as far as a question.

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "model/errors.h"
#include "store/query_catalogue.h"

namespace galproc {

namespace {

constexpr std::string_view kBlanks = " \t\r";

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

/// The part before the separator, which is taken off `text` together with it; all of it when there is none.
std::string_view take_until(std::string_view& text, std::string_view separator) {
  const std::size_t end = text.find(separator);
  const std::string_view part = text.substr(0, end);
  text = end == std::string_view::npos ? std::string_view{} : text.substr(end + separator.size());
  return trim(part);
}

std::string_view take_word(std::string_view& text) {
  const std::string_view word = take_until(text, " ");
  text = trim(text);
  return word;
}

bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// Lower-case words and numbers, joined by `joint`.
bool is_name(std::string_view text, char joint) {
  if (text.empty() || !is_lower(text.front()) || text.back() == joint) return false;
  char before = 'a';
  for (const char c : text) {
    if (!is_lower(c) && !is_digit(c) && (c != joint || before == joint)) return false;
    before = c;
  }
  return true;
}

/// Not "quoted": a call with a std::string would find std::quoted as well.
std::string in_quotes(std::string_view text) {
  return "'" + std::string(text) + "'";
}

/// `DECLARATION: HELP` in two. ": " and not ":", so that a default may be a time of day.
std::pair<std::string_view, std::string_view> split_help(std::string_view text) {
  std::string_view help = text;
  std::string_view declaration = take_until(help, ": ");
  if (help.empty() && !declaration.empty() && declaration.back() == ':') declaration.remove_suffix(1);
  return {trim(declaration), trim(help)};
}

template <typename Enum, std::size_t N>
std::optional<Enum> by_word(const std::array<Enum, N>& values, std::string_view word) {
  for (const Enum value : values) {
    if (to_text(value) == word) return value;
  }
  return std::nullopt;
}

constexpr std::array<std::string_view, 8> kKeys{"name",  "summary", "why",    "example",
                                                "param", "require", "column", "tree"};
constexpr std::array kParamTypes{ParamType::Instant, ParamType::Duration, ParamType::Size,
                                 ParamType::Integer, ParamType::Text,     ParamType::Flag};
constexpr std::array kColumnKinds{ColumnKind::Integer,   ColumnKind::Real,    ColumnKind::Text,
                                  ColumnKind::Bytes,     ColumnKind::Percent, ColumnKind::DurationUs,
                                  ColumnKind::InstantUs, ColumnKind::Instant};

/// Length of the text up to the `;` that ends its first statement, or of all of it. Quoted texts and names, and
/// comments, may hold any character.
std::size_t statement_length(std::string_view sql) {
  for (std::size_t i = 0; i < sql.size(); ++i) {
    const char c = sql[i];
    std::string_view end;
    if (c == ';') return i;
    if (c == '\'' || c == '"' || c == '`') end = sql.substr(i, 1);
    if (c == '[') end = "]";
    if (sql.substr(i, 2) == "--") end = "\n";
    if (sql.substr(i, 2) == "/*") end = "*/";
    if (end.empty()) continue;
    const std::size_t found = sql.find(end, i + (end == "*/" ? 2 : 1));
    if (found == std::string_view::npos) return sql.size();
    i = found + end.size() - 1;
  }
  return sql.size();
}

/// Only blanks, comments and lone semicolons.
bool says_nothing(std::string_view sql) {
  while (true) {
    while (!sql.empty() && (sql.front() == ';' || std::isspace(static_cast<unsigned char>(sql.front())))) {
      sql.remove_prefix(1);
    }
    if (sql.empty()) return true;
    const bool line = sql.substr(0, 2) == "--";
    if (!line && sql.substr(0, 2) != "/*") return false;
    const std::string_view end = line ? "\n" : "*/";
    const std::size_t found = sql.find(end, 2);
    if (found == std::string_view::npos) return true;
    sql.remove_prefix(found + end.size());
  }
}

class HeaderParser {
 public:
  HeaderParser(std::string_view text, const std::string& expected_name, const std::string& source)
      : rest_(text), expected_name_(expected_name) {
    query_.source = source;
  }

  NamedQuery parse() {
    std::string_view line;
    while (take_header_line(line)) read_line(line);
    flush();
    read_statement();
    check_whole();
    return std::move(query_);
  }

 private:
  /// One `key: value` with the lines that continue it.
  struct Entry {
    int line = 0;
    std::string key;
    std::string value;
  };

  [[noreturn]] void fail(int line, const std::string& what) const {
    throw Error(ExitCode::Failed, "The query " + in_quotes(expected_name_) + " cannot be used: " + query_.source + ":" +
                                      std::to_string(line) + ": " + what + ".");
  }

  /// The next line of the header without its dashes; false at the statement, which then begins at `rest_`.
  bool take_header_line(std::string_view& line) {
    while (!rest_.empty()) {
      const std::size_t end = rest_.find('\n');
      line = trim(rest_.substr(0, end));
      if (!line.empty() && line.substr(0, 2) != "--") return false;
      rest_ = end == std::string_view::npos ? std::string_view{} : rest_.substr(end + 1);
      ++line_;
      if (line.empty()) continue;
      line.remove_prefix(2);
      return true;
    }
    return false;
  }

  void read_line(std::string_view line) {
    const std::string_view content = trim(line);
    if (content.empty()) return;
    if (line.substr(0, 3) == "   ") {
      if (entry_.key.empty()) fail(line_, "a line that continues another stands first");
      entry_.value += " " + std::string(content);
      return;
    }
    flush();
    std::string_view value = content;
    const std::string_view key = take_until(value, ":");
    entry_ = {line_, std::string(key), std::string(trim(value))};
  }

  void flush() {
    if (entry_.key.empty()) return;
    const Entry entry = std::exchange(entry_, {});
    if (std::find(kKeys.begin(), kKeys.end(), entry.key) == kKeys.end()) {
      fail(entry.line, "unknown key " + in_quotes(entry.key) +
                           "; known are name, summary, why, example, param, require, "
                           "column, tree");
    }
    if (entry.value.empty()) fail(entry.line, in_quotes(entry.key) + " is empty");
    if (entry.key == "name") set_once(entry, query_.name);
    if (entry.key == "summary") set_once(entry, query_.summary);
    if (entry.key == "why") set_once(entry, query_.why);
    if (entry.key == "example") query_.examples.push_back(entry.value);
    if (entry.key == "param") add_param(entry);
    if (entry.key == "require") set_required(entry);
    if (entry.key == "column") add_column(entry);
    if (entry.key == "tree") set_tree(entry);
  }

  void set_once(const Entry& entry, std::string& field) const {
    if (!field.empty()) fail(entry.line, in_quotes(entry.key) + " is given twice");
    field = entry.value;
  }

  /// NAME TYPE [of A|B] [required | default WORDS]: HELP
  void add_param(const Entry& entry) {
    auto [declaration, help] = split_help(entry.value);
    QueryParam param;
    param.name = take_word(declaration);
    param.help = help;
    const std::string what = "parameter " + in_quotes(param.name);
    if (!is_name(param.name, '-')) fail(entry.line, what + " is not lower-case words with hyphens");
    if (query_.find_param(param.name) != nullptr) fail(entry.line, what + " is declared twice");
    const std::string_view type_word = take_word(declaration);
    const auto type = by_word(kParamTypes, type_word);
    if (!type) {
      fail(entry.line, what + " has the unknown type " + in_quotes(type_word) +
                           "; known are instant, duration, size, integer, text, flag");
    }
    param.type = *type;
    if (declaration.substr(0, 3) == "of ") read_choices(entry, declaration, param);
    if (declaration == "required") {
      param.required = true;
    } else if (declaration.substr(0, 8) == "default ") {
      param.default_text = trim(declaration.substr(8));
      check_default(entry, param);
    } else if (!declaration.empty()) {
      fail(entry.line,
           what + " says " + in_quotes(declaration) + " where only 'required' or 'default WORDS' may stand");
    }
    if (help.empty()) fail(entry.line, what + " has no help after ': '");
    query_.params.push_back(std::move(param));
  }

  void read_choices(const Entry& entry, std::string_view& declaration, QueryParam& param) const {
    take_word(declaration);
    if (param.type != ParamType::Text) {
      fail(entry.line, "parameter " + in_quotes(param.name) + " is no text, so it has no allowed values ('of A|B')");
    }
    std::string_view words = take_word(declaration);
    while (!words.empty()) param.choices.emplace_back(take_until(words, "|"));
  }

  void check_default(const Entry& entry, const QueryParam& param) const {
    const std::string& text = *param.default_text;
    const bool digits = !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
    bool good = !text.empty();
    if (param.type == ParamType::Integer) good = digits;
    if (param.type == ParamType::Flag) good = text == "0" || text == "1";
    const auto& choices = param.choices;
    if (!choices.empty()) good = std::find(choices.begin(), choices.end(), text) != choices.end();
    if (!good) fail(entry.line, in_quotes(text) + " is no value for parameter " + in_quotes(param.name));
  }

  void set_required(const Entry& entry) {
    if (!query_.requires_one_of.empty()) fail(entry.line, "'require' is given twice");
    std::string_view words = entry.value;
    while (!words.empty()) query_.requires_one_of.emplace_back(take_until(words, "|"));
    require_line_ = entry.line;
  }

  /// NAME KIND: HELP
  void add_column(const Entry& entry) {
    auto [declaration, help] = split_help(entry.value);
    QueryColumn column;
    column.name = take_word(declaration);
    column.help = help;
    const std::string what = "column " + in_quotes(column.name);
    if (!is_name(column.name, '_')) fail(entry.line, what + " is not lower-case words with underscores");
    if (has_column(column.name)) fail(entry.line, what + " is declared twice");
    const auto kind = by_word(kColumnKinds, declaration);
    if (!kind) {
      fail(entry.line, what + " has the unknown kind " + in_quotes(declaration) +
                           "; known are integer, real, text, bytes, percent, duration_us, instant_us, instant");
    }
    column.kind = *kind;
    if (help.empty()) fail(entry.line, what + " has no help after ': '");
    query_.columns.push_back(std::move(column));
  }

  void set_tree(const Entry& entry) {
    if (query_.tree_column) fail(entry.line, "'tree' is given twice");
    query_.tree_column = entry.value;
    tree_line_ = entry.line;
  }

  bool has_column(std::string_view name) const {
    return std::any_of(query_.columns.begin(), query_.columns.end(),
                       [name](const QueryColumn& column) { return column.name == name; });
  }

  void read_statement() {
    const std::size_t length = statement_length(rest_);
    const std::string_view statement = rest_.substr(0, length);
    // SQLite would take it for the end.
    if (rest_.find('\0') != std::string_view::npos) fail(line_ + 1, "the statement holds a NUL byte");
    const std::string_view tail = rest_.substr(length);
    if (says_nothing(statement)) fail(line_ + 1, "no statement follows the header");
    if (!says_nothing(tail)) {
      const auto lines = std::count(statement.begin(), statement.end(), '\n');
      fail(line_ + 1 + static_cast<int>(lines), "a second statement follows the first, which ends here");
    }
    query_.sql = statement.substr(0, statement.find_last_not_of(" \t\r\n") + 1);
  }

  void check_whole() const {
    if (query_.name.empty()) fail(1, "the header has no name");
    if (!is_name(query_.name, '-'))
      fail(1, "the name " + in_quotes(query_.name) + " is not lower-case words with hyphens");
    if (query_.name != expected_name_) {
      fail(1, "the name " + in_quotes(query_.name) + " is not that of the file, " + in_quotes(expected_name_));
    }
    if (query_.summary.empty()) fail(1, "the header has no summary");
    if (query_.columns.empty()) fail(1, "the header declares no column");
    for (const std::string& name : query_.requires_one_of) {
      if (query_.find_param(name) != nullptr) continue;
      fail(require_line_, "'require' names " + in_quotes(name) + ", which is no parameter");
    }
    if (query_.tree_column && !has_column(*query_.tree_column)) {
      fail(tree_line_, "'tree' names " + in_quotes(*query_.tree_column) + ", which is no column");
    }
    if (query_.tree_column && !has_column("depth")) fail(tree_line_, "a tree needs a column 'depth'");
  }

  std::string_view rest_;
  std::string expected_name_;
  NamedQuery query_;
  Entry entry_;
  int line_ = 0;
  int require_line_ = 0;
  int tree_line_ = 0;
};

}  // namespace

NamedQuery parse_query(std::string_view text, const std::string& expected_name, const std::string& source) {
  return HeaderParser(text, expected_name, source).parse();
}

}  // namespace galproc
