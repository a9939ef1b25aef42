// The fuzzers of tests/fuzz over their kept corpus, and over inputs that are some bytes away from it: what they once
// found stays mended. libFuzzer itself, which sees where an input leads and so gets much further, is scripts/fuzz.sh.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

// GALPROC_FUZZERS is one GALPROC_FUZZER(name) for each that CMake has found there, whose function is fuzz_<name>.
#define GALPROC_FUZZER(name) extern "C" int fuzz_##name(const std::uint8_t* data, std::size_t size);
GALPROC_FUZZERS
#undef GALPROC_FUZZER

namespace galproc {
namespace {

namespace fs = std::filesystem;
const fs::path kCorpus = fs::path(GALPROC_SOURCE_DIR) / "tests/fuzz/corpus";

using Fuzzer = int (*)(const std::uint8_t*, std::size_t);
#define GALPROC_FUZZER(name) {#name, &fuzz_##name},
const std::map<std::string, Fuzzer> kFuzzers = {GALPROC_FUZZERS};

std::map<std::string, std::string> inputs_of(const std::string& name) {
  std::map<std::string, std::string> inputs;
  for (const auto& entry : fs::directory_iterator(kCorpus / name)) {
    std::ifstream file(entry.path(), std::ios::binary);
    inputs[entry.path().filename()] = {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }
  return inputs;
}

/// A broken promise ends the process: with GALPROC_FUZZ_INPUT=FILE the input that broke it is in that file.
void try_input(const std::string& name, const std::string& text) {
  const char* kept = std::getenv("GALPROC_FUZZ_INPUT");
  if (kept) std::ofstream(kept, std::ios::binary) << text;
  EXPECT_EQ(kFuzzers.at(name)(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()), 0);
}

/// The same in every run: what fails is to fail again.
class Mutations {
 public:
  explicit Mutations(std::vector<std::string> inputs) : inputs_(std::move(inputs)) {}

  std::string of(std::string text) {
    for (std::size_t steps = 1 + below(4); steps > 0; --steps) {
      const std::size_t at = below(text.size() + 1), length = below(std::min<std::size_t>(text.size() - at, 16) + 1);
      const std::string& other = inputs_[below(inputs_.size())];
      switch (below(5)) {
        case 0: text.erase(at, length); break;
        case 1: text.insert(at, text.substr(below(text.size() + 1), 16)); break;
        case 2: text.replace(at, length, other.substr(below(other.size() + 1), 16)); break;
        case 3: text.insert(at, 1, static_cast<char>(below(256))); break;
        default:
          if (at < text.size()) text[at] = static_cast<char>(text[at] ^ (1 << below(8)));
      }
    }
    return text;
  }

 private:
  std::size_t below(std::size_t end) { return random_() % end; }

  std::vector<std::string> inputs_;
  std::mt19937 random_{1};
};

class FuzzCorpus : public testing::TestWithParam<std::string> {};

TEST_P(FuzzCorpus, BreaksNoPromise) {
  const auto inputs = inputs_of(GetParam());
  EXPECT_GE(inputs.size(), 5U) << "an input or two show little";
  for (const auto& [file, text] : inputs) {
    std::cerr << "trying " << file << std::endl;
    try_input(GetParam(), text);
  }
}

TEST_P(FuzzCorpus, NorDoesWhatIsNearIt) {
  const bool is_slow = GetParam() == "config" || GetParam().starts_with("query_");
  std::vector<std::string> texts;
  for (const auto& [file, text] : inputs_of(GetParam())) texts.push_back(text);
  Mutations mutations(texts);
  for (const std::string& text : texts) {
    for (int round = 0; round < (is_slow ? 1 : 20); ++round) try_input(GetParam(), mutations.of(text));
  }
}

std::vector<std::string> names() {
  std::vector<std::string> all;
  for (const auto& [name, fuzzer] : kFuzzers) all.push_back(name);
  return all;
}

INSTANTIATE_TEST_SUITE_P(Of, FuzzCorpus, testing::ValuesIn(names()), [](const auto& info) { return info.param; });

TEST(FuzzCorpusFolder, HoldsNothingElseAndStaysSmall) {
  std::uintmax_t bytes = 0;
  for (const auto& entry : fs::recursive_directory_iterator(kCorpus)) {
    if (entry.is_regular_file()) bytes += entry.file_size();
    EXPECT_TRUE(entry.is_regular_file() || kFuzzers.contains(entry.path().filename().string())) << entry.path();
  }
  EXPECT_LE(bytes, 300'000U) << "minimise what was added: -merge=1 of libFuzzer";
}

}  // namespace
}  // namespace galproc
