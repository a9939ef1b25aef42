// Completion: a few lines for each shell, which ask this very program what could stand next. So they never lag behind
// its flags, and what is offered is the same in all shells.

#include <CLI/App.hpp>
#include <algorithm>
#include <memory>

#include "cli/command.h"
#include "model/text.h"
#include "store/query_catalogue.h"

namespace galproc {

namespace {

constexpr const char* kDescription =
    "Print what makes a shell complete verbs, flags, questions and their parameters.\n"
    "\n"
    "Examples:\n"
    "  source <(galproc completion bash)                                  in ~/.bashrc\n"
    "  source <(galproc completion zsh)                                   in ~/.zshrc, behind compinit\n"
    "  galproc completion fish > ~/.config/fish/completions/galproc.fish\n";

constexpr const char* kBash = R"(# galproc completion bash
_galproc() {
  local line current="${COMP_WORDS[COMP_CWORD]}"
  COMPREPLY=()
  while IFS= read -r line; do
    case "$line" in
      :files) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
      :folders) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$current") ;;
      *) COMPREPLY+=("${line%%$'\t'*}") ;;
    esac
  done < <("${1/#\~/$HOME}" completion next -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _galproc galproc
)";

constexpr const char* kZsh = R"(#compdef galproc
_galproc() {
  local line word
  local -a next
  while IFS= read -r line; do
    case "$line" in
      :files) _files; return ;;
      :folders) _files -/; return ;;
    esac
    word="${line%%$'\t'*}"
    next+=("${word//:/\\:}:${line#*$'\t'}")
  done < <("${(Q)words[1]}" completion next -- "${(@Q)words[2,CURRENT]}" 2>/dev/null)
  _describe galproc next
}
if [ "$funcstack[1]" = _galproc ]; then _galproc "$@"; else compdef _galproc galproc; fi
)";

constexpr const char* kFish = R"(# galproc completion fish
function __galproc_next
  set -l words (commandline -opc)
  set -l program $words[1]
  set -e words[1]
  set -l current (commandline -ct)
  for line in ($program completion next -- $words "$current" 2>/dev/null)
    switch $line
      case :files :folders
        __fish_complete_path "$current"
      case '*'
        echo $line
    end
  end
end
complete -c galproc -f -a '(__galproc_next)'
)";

/// What a word may be, and what it is for.
struct Offer {
  std::string word, help;
};

std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

bool takes_value(const CLI::Option& option) {
  return option.get_expected_min() > 0;
}

/// The words that an option takes, as CLI11 tells them: `TEXT:{table,json}`.
std::vector<std::string> choices_of(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const std::size_t open = type.find('{'), close = type.find('}');
  std::vector<std::string> choices;
  if (open == std::string::npos || close == std::string::npos) return choices;
  for (std::size_t at = open + 1; at < close;) {
    const std::size_t end = std::min(type.find(',', at), close);
    choices.push_back(type.substr(at, end - at));
    at = end + 1;
  }
  return choices;
}

/// The verb, or the part of one, that has that name; null: none has.
const CLI::App* part_of(const CLI::App& app, const std::string& name) {
  for (const CLI::App* part : app.get_subcommands({})) {
    if (part->get_name() == name) return part;
  }
  return nullptr;
}

/// What could stand in the place of the last of some words of a command line.
class Next {
 public:
  Next(const CLI::App& app, const QueryCatalogue& catalogue, const std::vector<std::string>& words)
      : app_(app), catalogue_(catalogue), at_(&app), current_(words.empty() ? "" : words.back()) {
    for (std::size_t i = 0; i + 1 < words.size(); ++i) pass(words[i]);
    if (waiting_ && current_ == "=") current_.clear();
  }

  std::string text() const {
    std::string lines;
    for (const Offer& offer : offers()) {
      const std::string& word = offer.word;
      if (word.starts_with(':') || word.starts_with(current_)) lines += word + "\t" + offer.help + "\n";
    }
    // Files are for the shell to find.
    for (const char* places : {":files", ":folders"}) {
      if (lines == std::string(places) + "\t\n") return std::string(places) + "\n";
    }
    return lines;
  }

 private:
  const CLI::Option* find_option(const std::string& word) const {
    for (const CLI::App* app : {at_, &app_}) {
      if (const CLI::Option* option = app->get_option_no_throw(word)) return option;
    }
    return nullptr;
  }

  void pass(const std::string& word) {
    if (others_program_) return;
    if (waiting_ && word == "=") return;  // bash parts --flag=value into three
    if (waiting_) {
      waiting_ = nullptr;
    } else if (word == "--") {
      others_program_ = true;
    } else if (word.starts_with('-')) {
      const CLI::Option* option = word.find('=') == std::string::npos ? find_option(word) : nullptr;
      if (option && takes_value(*option)) waiting_ = option;
    } else if (const CLI::App* verb = part_of(*at_, word)) {
      at_ = verb;
    } else if (at_->get_name() == "query" && !query_) {
      query_ = catalogue_.find(word);
    }
  }

  std::vector<Offer> offers() const {
    if (others_program_) return {{":files", ""}};
    if (waiting_) return values_of(*waiting_, "");
    const std::size_t sign = current_.find('=');
    if (current_.starts_with("--") && sign != std::string::npos) {
      const CLI::Option* option = find_option(current_.substr(0, sign));
      return option ? values_of(*option, current_.substr(0, sign + 1)) : std::vector<Offer>{};
    }
    return current_.starts_with('-') ? flags() : words();
  }

  std::vector<Offer> values_of(const CLI::Option& option, const std::string& before) const {
    std::vector<std::string> choices = choices_of(option);
    const std::string name = option.get_lnames().empty() ? "" : option.get_lnames().front();
    const QueryParam* param = param_named(name);
    if (param && choices.empty()) choices = param->choices;
    std::vector<Offer> values;
    values.reserve(choices.size());
    for (const std::string& choice : choices) values.push_back({before + choice, ""});
    if (!values.empty() || !before.empty()) return values;
    const std::string type = option.get_type_name();
    if (type.find("DIR") != std::string::npos || (param && name == "path")) return {{":folders", ""}};
    if (type.find("PATH") != std::string::npos || type.find("FILE") != std::string::npos) return {{":files", ""}};
    return {};
  }

  std::vector<Offer> words() const {
    std::vector<Offer> offers;
    for (const CLI::App* verb : at_->get_subcommands({})) {
      offers.push_back({verb->get_name(), first_line(verb->get_description())});
    }
    const std::string& verb = at_->get_name();
    if (verb == "query" && !query_) {
      for (const NamedQuery& query : catalogue_.all()) offers.push_back({query.name, query.summary});
    } else if (verb == "completion") {
      for (const char* shell : {"bash", "zsh", "fish"}) offers.push_back({shell, ""});
    } else if (verb == "start" || verb == "snapshot") {
      offers.push_back({":files", ""});
    }
    return offers;
  }

  /// Of the query that is named, else of the first that has such a one.
  const QueryParam* param_named(const std::string& name) const {
    if (query_ || at_->get_name() != "query") return query_ ? query_->find_param(name) : nullptr;
    for (const NamedQuery& query : catalogue_.all()) {
      if (const QueryParam* param = query.find_param(name)) return param;
    }
    return nullptr;
  }

  std::vector<Offer> flags() const {
    std::vector<Offer> offers;
    if (query_) {
      for (const QueryParam& param : query_->params) offers.push_back({"--" + param.name, param.help});
    }
    add_flags(*at_, offers);
    if (at_ != &app_) add_flags(app_, offers);
    return offers;
  }

  /// Those that are not there yet.
  void add_flags(const CLI::App& app, std::vector<Offer>& offers) const {
    for (const CLI::Option* option : app.get_options()) {
      for (const std::string& name : option->get_lnames()) {
        if (query_ && option->get_group() == kQueryParameters && !query_->find_param(name)) continue;
        const std::string word = "--" + name;
        const bool known =
            std::any_of(offers.begin(), offers.end(), [&](const Offer& other) { return other.word == word; });
        if (!known) offers.push_back({word, first_line(option->get_description())});
      }
    }
  }

  const CLI::App& app_;
  const QueryCatalogue& catalogue_;
  const CLI::App* at_;  ///< the verb so far
  const NamedQuery* query_ = nullptr;
  const CLI::Option* waiting_ = nullptr;  ///< a flag whose value comes next
  bool others_program_ = false;           ///< what stands behind -- is another program's
  std::string current_;
};

}  // namespace

void add_completion(CLI::App& app, Context& context, const std::vector<std::string>& typed) {
  auto shell = std::make_shared<std::string>();
  CLI::App* verb = app.add_subcommand("completion", kDescription);
  verb->footer(kCommonFlagsNote);
  verb->add_option("SHELL", *shell, "bash, zsh, fish; next: what could stand behind --, as they ask");
  context.actions[verb] = [shell, &app, &context, typed] {
    if (*shell == "next") {
      context.out << Next(app, QueryCatalogue::built_in(), typed).text();
    } else if (*shell == "bash" || *shell == "zsh" || *shell == "fish") {
      context.out << (*shell == "bash" ? kBash : *shell == "zsh" ? kZsh : kFish);
    } else {
      throw UsageError(
          (shell->empty() ? "No shell is named." : "'" + escape_controls(*shell) + "' is no shell known here.") +
          std::string(" Use galproc completion bash, zsh or fish."));
    }
    return ExitCode::Done;
  };
}

}  // namespace galproc
