// Command lines, of which secrets are taken out, whatever else they hold.

#include "fuzz/fuzz.h"
#include "model/own_arguments.h"
#include "model/redaction.h"
#include "model/text.h"

namespace galproc {
namespace {

constexpr const char* kSecret = "hunter2hunter2";

bool tells(const std::string& text) {
  return text.find(kSecret) != std::string::npos;
}

/// A secret that is announced within its own argument is taken out, whatever stands around it.
void try_arguments(std::vector<std::string> arguments, std::size_t place, bool truncated) {
  static const Redactor redactor({"extra-name"});
  const auto redacted = redactor.redact(arguments, truncated);
  expect(redacted.size() == arguments.size(), "each argument stays one");
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const bool is_marked = redacted[i].find(kRedacted) != std::string::npos;
    if (!is_marked) expect_same(redacted[i], arguments[i], "what holds no secret comes back byte for byte");
  }
  for (const char* announced : {"--password=", "PGPASSWORD=", "--extra-name=", "https://user:"}) {
    const std::string end = announced == std::string("https://user:") ? "@host/" : "";
    std::vector<std::string> more = arguments;
    const std::size_t own = place % (more.size() + 1);
    more.insert(more.begin() + static_cast<std::ptrdiff_t>(own), announced + std::string(kSecret) + end);
    const std::string argument = redactor.redact(more, truncated)[own];
    if (tells(argument)) expect_same(argument, "", "a secret of its own argument is taken out");
  }
}

void try_text(const std::string& text, bool truncated) {
  static const Redactor redactor;
  if (tells(text)) return;
  const std::string redacted = redactor.redact_text(text + " --password=" + kSecret, truncated);
  if (tells(redacted)) expect_same(redacted, "", "a secret at the end of a text is taken out");
}

}  // namespace
}  // namespace galproc

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  galproc::FuzzInput input(data, size);
  const unsigned which = input.byte();
  const bool truncated = (which & 1) != 0;
  std::string text(input.take(4096));                  // longer ones say nothing new, and take long
  std::replace(text.begin(), text.end(), '\0', '\n');  // no argument holds one
  std::vector<std::string> arguments;
  for (galproc::FuzzInput words(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()); !words.is_empty();) {
    arguments.emplace_back(words.take_until('\n'));
  }
  galproc::try_arguments(arguments, which / 2, truncated);
  galproc::try_text(text, truncated);
  for (const bool own : {false, true}) {
    const auto hidden = galproc::without_env_values(arguments, own);
    galproc::expect(galproc::without_env_values(hidden, own) == hidden, "values hidden twice are hidden once");
  }
  return 0;
}
