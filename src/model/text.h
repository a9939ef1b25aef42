#pragma once

// Text from the outside world (names, command lines, paths, flags somebody typed): made valid before it is
// stored, made harmless and measured before it is shown. Nothing here depends on the locale.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace galproc {

struct CleanText {
  std::string text;
  bool truncated = false;  ///< something was cut off at the limit
};

/// Valid UTF-8 out of any bytes, at most `limit` bytes of it. Each bad sequence becomes one U+FFFD (by maximal
/// subparts, as Unicode 3.9 recommends and browsers do), NUL becomes a blank. All else is kept, control characters
/// too: they are facts, and are escaped on output. The cut is never inside a character.
CleanText clean_utf8(std::string_view bytes, std::size_t limit = 65536);

/// For text outputs: what could move the cursor, end the line or turn the reading direction becomes visible:
/// `\n`, `\t`, `\r`, `\x1b` (C0 and DEL), `\u0085` (C1), `\u202e` (bidirectional marks, U+2028, U+2029, U+FEFF).
/// A backslash stays as it is, so this is for reading, not for turning back. Any byte that is not UTF-8 comes out as
/// `\x9b`: a lone 0x9B is a control sequence to some terminals.
std::string escape_controls(std::string_view utf8);

/// One word for a POSIX shell: bare where every character is harmless, else in single quotes.
std::string shell_quote(std::string_view argument);

/// The arguments as one line that a POSIX shell would split into the same arguments.
std::string join_command_line(const std::vector<std::string>& arguments);

/// The arguments of a line that join_command_line made; one that was cut short ends within its last argument.
std::vector<std::string> split_command_line(std::string_view line);

/// The candidate that `word` is most likely a slip of (letters swapped, missing, doubled or wrong, at most 2 or a
/// third of the word; case does not count), the earlier one where two are as near. "" when none is near.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates);

/// Terminal columns: 0 for combining and control characters, 2 for wide ones (East Asian, emoji), else 1.
/// Emoji that are joined to one picture count each by itself, as most terminals draw them.
int display_width(std::string_view utf8);

/// At most `width` columns of the text, the last one `…` where something had to go. Never cut inside a
/// character, its combining marks or a joined emoji.
std::string cut_to_width(std::string_view utf8, int width);

}  // namespace galproc
