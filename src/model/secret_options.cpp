#include "model/secret_options.h"

#include <algorithm>

namespace galproc {

enum class Program {
  Other,
  Mysql,
  Sshpass,
  Curl,
  Httpie,
  Redis,
  Mongo,
  Ldap,
  Samba,
  Lftp,
  SqlServer,
  Zip,
  SevenZip,
  Mosquitto,
  Ipmi,
  Login,
  Openssl
};

namespace {

constexpr std::size_t npos = std::string_view::npos;
constexpr NameVerdict kSecret = {NameVerdict::Secrecy::Secret};

struct ProgramName {
  std::string_view name;
  Program program;
};

constexpr ProgramName kPrograms[] = {
    {"sshpass", Program::Sshpass},
    {"curl", Program::Curl},
    {"http", Program::Httpie},
    {"https", Program::Httpie},
    {"redis-cli", Program::Redis},
    {"valkey-cli", Program::Redis},
    {"mongo", Program::Mongo},
    {"mongosh", Program::Mongo},
    {"mongodump", Program::Mongo},
    {"mongorestore", Program::Mongo},
    {"mongoexport", Program::Mongo},
    {"mongoimport", Program::Mongo},
    {"ldapsearch", Program::Ldap},
    {"ldapmodify", Program::Ldap},
    {"ldapadd", Program::Ldap},
    {"ldapdelete", Program::Ldap},
    {"ldappasswd", Program::Ldap},
    {"ldapwhoami", Program::Ldap},
    {"smbclient", Program::Samba},
    {"rpcclient", Program::Samba},
    {"lftp", Program::Lftp},
    {"sqlcmd", Program::SqlServer},
    {"bcp", Program::SqlServer},
    {"zip", Program::Zip},
    {"unzip", Program::Zip},
    {"7z", Program::SevenZip},
    {"7za", Program::SevenZip},
    {"7zr", Program::SevenZip},
    {"7zz", Program::SevenZip},
    {"mosquitto_pub", Program::Mosquitto},
    {"mosquitto_sub", Program::Mosquitto},
    {"ipmitool", Program::Ipmi},
    {"openssl", Program::Openssl},
};

/// Where the value stands: `-pX`, `-p X`.
enum class Form : char { Attached, Detached, Either };

struct ProgramOption {
  Program program;
  Form form;
  char keep_until;  ///< as in Expected
  std::string_view flag;
  std::string_view starts = {};
};

constexpr ProgramOption kOptions[] = {
    {Program::Mysql, Form::Attached, '\0', "-p"},  // alone it asks, and the next word is the database
    {Program::Sshpass, Form::Either, '\0', "-p"},
    {Program::Curl, Form::Either, ':', "-u"},
    {Program::Curl, Form::Detached, ':', "--user"},
    {Program::Curl, Form::Either, ':', "-U"},
    {Program::Curl, Form::Detached, ':', "--proxy-user"},
    {Program::Curl, Form::Detached, '\0', "--oauth2-bearer"},
    {Program::Curl, Form::Either, '=', "-b"},  // cookies; without a `=` it is a file
    {Program::Curl, Form::Detached, '=', "--cookie"},
    {Program::Httpie, Form::Either, ':', "-a"},
    {Program::Httpie, Form::Detached, ':', "--auth"},
    {Program::Redis, Form::Detached, '\0', "-a"},
    {Program::Mongo, Form::Either, '\0', "-p"},
    {Program::Ldap, Form::Either, '\0', "-w"},
    {Program::Samba, Form::Either, '%', "-U"},
    {Program::Samba, Form::Detached, '%', "--user"},
    {Program::Lftp, Form::Either, ',', "-u"},
    {Program::SqlServer, Form::Either, '\0', "-P"},
    {Program::Zip, Form::Either, '\0', "-P"},
    {Program::SevenZip, Form::Attached, '\0', "-p"},
    {Program::Mosquitto, Form::Detached, '\0', "-P"},
    {Program::Ipmi, Form::Either, '\0', "-P"},
    {Program::Login, Form::Either, '\0', "-p"},
    {Program::Openssl, Form::Detached, ':', "-passin", "pass:"},
    {Program::Openssl, Form::Detached, ':', "-passout", "pass:"},
    {Program::Openssl, Form::Detached, ':', "-pass", "pass:"},
};

// They run what follows in the same vector, so a later word may be the program that counts.
constexpr std::string_view kRunners[] = {
    "sudo",        "doas",   "env",         "nice",         "ionice",  "nohup",  "timeout",   "time",
    "setsid",      "stdbuf", "xargs",       "strace",       "ltrace",  "chroot", "su",        "runuser",
    "systemd-run", "lxc",    "proxychains", "proxychains4", "busybox", "tini",   "dumb-init", "gosu",
    "su-exec",     "sh",     "bash",        "dash",         "zsh",     "ksh",    "ash",       "fish",
    "pwsh",        "cmd",    "python",      "python2",      "python3", "perl",   "ruby",      "node"};
constexpr std::string_view kScriptTakers[] = {"ssh", "watch", "tmux", "screen", "script", "parallel", "autossh"};
// Likewise; their `login` has a password, their `-p` elsewhere is a port or a plan.
constexpr std::string_view kContainers[] = {"docker", "podman", "nerdctl", "buildah", "kubectl", "oc", "helm", "az"};

template <std::size_t N>
bool is_one_of(std::string_view word, const std::string_view (&words)[N]) {
  return std::find(std::begin(words), std::end(words), word) != std::end(words);
}

/// The file name without folders, ".exe", the dash of a login shell, or the version that Python puts behind.
std::string_view base_name(std::string_view word) {
  const std::size_t slash = word.find_last_of("/\\");
  if (slash != npos) word.remove_prefix(slash + 1);
  if (word.starts_with('-')) word.remove_prefix(1);
  if (word.ends_with(".exe") || word.ends_with(".EXE")) word.remove_suffix(4);
  if (word.starts_with("python3.")) word = word.substr(0, 7);
  return word;
}

Program program_named(std::string_view name) {
  if (name.starts_with("mysql") || name.starts_with("mariadb")) return Program::Mysql;
  for (const ProgramName& known : kPrograms) {
    if (known.name == name) return known.program;
  }
  return Program::Other;
}

/// A password may begin with a dash, an option of one letter or a spelt-out one hardly is one.
bool looks_like_flag(std::string_view word) {
  if (word == "--") return true;
  if (word.size() == 2) return word[0] == '-' && is_letter(word[1]);
  return word.starts_with("--") && is_letter(word[2]);
}

/// `8080:80`, `127.0.0.1:80:80/tcp`, `1000:1000`: what the same letters mean to `docker run`.
bool looks_like_ports(std::string_view value) {
  if (value.ends_with("/tcp") || value.ends_with("/udp")) value.remove_suffix(4);
  return value.find(':') != npos && value.find_first_not_of("0123456789.:-") == npos;
}

std::string_view unquoted(std::string_view value) {
  const bool quoted = value.size() >= 2 && is_quote(value.front()) && value.back() == value.front();
  return quoted ? value.substr(1, value.size() - 2) : value;
}

}  // namespace

OptionWalker::OptionWalker(const SecretNames& names, bool words)
    : names_(names), words_(words), program_(Program::Other) {
  next_command();
}

void OptionWalker::next_command() {
  at_start_ = true;
  runs_others_ = words_;
  takes_scripts_ = in_container_ = false;
  program_ = Program::Other;
  expected_.reset();
}

void OptionWalker::note_program(std::string_view word) {
  const std::string_view name = base_name(word);
  if (at_start_) {
    in_container_ = is_one_of(name, kContainers);
    takes_scripts_ = is_one_of(name, kScriptTakers);
    runs_others_ = words_ || in_container_ || takes_scripts_ || is_one_of(name, kRunners);
    at_start_ = false;
    program_ = program_named(name);
    // What follows `sshpass -p X` is a command with options of its own.
    if (program_ == Program::Sshpass) runs_others_ = true;
    return;
  }
  if (!runs_others_) return;
  if (in_container_ && name == "login") {
    program_ = Program::Login;
  } else if (const Program known = program_named(name); known != Program::Other) {
    program_ = known;
  } else if (program_ == Program::Sshpass && (name == "ssh" || name == "scp" || name == "sftp" || name == "rsync")) {
    program_ = Program::Other;
  }
}

std::optional<Span> OptionWalker::feed(std::string_view word, bool cut_short) {
  const bool first = at_start_;
  if (expected_) {
    const Expected expected = *expected_;
    expected_.reset();
    if (cut_short || !looks_like_flag(word)) {
      if (const std::optional<Span> span = judge_value(expected, word, 0, cut_short)) return span;
    }
  }
  if (first || !word.starts_with('-')) note_program(word);
  // A header whose quotes were forgotten comes as words of its own.
  if (word == "Bearer" && !words_) expected_ = Expected{kSecret};
  if (word.size() >= 2 && word[0] == '-' && !(first && !words_)) return feed_flag(word, cut_short);
  return judge_assignment(word, cut_short);
}

std::optional<Span> OptionWalker::feed_flag(std::string_view word, bool cut_short) {
  bool known = false;
  const std::optional<Span> span = feed_program_option(word, cut_short, known);
  if (known) return span;
  if (word.find('=') != npos) return judge_assignment(word, cut_short);
  expect_value_of(word);
  return std::nullopt;
}

std::optional<Span> OptionWalker::feed_program_option(std::string_view word, bool cut_short, bool& known) {
  if (program_ == Program::Other) return std::nullopt;
  const Program program = program_;
  for (const ProgramOption& option : kOptions) {
    if (option.program != program || word.size() < 2) continue;
    const bool is_long = option.flag.size() > 2;
    // curl's switches of one letter stand before one that takes a value: `-sSu user:password`
    const bool cluster = program == Program::Curl && !is_long && word.size() > 2 && word.back() == option.flag[1] &&
                         word.substr(1, word.size() - 2).find_first_not_of("sSkLfvigGIjlnNOpqRa#046") == npos;
    const Expected expected{kSecret, option.starts, option.keep_until, true};
    if (word == option.flag || cluster) {
      known = true;
      if (option.form != Form::Attached) expected_ = expected;
    } else if (is_long ? word.starts_with(option.flag) && word[option.flag.size()] == '='
                       : option.form != Form::Detached && word.starts_with(option.flag)) {
      known = true;
    }
    if (!known) continue;
    if (program == Program::Sshpass) program_ = Program::Other;
    if (expected_ || word == option.flag) return std::nullopt;
    return judge_value(expected, word, option.flag.size() + (is_long ? 1 : 0), cut_short);
  }
  return std::nullopt;
}

void OptionWalker::expect_value_of(std::string_view flag) {
  if (!std::all_of(flag.begin(), flag.end(), is_name_char)) return;
  // `--password` of the mysql programs takes no detached value, like their -p.
  if (program_ == Program::Mysql) return;
  const std::string_view name = flag.substr(flag.starts_with("--") ? 2 : 1);
  const NameVerdict verdict = names_.judge(name);
  if (verdict.secrecy == NameVerdict::Secrecy::None) return;
  if (verdict.always) {
    expected_ = Expected{verdict};
    return;
  }
  if (in_container_ && name == "secret") return;  // names one that the engine keeps
  // `-lsecret-1`: a letter and its value, not a name. `-db-password` and `-password` are names.
  const auto speaks = [&](std::string_view text) { return names_.judge(text).secrecy != NameVerdict::Secrecy::None; };
  const bool letter_and_value =
      !flag.starts_with("--") && name.size() > 2 && speaks(name.substr(1)) && !speaks(name.substr(2));
  if (!letter_and_value) expected_ = Expected{verdict};
}

/// `--password=x`, `PGPASSWORD=x`, `--set=db.password=x`: the value of the first name that is a secret's.
std::optional<Span> OptionWalker::judge_assignment(std::string_view word, bool cut_short) const {
  constexpr int kLevels = 3;
  std::size_t begin = 0;
  for (int level = 0; level < kLevels; ++level) {
    std::size_t sign = begin;
    while (sign < word.size() && is_name_char(word[sign])) ++sign;
    if (sign == begin || sign == word.size() || word[sign] != '=') return std::nullopt;
    const std::string_view name = word.substr(begin, sign - begin);
    const Expected expected{names_.judge(name)};
    const bool kept_by_engine = in_container_ && name == "--secret";
    if (expected.verdict.secrecy != NameVerdict::Secrecy::None && !kept_by_engine) {
      // An option has the whole word to itself; "password=x host=y" is a list.
      const bool is_option = level == 0 && word[0] == '-';
      const std::size_t end = is_option ? word.size() : end_before_next_assignment(word, sign + 1);
      const bool open = cut_short && end == word.size();
      return judge_value(expected, word.substr(0, end), sign + 1, open);
    }
    begin = sign + 1;
  }
  return std::nullopt;
}

std::optional<Span> OptionWalker::judge_value(const Expected& expected, std::string_view word, std::size_t begin,
                                              bool cut_short) const {
  std::string_view value = word.substr(begin);
  if (!value.starts_with(expected.starts)) return std::nullopt;
  if (in_container_ && looks_like_ports(value)) return std::nullopt;
  if (expected.keep_until != '\0') {
    const std::size_t separator = value.find(expected.keep_until);
    if (separator == npos) return std::nullopt;
    begin += separator + 1;
    value.remove_prefix(separator + 1);
  }
  const std::string_view plain = words_ ? unquoted(value) : value;
  if (!is_secret_value(expected.verdict, plain, cut_short)) return std::nullopt;
  if (words_ && (is_reference(plain) || (!expected.of_program && is_prose_word(plain)))) return std::nullopt;
  const std::size_t quote = plain.size() < value.size() ? 1 : 0;  // stays, so that the line still reads as one
  return Span{begin + quote, word.size() - quote};
}

namespace {

/// Cuts a text into the words that a shell would see.
class WordReader {
 public:
  explicit WordReader(std::string_view text) : text_(text) {}

  /// The end of the word at `begin`, behind its quotes.
  std::size_t end_of_word(std::size_t begin) {
    std::size_t end = begin;
    while (end < text_.size() && !is_blank(text_[end])) {
      const std::size_t closing = closing_quote(begin, end);
      end = closing == npos ? end + 1 : closing + 1;
    }
    return end;
  }

 private:
  std::size_t closing_quote(std::size_t begin, std::size_t at) {
    const char quote = text_[at];
    if (quote != '"' && quote != '\'') return npos;
    bool& none_left = quote == '"' ? no_double_left_ : no_single_left_;
    // An apostrophe within a word of a sentence opens nothing.
    const bool opens = at == begin || text_[begin] == '-' || !is_alnum(text_[at - 1]);
    if (none_left || !opens) return npos;
    const std::size_t closing = text_.find(quote, at + 1);
    none_left = closing == npos;
    return closing;
  }

  std::string_view text_;
  bool no_double_left_ = false;
  bool no_single_left_ = false;
};

void walk_words_at(std::string_view text, bool cut_short, OptionWalker walker, std::vector<Span>& spans, int depth) {
  // `ssh host "sh -c 'mysql -pX'"`. Not for ever: quotes within quotes could be as many as there are bytes.
  constexpr int kDeepest = 2;
  WordReader reader(text);
  for (std::size_t begin = 0, end = 0; begin < text.size(); begin = end) {
    if (is_blank(text[begin])) {
      const bool continued = begin > 0 && text[begin - 1] == '\\';
      if (text[begin] == '\n' && !continued) walker.next_command();
      end = begin + 1;
      continue;
    }
    end = reader.end_of_word(begin);
    std::string_view word = text.substr(begin, end - begin);
    const bool ends_command = word.ends_with(';') || word == "&&" || word == "||" || word == "|";
    while (word.ends_with(';')) word.remove_suffix(1);
    const std::string_view plain = unquoted(word);
    const std::size_t offset = begin + (plain.size() < word.size() ? 1 : 0);
    const bool open_ended = cut_short && end == text.size();
    if (const std::optional<Span> span = walker.feed(plain, open_ended)) {
      add_span(spans, text, offset + span->begin, offset + span->end);
    } else if (offset > begin && depth < kDeepest && std::any_of(plain.begin(), plain.end(), is_blank)) {
      const std::size_t known = spans.size();
      OptionWalker inner = walker;
      inner.next_command();
      walk_words_at(plain, open_ended, inner, spans, depth + 1);
      for (std::size_t i = known; i < spans.size(); ++i) spans[i] = {spans[i].begin + offset, spans[i].end + offset};
    }
    if (ends_command) walker.next_command();
  }
}

}  // namespace

void walk_words(std::string_view text, bool cut_short, OptionWalker walker, std::vector<Span>& spans) {
  walk_words_at(text, cut_short, walker, spans, 0);
}

}  // namespace galproc
