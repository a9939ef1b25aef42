#include <algorithm>

#include "model/secret_patterns.h"

// `password=x`, `"password": "x"`, `X-Api-Key: x`, `?token=x&..`: a name, a sign, a value. The names decide; most of
// the work is to find where the value ends, as every format has its own separators and passwords hold all of them.

namespace galproc {
namespace {

constexpr std::size_t npos = std::string_view::npos;

struct Key {
  std::size_t begin = 0;
  std::size_t end = 0;
  bool quoted = false;  ///< `"name"`, also `\"name\"` and `[name]`
  char before = '\0';   ///< the character before it, its own quote included
};

/// The name that ends before `at`, where a `=` or `:` is.
Key key_before(std::string_view text, std::size_t at) {
  constexpr std::size_t kLongestName = 128;
  Key key;
  std::size_t end = at;
  while (end > 0 && at - end < 4 && (text[end - 1] == ' ' || text[end - 1] == ':')) --end;
  if (end > 0 && (is_quote(text[end - 1]) || text[end - 1] == ']')) {
    key.quoted = true;
    --end;
    if (end > 0 && text[end - 1] == '\\') --end;
  }
  std::size_t begin = end;
  while (begin > 0 && end - begin < kLongestName && is_name_char(text[begin - 1])) --begin;
  key.before = begin > 0 ? text[begin - 1] : '\0';
  // `-HAuthorization: x` of curl
  if (begin == 0 && end > 2 && text.starts_with("-H")) begin = 2;
  while (begin < end && !is_alnum(text[begin])) ++begin;
  key.begin = begin;
  key.end = end;
  return key;
}

bool starts_assignment(std::string_view text, std::size_t begin) {
  begin = skip_blanks(text, begin);
  std::size_t end = begin;
  while (end < text.size() && is_name_char(text[end])) ++end;
  return end > begin && end < text.size() && text[end] == '=';
}

/// "Password=a b;Server=y": between semicolons blanks belong to the value. `npos` when it is no such list.
std::size_t end_in_semicolon_list(std::string_view text, std::size_t key_begin, std::size_t begin) {
  const std::size_t stop = text.find_first_of(";=\n\"'", begin);
  if (stop != npos && text[stop] == ';' && starts_assignment(text, stop + 1)) return stop;
  const bool last_of_list = key_begin > 0 && text[key_begin - 1] == ';';
  return last_of_list ? std::min(text.find_first_of(";\n\"", begin), text.size()) : npos;
}

std::size_t end_of_quoted(std::string_view text, std::size_t begin, char quote, bool escaped) {
  for (std::size_t i = begin; i < text.size(); ++i) {
    const bool backslash = text[i] == '\\';
    if (escaped && backslash && i + 1 < text.size() && text[i + 1] == quote) return i;
    if (!escaped && text[i] == quote) return i;
    if (!escaped && backslash) ++i;
  }
  return text.size();
}

/// A value in running text that no quote and no header line bounds.
std::size_t end_of_bare_value(std::string_view text, const Key& key, std::size_t begin, char sign) {
  if (key.before == '?' || key.before == '&') return std::min(text.find_first_of("&# \t\n\"'<>", begin), text.size());
  if (sign == '=') {
    const std::size_t end = end_in_semicolon_list(text, key.begin, begin);
    if (end != npos) return end;
  }
  std::size_t end = begin;
  for (; end < text.size() && !is_blank(text[end]); ++end) {
    const char c = text[end];
    const bool separates = c == ';' || c == '&' || c == ',';
    const bool ends_word = end + 1 == text.size() || is_blank(text[end + 1]);
    if (separates && (ends_word || starts_assignment(text, end + 1))) return end;
    if (is_quote(c) && c == key.before) return end;
    if (sign == ':' && (c == ',' || c == '}')) return end;
  }
  // The quote that encloses the whole list stays.
  while (end > begin && is_quote(text[end - 1])) --end;
  return end;
}

/// Header values are lists: a word that ends in `;` or `,` goes on.
std::size_t end_of_header_words(std::string_view text, std::size_t begin, char enclosing) {
  if (is_quote(enclosing)) {
    const std::size_t closing = text.find(enclosing, begin);
    if (closing != npos) return closing;
  }
  std::size_t end = begin;
  do {
    end = end_of_word(text, skip_blanks(text, end));
  } while (end < text.size() && (text[end - 1] == ';' || text[end - 1] == ',') && text[end] != '\n');
  while (end > begin && is_quote(text[end - 1])) --end;
  return end;
}

/// Behind "Bearer ", "Basic " and the like, which say nothing secret.
std::size_t skip_scheme(std::string_view text, std::size_t begin) {
  for (const std::string_view scheme :
       {"Bearer", "bearer", "Basic", "basic", "Digest", "Token", "token", "Negotiate", "ApiKey", "AWS4-HMAC-SHA256"}) {
    if (!text.substr(begin).starts_with(scheme)) continue;
    const std::size_t after = begin + scheme.size();
    if (after == text.size()) return after;
    if (is_blank(text[after])) return skip_blanks(text, after);
  }
  return begin;
}

struct Field {
  NameVerdict verdict;
  bool is_header = false;
  bool has_scheme = false;
};

/// What the key says, with what only headers (`Cookie:`) and queries (`&sig=`) call so.
Field judge_key(std::string_view text, char sign, const Key& key, const PatternContext& context) {
  const std::string_view name = text.substr(key.begin, key.end - key.begin);
  Field field{context.names.judge(name)};
  const bool secret = field.verdict.secrecy == NameVerdict::Secrecy::Secret;
  field.is_header = secret && name.size() > 1 && (name[0] == 'x' || name[0] == 'X') && name[1] == '-';
  // The names below end in these letters only; most names end in others.
  const char last = static_cast<char>(name.back() | 0x20);
  if (last != 'n' && last != 'e' && last != 'g') return field;
  const std::string normalised = normalise_name(name);
  const bool query = key.before == '?' || key.before == '&';
  if (secret && normalised.ends_with("authorization")) {
    field.is_header = field.has_scheme = true;
  } else if (sign == ':' && (normalised == "cookie" || normalised == "set_cookie")) {
    field.verdict.secrecy = NameVerdict::Secrecy::Secret;
    field.is_header = true;
  } else if (query && (normalised == "sig" || normalised == "signature" || normalised == "x_amz_signature")) {
    field.verdict.secrecy = NameVerdict::Secrecy::Secret;
  }
  return field;
}

/// `name: value` is also how paths, images and sentences are written; what tells a secret from those.
bool colon_assigns(std::string_view text, std::size_t colon, const Key& key, Field& field) {
  if (field.is_header || key.quoted || key.before == '{' || key.before == ',') return true;
  if (colon + 1 >= text.size()) return false;
  if (is_quote(text[colon + 1])) return true;
  if (text[colon + 1] != ' ') return false;
  const std::string name = normalise_name(text.substr(key.begin, key.end - key.begin));
  // "unexpected token: x": one word of the language, not of a configuration.
  const bool common_word = name == "token" || name == "secret" || name.ends_with("s");
  if (common_word && !field.verdict.always) field.verdict.secrecy = NameVerdict::Secrecy::Doubtful;
  return true;
}

Span find_value(std::string_view text, std::size_t sign, const Key& key, const Field& field, bool words) {
  std::size_t begin = sign + 1;
  const bool arrow = text[sign] == '=' && begin < text.size() && text[begin] == '>';
  if (arrow) ++begin;
  const bool spaced = sign > 0 && text[sign - 1] == ' ';
  if (text[sign] == ':' || spaced || arrow) begin = skip_blanks(text, begin);
  if (field.has_scheme) begin = skip_scheme(text, begin);
  if (begin >= text.size()) return {begin, begin};
  const bool escaped = text[begin] == '\\' && begin + 1 < text.size() && is_quote(text[begin + 1]);
  if (escaped || is_quote(text[begin])) {
    const std::size_t inner = begin + (escaped ? 2 : 1);
    return {inner, end_of_quoted(text, inner, text[inner - 1], escaped)};
  }
  if (field.is_header && !key.quoted) {
    const bool own_argument = !words && (key.begin == 0 || text.starts_with("-H") || text.starts_with("--header="));
    if (own_argument) return {begin, std::min(text.find('\n', begin), text.size())};
    return {begin, end_of_header_words(text, begin, key.before)};
  }
  if (text[sign] == ':' && (text[begin] == '{' || text[begin] == '[') && !text.substr(begin).starts_with(kRedacted)) {
    return {begin, begin};  // an object; its fields have their own names
  }
  const std::size_t end = end_of_bare_value(text, key, begin, text[sign]);
  const std::string_view value = text.substr(begin, end - begin);
  // "token = get_token()" is a program, "password: must be longer" a sentence.
  const bool is_call = spaced && value.find('(') != npos;
  const bool is_other = text[sign] == ':' && (is_prose_word(value) || value.find("://") != npos);
  if (is_call || is_other) return {begin, begin};
  return {begin, end};
}

}  // namespace

std::size_t find_in_assignment(std::string_view text, std::size_t at, const PatternContext& context,
                               std::vector<Span>& spans) {
  const std::size_t next = at + 1;
  const char sign = text[at];
  if (sign == '=') {
    if (next < text.size() && text[next] == '=') return next + 1;  // a comparison, or the padding of base64
    if (at > 0 && std::string_view("!<>~+").find(text[at - 1]) != npos) return next;
  } else if (next < text.size() && (text[next] == '=' || text[next] == ':')) {
    return next;
  }
  const Key key = key_before(text, at);
  if (key.begin == key.end) return next;
  Field field = judge_key(text, sign, key, context);
  if (field.verdict.secrecy == NameVerdict::Secrecy::None) return next;
  if (sign == ':' && !colon_assigns(text, at, key, field)) return next;
  // Judged by its beginning: a value that is refused is passed again, for the names within it.
  constexpr std::size_t kJudgedBytes = 256;
  const std::string_view near = text.substr(0, std::min(text.size(), next + kJudgedBytes));
  Span span = find_value(near, at, key, field, context.words);
  const std::string_view value = text.substr(span.begin, span.end - span.begin);
  if (!is_secret_value(field.verdict, value, context.cut_short && span.end == near.size())) return next;
  if (context.words && is_reference(value)) return span.end;
  if (near.size() < text.size()) span = find_value(text, at, key, field, context.words);
  add_span(spans, text, span.begin, span.end);
  return std::max(next, span.end);
}

std::size_t end_before_next_assignment(std::string_view text, std::size_t begin) {
  for (std::size_t i = begin; i < text.size(); ++i) {
    const char c = text[i];
    const bool separates = is_blank(c) || c == ';' || c == '&' || c == ',';
    if (!separates) continue;
    if (starts_assignment(text, i + 1)) return i;
    i = skip_blanks(text, i + 1) - 1;
  }
  return text.size();
}

}  // namespace galproc
