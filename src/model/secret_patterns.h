#pragma once

// Secrets that are known by the text around them, or by their own shape, wherever in an argument they stand.
// Internal to redaction. Every look ahead is bounded or remembered, so that no text costs more than its length times
// a constant: command lines are written by whoever starts a process.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "model/secret_names.h"

namespace galproc {

/// Bytes [begin, end) of a text.
struct Span {
  std::size_t begin;
  std::size_t end;
};

struct PatternContext {
  const SecretNames& names;
  /// The text goes on after its end: what may be the beginning of a secret there is one.
  bool cut_short = false;
  /// Several words of a shell or of a sentence: a value ends at a blank where one argument would go on.
  bool words = false;
};

/// Appends what is secret in `text`, in no order, possibly overlapping.
void find_secrets(std::string_view text, const PatternContext& context, std::vector<Span>& spans);

/// The part of it that goes by names: `at` is where a `=` or `:` stands. Gives the place to go on from.
std::size_t find_in_assignment(std::string_view text, std::size_t at, const PatternContext& context,
                               std::vector<Span>& spans);

/// The end of the value that begins at `begin` in a list of assignments ("a=1;b=2", "a=1 b=2", "a=1&b=2", "a=1,b=2"):
/// at the first separator that another `name=` follows, else the end of the text.
std::size_t end_before_next_assignment(std::string_view text, std::size_t begin);

/// Appends a span unless it is empty or redacted already.
void add_span(std::vector<Span>& spans, std::string_view text, std::size_t begin, std::size_t end);

/// The text with each span replaced by "[redacted]".
std::string replace_spans(std::string_view text, std::vector<Span> spans);

std::size_t end_of_word(std::string_view text, std::size_t begin);
std::size_t skip_blanks(std::string_view text, std::size_t begin);
constexpr bool is_quote(char c) {
  return c == '"' || c == '\'' || c == '`';
}

}  // namespace galproc
