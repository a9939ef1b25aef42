#include "model/redaction.h"

#include <algorithm>
#include <optional>

#include "model/secret_options.h"
#include "model/secret_patterns.h"

namespace galproc {
namespace {

bool has_blank(std::string_view text) {
  return std::any_of(text.begin(), text.end(), is_blank);
}

/// Cheap: without any of these a word announces nothing, and a token that goes without is long.
bool may_hold_pattern(std::string_view text) {
  constexpr std::size_t kShortestToken = 20;  // AWS key ids
  return text.size() >= kShortestToken || text.find_first_of("=:-_. ") != std::string_view::npos;
}

/// `-c`, `-lc`, `-ec`: the next argument is a script.
bool is_script_flag(std::string_view flag) {
  if (flag == "/c" || flag == "/C" || flag == "--command" || flag == "-Command") return true;
  return flag.size() >= 2 && flag.size() <= 5 && flag[0] == '-' && flag.back() == 'c' &&
         std::all_of(flag.begin() + 1, flag.end(), is_lower);
}

/// The next argument is a sentence, in which "--password" is a topic. Patterns still count there.
bool is_message_flag(std::string_view flag) {
  for (const std::string_view known : {"-m", "-am", "--message", "--title", "--body", "--reason", "--comment"}) {
    if (flag == known) return true;
  }
  return false;
}

}  // namespace

Redactor::Redactor(const std::vector<std::string>& extra_names) : names_(extra_names) {}

std::vector<std::string> Redactor::redact(std::vector<std::string> arguments, bool last_truncated) const {
  // A process that sets its title leaves one string, and empty ones where the other arguments were.
  const bool is_title = std::count(arguments.begin(), arguments.end(), "") + 1 == std::ssize(arguments);
  OptionWalker walker(names_, false);
  std::vector<Span> spans;
  std::string previous;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    std::string& argument = arguments[i];
    const bool cut_short = last_truncated && i + 1 == arguments.size();
    const bool blanks = has_blank(argument);
    const bool is_script =
        blanks && (is_title || walker.takes_scripts() || (walker.takes_scripts_after_c() && is_script_flag(previous)));
    spans.clear();
    if (!is_script) {
      if (const std::optional<Span> span = walker.feed(argument, cut_short)) {
        add_span(spans, argument, span->begin, span->end);
      }
    }
    if (cut_short || may_hold_pattern(argument)) find_secrets(argument, {names_, cut_short, is_script}, spans);
    if (blanks && !is_message_flag(previous)) walk_words(argument, cut_short, OptionWalker(names_, true), spans);
    previous = is_script || argument.size() > 15 ? "" : argument;
    if (!spans.empty()) argument = replace_spans(argument, spans);
  }
  return arguments;
}

std::string Redactor::redact_text(std::string_view text, bool truncated) const {
  std::vector<Span> spans;
  find_secrets(text, {names_, truncated, true}, spans);
  walk_words(text, truncated, OptionWalker(names_, true), spans);
  return spans.empty() ? std::string(text) : replace_spans(text, std::move(spans));
}

}  // namespace galproc
