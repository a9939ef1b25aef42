// The fuzzers of tests/fuzz over their kept corpus: what they once found stays mended. libFuzzer itself, which looks
// for more, is scripts/fuzz.sh.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
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

std::vector<fs::path> inputs_of(const std::string& name) {
  std::vector<fs::path> inputs;
  for (const auto& entry : fs::directory_iterator(kCorpus / name)) inputs.push_back(entry.path());
  std::sort(inputs.begin(), inputs.end());
  return inputs;
}

class FuzzCorpus : public testing::TestWithParam<std::string> {};

TEST_P(FuzzCorpus, BreaksNoPromise) {
  const auto inputs = inputs_of(GetParam());
  EXPECT_GE(inputs.size(), 5U) << "an input or two show little";
  for (const fs::path& path : inputs) {
    SCOPED_TRACE(path.string());
    std::ifstream file(path, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    // A broken promise ends the process.
    ::fprintf(stderr, "%s\n", path.filename().c_str());
    EXPECT_EQ(kFuzzers.at(GetParam())(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()), 0);
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
