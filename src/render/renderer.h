#pragma once

#include <array>
#include <memory>
#include <optional>
#include <ostream>
#include <string_view>

#include "model/rows.h"

namespace galproc {

enum class Format { Table, Json, Jsonl, Csv, Markdown };

/// The values of `--format`, in the order of `Format`; for help texts, completion and error messages.
inline constexpr std::array<std::string_view, 5> kFormatNames{"table", "json", "jsonl", "csv", "markdown"};

/// The format of that name, or empty for any other text. Names are lower case.
std::optional<Format> parse_format(std::string_view name);

struct RenderOptions {
  int width = 0;        ///< columns of the terminal that a table must fit in; 0: unlimited, as when piped
  bool color = false;   ///< a table may use colour; whether the output wants any is the caller's to find out
  bool object = false;  ///< JSON: one object instead of an array, for the verbs that answer with a single one
};

/// Writes a whole answer as text. Nothing in the cells is trusted: control characters and bidirectional marks are
/// escaped in every format; bytes that are not UTF-8 come out as U+FFFD in json and jsonl, as `\x9b` elsewhere.
/// Without rows, a table and jsonl write nothing, json writes `[]` (`null` for an object), csv its header, markdown
/// its header and rule. A stream that fails (a broken pipe) ends the writing early; the caller sees it by the
/// stream's state.
class Renderer {
 public:
  virtual ~Renderer() = default;
  virtual void render(const RowSet& row_set, std::ostream& out) = 0;
};

/// Never null.
std::unique_ptr<Renderer> make_renderer(Format format, RenderOptions options);

}  // namespace galproc
