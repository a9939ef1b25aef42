// Any bytes on their way into the file and onto a terminal.

#include "fuzz/fuzz.h"
#include "model/text.h"

namespace galproc {
namespace {

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return (c >= 0 && c < 0x20) || c == 0x7f; });
}

void try_cleaning(std::string_view bytes, std::size_t limit) {
  const CleanText clean = clean_utf8(bytes, limit);
  expect(clean.text.size() <= limit, "cleaned text keeps to its limit");
  expect(clean.text.find('\0') == std::string::npos, "cleaned text holds no NUL");
  const CleanText again = clean_utf8(clean.text, limit);
  expect_same(again.text, clean.text, "cleaned text is clean");
  expect(!again.truncated, "what was cut is short enough");
  if (clean.truncated) expect(clean_utf8(bytes, SIZE_MAX).text.starts_with(clean.text), "a cut leaves the front");
  const std::string shown = escape_controls(clean.text);
  expect(shown.find("\\x9b") == std::string::npos || clean.text.find("\\x9b") != std::string::npos,
         "cleaned text holds no byte that is no UTF-8");
}

void try_showing(std::string_view bytes) {
  const std::string shown = escape_controls(bytes);
  expect(!has_control(shown), "what is shown controls nothing");
  expect_same(escape_controls(shown), shown, "what is harmless stays as it is");
  expect_same(clean_utf8(shown, SIZE_MAX).text, shown, "what is shown is valid UTF-8");
  const int width = display_width(shown);
  for (const int room : {0, 1, 2, 10, width - 1, width}) {
    const std::string cut = cut_to_width(shown, room);
    expect(display_width(cut) <= std::max(room, 0), "a cut text fits");
    expect(room < width || room <= 0 || cut == shown, "a text that fits is not cut");
    expect_same(clean_utf8(cut, SIZE_MAX).text, cut, "no character is cut in two");
  }
}

void try_command_line(FuzzInput input) {
  std::vector<std::string> arguments;
  while (!input.is_empty()) arguments.emplace_back(input.take_until('\n'));
  const std::string line = join_command_line(arguments);
  expect(split_command_line(line) == arguments, "a command line falls into the same arguments");
}

}  // namespace
}  // namespace galproc

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  for (const std::size_t limit : {std::size_t{0}, std::size_t{5}, std::size_t{64}, std::size_t{65536}}) {
    galproc::try_cleaning(bytes, limit);
  }
  galproc::try_showing(bytes);
  galproc::try_command_line({data, size});
  galproc::split_command_line(bytes);
  return 0;
}
