// An own writer: rows are flat, and a JSON library would cost four times the time (notes/ecosystem.md, section 2)
// and throws on text that is not UTF-8, which a process may well have in its name.

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "model/text.h"
#include "render/cells.h"
#include "render/formats.h"

namespace galproc {

namespace {

bool is_ascii(char c) {
  return static_cast<unsigned char>(c) < 0x80;
}

void append_ascii(std::string& json, char c) {
  switch (c) {
    case '"': json += "\\\""; return;
    case '\\': json += "\\\\"; return;
    case '\b': json += "\\b"; return;
    case '\f': json += "\\f"; return;
    case '\n': json += "\\n"; return;
    case '\r': json += "\\r"; return;
    case '\t': json += "\\t"; return;
    default: break;
  }
  if (c < 0x20 || c == 0x7f) {
    json += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
  } else {
    json += c;
  }
}

std::string json_text(std::string_view text) {
  std::string json = "\"";
  json.reserve(text.size() + 2);
  for (std::size_t i = 0; i < text.size();) {
    if (is_ascii(text[i])) {
      append_ascii(json, text[i++]);
      continue;
    }
    std::size_t end = i;
    while (end < text.size() && !is_ascii(text[end])) ++end;
    const std::string_view run = text.substr(i, end - i);
    // Outside ASCII the escapes of the text formats (`\u202e`) are JSON's own. A bad byte grows to three at most.
    json += escape_controls(clean_utf8(run, run.size() * 3).text);
    i = end;
  }
  return json + '"';
}

std::string json_value(const Value& value);

std::string json_list(const List& list) {
  std::string array = "[";
  for (const List::Item& item : list.items) {
    array += array.size() > 1 ? ",{" : "{";
    for (const auto& [key, scalar] : item) {
      if (&key != &item.front().first) array += ',';
      array += json_text(key) + ':';
      array += json_value(std::visit([](const auto& plain) { return Value(plain); }, scalar));
    }
    array += '}';
  }
  return array + ']';
}

std::string json_value(const Value& value) {
  if (const auto* list = std::get_if<std::shared_ptr<const List>>(&value)) return json_list(**list);
  if (is_unknown(value)) return "null";
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return std::to_string(*integer);
  if (const auto* real = std::get_if<double>(&value)) return round_trip_text(*real);
  return json_text(std::get<std::string>(value));
}

/// Column names ready to write. A free statement may name two columns alike (`SELECT a.pid, b.pid`), and most
/// readers keep only the last of two equal keys: the second becomes `pid_2`. What counts is how they are written: of
/// names that differ only in what is no UTF-8 nobody sees a difference.
std::vector<std::string> json_keys(const std::vector<Column>& columns) {
  std::vector<std::string> keys;
  keys.reserve(columns.size());
  for (const Column& column : columns) keys.push_back(json_text(column.name) + ':');
  std::unordered_set<std::string> taken(keys.begin(), keys.end());
  std::unordered_map<std::string, int> copies;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    int& copy = copies[keys[i]];
    if (++copy == 1) continue;
    for (;; ++copy) {
      const std::string key = json_text(fmt::format("{}_{}", columns[i].name, copy)) + ':';
      if (!taken.insert(key).second) continue;
      keys[i] = key;
      break;
    }
  }
  return keys;
}

std::string json_object(const std::vector<std::string>& keys, const std::vector<Value>& row) {
  std::string object = "{";
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (i > 0) object += ',';
    object += keys[i];
    object += json_value(row[i]);
  }
  return object + '}';
}

class JsonRenderer final : public Renderer {
 public:
  explicit JsonRenderer(bool object) : object_(object) {}

  void render(const RowSet& row_set, std::ostream& out) override {
    if (row_set.rows.empty()) {
      out << (object_ ? "null\n" : "[]\n");
      return;
    }
    const std::vector<std::string> keys = json_keys(row_set.columns);
    // More rows than a single-object verb should have are an array after all: nothing is dropped.
    if (object_ && row_set.rows.size() == 1) {
      out << json_object(keys, row_set.rows.front()) << '\n';
      return;
    }
    const char* before = "[\n ";
    for (const std::vector<Value>& row : row_set.rows) {
      if (!out) return;
      out << before << json_object(keys, row);
      before = ",\n ";
    }
    out << "\n]\n";
  }

 private:
  bool object_;
};

class JsonlRenderer final : public Renderer {
 public:
  void render(const RowSet& row_set, std::ostream& out) override {
    const std::vector<std::string> keys = json_keys(row_set.columns);
    for (const std::vector<Value>& row : row_set.rows) {
      if (!out) return;
      out << json_object(keys, row) << '\n';
    }
  }
};

}  // namespace

std::unique_ptr<Renderer> make_json_renderer(bool object) {
  return std::make_unique<JsonRenderer>(object);
}

std::unique_ptr<Renderer> make_jsonl_renderer() {
  return std::make_unique<JsonlRenderer>();
}

}  // namespace galproc
