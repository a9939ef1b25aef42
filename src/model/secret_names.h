#pragma once

// Which names announce a secret (`--client-secret`, `MYSQL_PWD`, `db.password`) and which only speak of one
// (`--token-file`, `--no-password`, `max_tokens`). Internal to redaction.

#include <string>
#include <string_view>
#include <vector>

namespace galproc {

/// What the name of an option, variable, header or field says about its value.
struct NameVerdict {
  enum class Secrecy {
    None,
    Doubtful,  ///< "max_tokens", "secret_id": a secret only if the value looks like one
    Secret
  };
  Secrecy secrecy = Secrecy::None;
  bool may_be_path = false;  ///< `--private-key ~/.ssh/id`, `PWD=/`: a value that is plainly a path is none
  bool always = false;       ///< named by the user: whatever the value is
};

class SecretNames {
 public:
  /// `extra_names` without dashes; case does not count, `-` and `_` are the same.
  explicit SecretNames(const std::vector<std::string>& extra_names);

  /// Leading dashes are passed over. Only the last 128 bytes of a longer name are looked at.
  NameVerdict judge(std::string_view name) const;

 private:
  std::vector<std::string> extra_names_;  // normalised
};

/// Lower case, one `_` between words: "clientSecret", "client-secret", "client.secret" -> "client_secret".
std::string normalise_name(std::string_view name);

/// Whether `value` under a name of that verdict is to be redacted. An empty one, a yes or no, and one that is
/// redacted already are not. `cut_short`: the value may go on, so doubt counts against it.
bool is_secret_value(const NameVerdict& verdict, std::string_view value, bool cut_short = false);

/// Long and mixed enough that nobody would call something so: a key, a digest, a UUID.
bool looks_random(std::string_view value);

/// A word that follows "password" or "--token" in sentences, and that is nobody's secret.
bool is_prose_word(std::string_view word);

/// `$NAME`, `${name}`, `$(command)`: says where the secret is, not what it is.
bool is_reference(std::string_view value);

inline constexpr std::string_view kRedacted = "[redacted]";

constexpr bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}
constexpr bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
constexpr bool is_letter(char c) {
  return is_upper(c) || is_lower(c);
}
constexpr bool is_alnum(char c) {
  return is_letter(c) || is_digit(c);
}
constexpr bool is_name_char(char c) {
  return is_alnum(c) || c == '_' || c == '-' || c == '.';
}
constexpr bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\0';
}

}  // namespace galproc
