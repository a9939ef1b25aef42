// Command lines, of which secrets are taken out, whatever else they hold.

#include "fuzz/fuzz.h"
#include "model/own_arguments.h"
#include "model/redaction.h"
#include "model/text.h"

namespace galproc {
namespace {

void try_arguments(const std::vector<std::string>& arguments, bool truncated) {
  static const Redactor redactor({"extra-name"});
  const auto once = redactor.redact(arguments, truncated);
  expect(once.size() == arguments.size(), "each argument stays one");
  expect_same(join_command_line(redactor.redact(once, truncated)), join_command_line(once), "redacted twice is once");
}

void try_text(std::string_view text, bool truncated) {
  static const Redactor redactor;
  const std::string once = redactor.redact_text(text, truncated);
  expect_same(redactor.redact_text(once, truncated), once, "a redacted text stays as it is");
}

}  // namespace
}  // namespace galproc

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  galproc::FuzzInput input(data, size);
  const unsigned which = input.byte();
  const bool truncated = (which & 1) != 0;
  const std::string_view text = input.take(4096);  // longer ones say nothing new, and take long
  std::vector<std::string> arguments;
  for (galproc::FuzzInput words(data + 1, text.size()); size > 1 && !words.is_empty();) {
    arguments.emplace_back(words.take_until('\n'));
  }
  galproc::try_arguments(arguments, truncated);
  galproc::try_text(text, truncated);
  for (const bool own : {false, true}) {
    const auto hidden = galproc::without_env_values(arguments, own);
    galproc::expect(galproc::without_env_values(hidden, own) == hidden, "values hidden twice are hidden once");
  }
  return 0;
}
