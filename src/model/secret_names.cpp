#include "model/secret_names.h"

#include <algorithm>
#include <iterator>

namespace galproc {
namespace {

using Secrecy = NameVerdict::Secrecy;

constexpr std::size_t kLongestName = 128;

struct Needle {
  std::string_view text;
  bool may_be_path = false;
};

// Found anywhere in a normalised name, since people write PGPASSWORD and dbpassword.
constexpr Needle kNeedles[] = {
    {"password"},
    {"passcode"},
    {"passwd"},
    {"passphrase"},
    {"secret"},
    {"token"},
    {"api_key"},
    {"apikey"},
    {"access_key"},
    {"accesskey"},
    {"private_key", true},
    {"privatekey", true},
    {"credential", true},
    {"storepass"},
    {"keypass"},
    {"requirepass"},
    {"masterauth"},
    {"authorization"},
    {"cli_auth"},
};

// Keys of all sorts: too often the name of a key, its file or its place in a table.
constexpr std::string_view kDoubtfulNeedles[] = {"auth_key",       "authkey",    "account_key",
                                                 "signing_key",    "master_key", "accountkey",
                                                 "encryption_key", "shared_key", "license_key"};

// The last word of names that lead to the secret, or that have nothing to do with its value.
constexpr std::string_view kElsewhere[] = {
    "file",   "files",  "path",    "paths",    "dir",     "directory", "folder",  "stdin",
    "fd",     "url",    "uri",     "endpoint", "env",     "location",  "command", "cmd",
    "helper", "prompt", "prompts", "callback", "process", "less",      "isation", "ization",
    "izer",   "izers",  "ize",     "iser",     "ized",    "izing",     "ary",     "filename"};

// The last word of names that describe a secret.
constexpr std::string_view kDescribing[] = {
    "id",         "ids",        "name",      "names",     "type",       "types",    "hint",     "ttl",
    "length",     "len",        "size",      "count",     "limit",      "limits",   "policy",   "expiry",
    "expires",    "lifetime",   "timeout",   "required",  "enabled",    "min",      "max",      "mode",
    "format",     "version",    "source",    "algorithm", "rotation",   "field",    "param",    "header",
    "issuer",     "audience",   "arn",       "ref",       "class",      "store",    "provider", "manager",
    "service",    "server",     "host",      "port",      "user",       "username", "reset",    "index",
    "age",        "days",       "hours",     "minutes",   "seconds",    "ms",       "attempts", "retries",
    "prefix",     "scope",      "scopes",    "budget",    "usage",      "rate",     "auth",     "authentication",
    "strength",   "encryption", "generator", "validator", "expiration", "s",        "webhook",  "review",
    "parallelism"};

// The first word of names that say what to do about a secret, or how many there are.
constexpr std::string_view kDoing[] = {"no",    "max",     "min",   "num",     "n",      "number",  "has",
                                       "is",    "use",     "allow", "require", "enable", "disable", "skip",
                                       "with",  "without", "ask",   "load",    "show",   "hide",    "prompt",
                                       "reset", "count",   "stop",  "special"};

// What a bare `pass` must stand beside, or alone: `--first-pass=2` and LLVM's passes are none.
constexpr std::string_view kPassOwners[] = {
    "db",    "database", "mysql", "pg",    "postgres", "smtp", "mail", "email", "user", "admin",  "root", "redis",
    "mongo", "ftp",      "http",  "proxy", "login",    "auth", "key",  "bind",  "ldap", "become", "ssh",  "rpc"};

// What follows "password" and "--token" in sentences.
constexpr std::string_view kProse[] = {"a",
                                       "an",
                                       "and",
                                       "are",
                                       "argument",
                                       "as",
                                       "at",
                                       "auth",
                                       "authentication",
                                       "be",
                                       "by",
                                       "can",
                                       "cannot",
                                       "could",
                                       "does",
                                       "expired",
                                       "failed",
                                       "flag",
                                       "flags",
                                       "options",
                                       "for",
                                       "from",
                                       "given",
                                       "has",
                                       "have",
                                       "if",
                                       "in",
                                       "incorrect",
                                       "instead",
                                       "invalid",
                                       "is",
                                       "it",
                                       "may",
                                       "missing",
                                       "must",
                                       "needs",
                                       "not",
                                       "of",
                                       "on",
                                       "only",
                                       "option",
                                       "or",
                                       "required",
                                       "requires",
                                       "set",
                                       "should",
                                       "so",
                                       "support",
                                       "that",
                                       "the",
                                       "this",
                                       "to",
                                       "token",
                                       "tokens",
                                       "value",
                                       "was",
                                       "were",
                                       "when",
                                       "which",
                                       "will",
                                       "with",
                                       "wrong",
                                       "you",
                                       "your",
                                       "header",
                                       "scheme",
                                       "string",
                                       "unless",
                                       "expected",
                                       "handling",
                                       "authorization",
                                       "credentials"};

template <std::size_t N>
bool is_one_of(std::string_view word, const std::string_view (&words)[N]) {
  return std::find(std::begin(words), std::end(words), word) != std::end(words);
}

std::string_view first_word(std::string_view name) {
  return name.substr(0, name.find('_'));
}

std::string_view last_word(std::string_view name) {
  const std::size_t bar = name.rfind('_');
  return bar == std::string_view::npos ? name : name.substr(bar + 1);
}

/// What is left of "password" in "no_password_file": how the words around change the meaning.
Secrecy judge_surroundings(std::string_view name, std::size_t begin, std::string_view needle) {
  // "napi_key" is about N-API; "apikey" in one word is meant wherever it stands.
  const bool glued = begin > 0 && is_lower(name[begin - 1]);
  if (glued && needle.find('_') != std::string_view::npos) return Secrecy::None;
  const std::string_view rest = name.substr(begin + needle.size());
  if (!rest.empty()) {
    // A short needle within another word: "api_keyboard" is about keyboards.
    if (needle.ends_with("key") && is_lower(rest.front()) && rest != "s" && !is_one_of(last_word(rest), kElsewhere)) {
      return Secrecy::None;
    }
    if (is_one_of(last_word(rest), kElsewhere) || is_one_of(first_word(rest), kElsewhere)) return Secrecy::None;
    if (is_one_of(last_word(rest), kDescribing) && (rest != "s" || needle == "token")) return Secrecy::Doubtful;
    if (needle == "token" && first_word(rest) == "s") return Secrecy::Doubtful;
  }
  if (begin > 0 && is_one_of(first_word(name), kDoing)) return Secrecy::Doubtful;
  return Secrecy::Secret;
}

/// Cheap, as nearly every flag of nearly every process ends here: pairs of letters, one of which is in each needle.
bool may_match(std::string_view name) {
  for (std::size_t i = 0; i + 1 < name.size(); ++i) {
    const char next = static_cast<char>(name[i + 1] | 0x20);
    switch (name[i] | 0x20) {
      case 'p':
        if (next == 'a' || next == 'w') return true;
        break;
      case 'c':
        if (next == 'r') return true;
        break;
      case 'k':
        if (next == 'e') return true;
        break;
      case 'a':
        if (next == 'u') return true;
        break;
      case 'b':
        if (next == 'e') return true;
        break;
      default: break;
    }
  }
  return false;
}

/// `pass`, `pwd` and plink's `pw` are too short to be looked for within words.
NameVerdict judge_short_words(std::string_view name) {
  const std::string_view last = last_word(name);
  if (last == "bearer") return {Secrecy::Secret};
  if (last == "pass") {
    const std::string_view before = name == last ? "" : last_word(name.substr(0, name.size() - 5));
    const bool owned = before.empty() || is_one_of(before, kPassOwners);
    return {owned ? Secrecy::Secret : Secrecy::Doubtful};
  }
  for (std::size_t begin = 0; begin < name.size();) {
    const std::string_view word = first_word(name.substr(begin));
    if (word == "pwd" || word == "pw") return {judge_surroundings(name, begin, word), true};
    begin += word.size() + 1;
  }
  return {};
}

bool equals_folded(std::string_view text, std::string_view lower) {
  return text.size() == lower.size() && std::equal(text.begin(), text.end(), lower.begin(), [](char a, char b) {
           return (is_upper(a) ? static_cast<char>(a - 'A' + 'a') : a) == b;
         });
}

bool is_plain_path(std::string_view value) {
  for (const std::string_view start : {"/", "~/", "./", "../", "~"}) {
    if (value.starts_with(start) && (start != "~" || value.size() == 1)) return true;
  }
  for (const std::string_view end : {".pem", ".key", ".json", ".p12", ".der"}) {
    if (value.ends_with(end)) return true;
  }
  return value.size() > 2 && is_letter(value[0]) && value[1] == ':' && (value[2] == '\\' || value[2] == '/');
}

bool is_yes_or_no(std::string_view value) {
  value = value.substr(0, value.find_last_not_of(",;)}]") + 1);
  for (const std::string_view word : {"true", "false", "yes", "no", "on", "off", "none", "null", "nil", "undefined"}) {
    if (equals_folded(value, word)) return true;
  }
  return false;
}

}  // namespace

std::string normalise_name(std::string_view name) {
  while (!name.empty() && !is_alnum(name.front())) name.remove_prefix(1);
  std::string out;
  out.reserve(name.size() + 8);
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    if (!is_alnum(c)) {
      if (out.back() != '_') out += '_';
      continue;
    }
    const bool next_is_lower = i + 1 < name.size() && is_lower(name[i + 1]);
    const bool new_word = is_upper(c) && i > 0 && (is_lower(name[i - 1]) || (is_upper(name[i - 1]) && next_is_lower));
    if (new_word) out += '_';
    out += is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c;
  }
  while (!out.empty() && out.back() == '_') out.pop_back();
  return out;
}

SecretNames::SecretNames(const std::vector<std::string>& extra_names) {
  for (const std::string& name : extra_names) {
    if (std::string normalised = normalise_name(name); !normalised.empty()) {
      // Camel case splits words in some places and not in others: compared without the bars.
      std::erase(normalised, '_');
      extra_names_.push_back(std::move(normalised));
    }
  }
}

NameVerdict SecretNames::judge(std::string_view name) const {
  if (name.size() > kLongestName) name.remove_prefix(name.size() - kLongestName);
  if (extra_names_.empty() && !may_match(name)) return {};
  const std::string normalised = normalise_name(name);
  if (!extra_names_.empty()) {
    std::string squeezed = normalised;
    std::erase(squeezed, '_');
    std::string last_part = normalise_name(name.substr(name.rfind('.') + 1));  // npos + 1 is 0
    std::erase(last_part, '_');
    for (const std::string& extra : extra_names_) {
      if (squeezed == extra || last_part == extra) return {Secrecy::Secret, false, true};
    }
  }
  NameVerdict best = judge_short_words(normalised);
  const auto consider = [&](std::string_view needle, Secrecy at_most, bool may_be_path) {
    for (std::size_t at = normalised.find(needle); at != std::string::npos; at = normalised.find(needle, at + 1)) {
      const Secrecy secrecy = std::min(judge_surroundings(normalised, at, needle), at_most);
      if (secrecy > best.secrecy) best = {secrecy, may_be_path};
    }
  };
  for (const Needle& needle : kNeedles) consider(needle.text, Secrecy::Secret, needle.may_be_path);
  for (const std::string_view needle : kDoubtfulNeedles) consider(needle, Secrecy::Doubtful, false);
  return best;
}

bool is_secret_value(const NameVerdict& verdict, std::string_view value, bool cut_short) {
  if (verdict.secrecy == Secrecy::None || value.empty() || value == kRedacted) return false;
  if (verdict.always) return true;
  if (verdict.may_be_path && is_plain_path(value)) return false;
  if (cut_short) return true;
  if (is_yes_or_no(value)) return false;
  return verdict.secrecy == Secrecy::Secret || looks_random(value);
}

bool looks_random(std::string_view value) {
  std::size_t letters = 0;
  std::size_t digits = 0;
  for (const char c : value) {
    if (is_digit(c)) {
      ++digits;
    } else if (is_letter(c)) {
      ++letters;
    } else if (std::string_view("+/=_-~.").find(c) == std::string_view::npos) {
      return false;
    }
  }
  return value.size() >= 16 && digits >= 2 && letters >= 1 && !is_plain_path(value);
}

bool is_prose_word(std::string_view word) {
  while (!word.empty() && !is_alnum(word.back())) word.remove_suffix(1);
  for (const std::string_view prose : kProse) {
    if (equals_folded(word, prose)) return true;
  }
  return false;
}

bool is_reference(std::string_view value) {
  if (value.size() < 2 || value.front() != '$') return false;
  if (value[1] == '(') return true;
  if (value[1] == '{') {
    // Not "${PASSWORD:-hunter2}", which brings its own default.
    return value.back() == '}' && std::all_of(value.begin() + 2, value.end() - 1, is_name_char);
  }
  // A shell's own variables are upper case by custom; "$ecret" may well be a password.
  return std::all_of(value.begin() + 1, value.end(), [](char c) { return is_upper(c) || is_digit(c) || c == '_'; });
}

}  // namespace galproc
