#pragma once

// Walks a command line word by word and knows which word is a secret because of the option before it or the program
// that takes it (`mysql -pX`, `curl -u user:X`). Internal to redaction.

#include <optional>
#include <string_view>
#include <vector>

#include "model/secret_names.h"
#include "model/secret_patterns.h"

namespace galproc {

enum class Program;  // those with secret options of their own

class OptionWalker {
 public:
  /// `words`: the words come from one text split at blanks, not from the system's own argument vector.
  OptionWalker(const SecretNames& names, bool words);

  /// The secret part of the next word. `cut_short`: the word is the last and goes on after its end.
  std::optional<Span> feed(std::string_view word, bool cut_short);

  /// A command has ended (`;`, `|`) and another begins.
  void next_command();

  /// The command runs others that it takes in one argument: `sh -c TEXT`, `ssh host TEXT`.
  bool takes_scripts_after_c() const { return runs_others_; }
  bool takes_scripts() const { return takes_scripts_; }

 private:
  /// What the word after an option is.
  struct Expected {
    NameVerdict verdict;
    std::string_view starts = {};  ///< only where it begins so: openssl's "pass:"
    char keep_until = '\0';        ///< the part up to this stays, and without it nothing is secret: "user:password"
    bool of_program = false;       ///< known by the program, so that no word of a sentence is meant
  };

  void note_program(std::string_view word);
  std::optional<Span> feed_flag(std::string_view word, bool cut_short);
  std::optional<Span> feed_program_option(std::string_view word, bool cut_short, bool& known);
  void expect_value_of(std::string_view flag);
  std::optional<Span> judge_assignment(std::string_view word, bool cut_short) const;
  std::optional<Span> judge_value(const Expected& expected, std::string_view word, std::size_t begin,
                                  bool cut_short) const;

  const SecretNames& names_;
  bool words_;
  bool at_start_ = true;
  bool runs_others_ = false;
  bool takes_scripts_ = false;
  bool in_container_ = false;
  Program program_;
  std::optional<Expected> expected_;
};

/// Calls `walker` for each word of a text that a shell would split, keeping quoted blanks, and appends what it finds.
void walk_words(std::string_view text, bool cut_short, OptionWalker walker, std::vector<Span>& spans);

}  // namespace galproc
