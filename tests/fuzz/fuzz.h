#pragma once

// What the fuzzers share. Each is one function that is given bytes and must neither crash nor break a promise of what
// it tries: libFuzzer calls it with what it makes up (scripts/fuzz.sh), the test suite with the kept corpus.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>

/// The function of a fuzzer. libFuzzer knows it by this name; the suite, which has them all, by one that its build
/// gives to each.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace galproc {

/// Ends the run as a crash does where a promise is broken.
inline void expect(bool holds, const char* promise) {
  if (holds) return;
  std::fprintf(stderr, "broken promise: %s\n", promise);
  std::abort();
}

/// The same of two texts, which are shown.
inline void expect_same(const std::string& got, const std::string& wanted, const char* promise) {
  if (got == wanted) return;
  std::fprintf(stderr, "got    |");
  std::fwrite(got.data(), 1, got.size(), stderr);
  std::fprintf(stderr, "|\nwanted |");
  std::fwrite(wanted.data(), 1, wanted.size(), stderr);
  std::fprintf(stderr, "|\n");
  expect(false, promise);
}

/// The bytes of an input, taken from its front.
class FuzzInput {
 public:
  FuzzInput(const std::uint8_t* data, std::size_t size) : rest_(reinterpret_cast<const char*>(data), size) {}

  bool is_empty() const { return rest_.empty(); }
  /// 0 where none is left.
  unsigned byte() {
    const std::string_view one = take(1);
    return one.empty() ? 0U : static_cast<unsigned char>(one.front());
  }
  /// At most so many.
  std::string_view take(std::size_t count) {
    const std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(taken.size());
    return taken;
  }
  /// Up to the next byte of this value, which is taken too and left out: inputs stay texts that can be read.
  std::string_view take_until(char end) {
    const std::string_view taken = rest_.substr(0, rest_.find(end));
    rest_.remove_prefix(std::min(rest_.size(), taken.size() + 1));
    return taken;
  }
  std::string_view rest() { return take(rest_.size()); }

 private:
  std::string_view rest_;
};

inline std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

}  // namespace galproc
