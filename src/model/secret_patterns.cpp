#include "model/secret_patterns.h"

#include <algorithm>
#include <array>

namespace galproc {
namespace {

constexpr std::size_t npos = std::string_view::npos;

struct Shape {
  std::string_view prefix;
  std::size_t least_bytes;  ///< after the prefix
  std::size_t least_digits = 0;
};

// What issuers put in front of their tokens so that they can be found. "sk-" begins honest words too.
constexpr Shape kShapes[] = {
    {"ghp_", 16},    {"gho_", 16},   {"ghu_", 16},     {"ghs_", 16},     {"ghr_", 16},     {"github_pat_", 16},
    {"glpat-", 16},  {"xoxb-", 10},  {"xoxp-", 10},    {"xoxa-", 10},    {"xoxr-", 10},    {"xoxs-", 10},
    {"xapp-", 10},   {"sk-", 20, 2}, {"sk_live_", 16}, {"sk_test_", 16}, {"rk_live_", 16}, {"AKIA", 16},
    {"ASIA", 16},    {"AIza", 30},   {"ya29.", 20},    {"npm_", 30},     {"pypi-", 40},    {"hvs.", 20},
    {"dop_v1_", 32}, {"hf_", 30},    {"shpat_", 24},   {"SG.", 30, 2},   {"tskey-", 16},   {"eyJ", 16},
};

/// Bytes at which something may begin: the signs, and the first letters of all shapes and of "Bearer".
constexpr auto kMayBegin = [] {
  std::array<bool, 256> table{};
  for (const char c : std::string_view(":=-gxsrAynphdSteBb")) table[static_cast<unsigned char>(c)] = true;
  return table;
}();

bool fits(const Shape& shape, std::string_view tail, bool cut_short) {
  if (cut_short && !tail.empty()) return true;
  if (tail.size() < shape.least_bytes) return false;
  if (shape.prefix == "eyJ") return tail.find('.') != npos;  // with no dot any JSON in base64 begins so
  if (shape.prefix == "AKIA" || shape.prefix == "ASIA") {
    const auto is_of_id = [](char c) { return is_upper(c) || is_digit(c); };
    return tail.size() == 16 && std::all_of(tail.begin(), tail.end(), is_of_id);
  }
  return static_cast<std::size_t>(std::count_if(tail.begin(), tail.end(), is_digit)) >= shape.least_digits;
}

bool is_github_token(std::string_view word) {
  return word.size() > 4 && word.starts_with("gh") && (word[3] == '_' || word.starts_with("github_pat_"));
}

/// One pass over one text.
class Finder {
 public:
  Finder(std::string_view text, const PatternContext& context, std::vector<Span>& spans)
      : text_(text), context_(context), spans_(spans) {}

  void run();

 private:
  // Each is given a place and gives the one to go on from.
  std::size_t url(std::size_t colon);
  std::size_t token(std::size_t at);
  std::size_t bearer(std::size_t at);
  std::size_t private_key(std::size_t at);

  std::size_t end_of_url(std::size_t begin);
  std::size_t find_at_sign(std::size_t begin);

  std::string_view text_;
  const PatternContext& context_;
  std::vector<Span>& spans_;
  // Remembered, since "a://a://a://" would look as far again from each.
  std::size_t url_end_ = 0;
  std::size_t at_sign_ = 0;
};

std::size_t Finder::end_of_url(std::size_t begin) {
  if (url_end_ >= begin) return url_end_;
  url_end_ = begin;
  while (url_end_ < text_.size() && !is_blank(text_[url_end_]) && !is_quote(text_[url_end_])) ++url_end_;
  return url_end_;
}

std::size_t Finder::find_at_sign(std::size_t begin) {
  if (at_sign_ < begin) at_sign_ = std::min(text_.find('@', begin), text_.size());
  return at_sign_;
}

std::size_t Finder::url(std::size_t colon) {
  const std::size_t begin = colon + 3;
  if (colon == 0 || !is_alnum(text_[colon - 1])) return begin;
  const std::size_t url_end = end_of_url(begin);
  std::size_t end = begin;  // of "user:password@host:port"
  while (end < url_end && text_[end] != '/' && text_[end] != '?' && text_[end] != '#') ++end;
  const std::string_view authority = text_.substr(begin, end - begin);
  const std::size_t separator = authority.find(':');
  std::size_t at = authority.rfind('@');  // the last one: an @ in a password is often not escaped
  const bool goes_on = context_.cut_short && url_end == text_.size();
  if (at == npos && separator != npos && !authority.starts_with('[')) {
    // What follows the colon is no port: a password with a slash in it, so the @ is further on.
    const std::string_view port = authority.substr(separator + 1);
    const bool is_port = !port.empty() && std::all_of(port.begin(), port.end(), is_digit);
    const std::size_t later = is_port ? url_end : find_at_sign(end);
    if (later < url_end) at = later - begin;
    if (at == npos && goes_on && (!is_port || end == url_end)) {
      add_span(spans_, text_, begin + separator + 1, url_end);
      return url_end;
    }
  }
  if (at == npos) {
    // The whole may be a token whose @ was cut off; most hosts would show a dot by now.
    const bool in_doubt = goes_on && end == url_end && authority.size() >= 8 &&
                          authority.find_first_of(".:[") == npos && !authority.starts_with("localhost");
    if (in_doubt) add_span(spans_, text_, begin, url_end);
    return begin;
  }
  if (separator < at) {
    const std::size_t password = begin + separator + 1;
    if (!is_reference(text_.substr(password, begin + at - password))) add_span(spans_, text_, password, begin + at);
  } else if (const std::string_view user = text_.substr(begin, at); looks_random(user) || is_github_token(user)) {
    add_span(spans_, text_, begin, begin + at);  // "https://bob@host" in contrast is only a name
  }
  // The user part is passed again: it may be a token beside a password that says nothing ("x-oauth-basic").
  return separator < at ? begin : begin + at;
}

std::size_t Finder::token(std::size_t at) {
  constexpr std::size_t kJudgedBytes = 512;
  const std::string_view rest = text_.substr(at);
  for (const Shape& shape : kShapes) {
    if (rest[0] != shape.prefix[0] || !rest.starts_with(shape.prefix)) continue;
    const std::size_t begin = at + shape.prefix.size();
    const std::size_t near = std::min(text_.size(), begin + kJudgedBytes);
    std::size_t end = begin;
    while (end < near && is_name_char(text_[end])) ++end;
    const bool cut_short = context_.cut_short && end == text_.size();
    while (!cut_short && end > begin && text_[end - 1] == '.') --end;
    if (!fits(shape, text_.substr(begin, end - begin), cut_short)) continue;
    while (end < text_.size() && is_name_char(text_[end])) ++end;
    add_span(spans_, text_, at, end);
    return end;
  }
  return rest.starts_with("Bearer ") || rest.starts_with("bearer ") ? bearer(at) : at + 1;
}

std::size_t Finder::bearer(std::size_t at) {
  const std::size_t begin = skip_blanks(text_, at + std::string_view("Bearer ").size());
  const auto ends = [](char c) { return is_blank(c) || is_quote(c) || c == ',' || c == ';'; };
  std::size_t end = begin;
  while (end < text_.size() && !ends(text_[end])) ++end;
  const std::string_view value = text_.substr(begin, end - begin);
  const bool sentence = is_prose_word(value) || (text_[at] == 'b' && !looks_random(value));
  if (!sentence && !is_reference(value)) add_span(spans_, text_, begin, end);
  return end;
}

std::size_t Finder::private_key(std::size_t at) {
  constexpr std::string_view kHead = "-----BEGIN ";
  if (!text_.substr(at).starts_with(kHead)) return at + 1;
  const std::size_t head_end = text_.find("-----", at + kHead.size());
  if (head_end == npos) return at + kHead.size();
  const std::size_t begin = head_end + 5;
  if (text_.substr(at, head_end - at).find("PRIVATE KEY") == npos) return begin;
  const std::size_t end = std::min(text_.find("-----END", begin), text_.size());
  add_span(spans_, text_, begin, end);
  return end;
}

void Finder::run() {
  for (std::size_t i = 0; i < text_.size();) {
    const char c = text_[i];
    if (!kMayBegin[static_cast<unsigned char>(c)]) {
      ++i;
    } else if (c == ':' && text_.substr(i).starts_with("://")) {
      i = url(i);
    } else if (c == '=' || c == ':') {
      i = find_in_assignment(text_, i, context_, spans_);
    } else if (c == '-') {
      i = private_key(i);
    } else {
      const bool in_word = i > 0 && (is_alnum(text_[i - 1]) || text_[i - 1] == '_');
      i = in_word ? i + 1 : token(i);
    }
  }
}

}  // namespace

void find_secrets(std::string_view text, const PatternContext& context, std::vector<Span>& spans) {
  Finder(text, context, spans).run();
}

std::size_t end_of_word(std::string_view text, std::size_t begin) {
  while (begin < text.size() && !is_blank(text[begin])) ++begin;
  return begin;
}

std::size_t skip_blanks(std::string_view text, std::size_t begin) {
  while (begin < text.size() && (text[begin] == ' ' || text[begin] == '\t')) ++begin;
  return begin;
}

void add_span(std::vector<Span>& spans, std::string_view text, std::size_t begin, std::size_t end) {
  if (begin < end && text.substr(begin, end - begin) != kRedacted) spans.push_back({begin, end});
}

std::string replace_spans(std::string_view text, std::vector<Span> spans) {
  std::sort(spans.begin(), spans.end(), [](const Span& a, const Span& b) { return a.begin < b.begin; });
  std::string out;
  std::size_t done = 0;
  for (std::size_t i = 0; i < spans.size();) {
    Span merged = spans[i];
    for (++i; i < spans.size() && spans[i].begin <= merged.end; ++i) merged.end = std::max(merged.end, spans[i].end);
    out += text.substr(done, merged.begin - done);
    out += kRedacted;
    done = merged.end;
  }
  out += text.substr(done);
  return out;
}

}  // namespace galproc
