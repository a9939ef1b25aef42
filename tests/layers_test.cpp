// Who may include whom. The linker holds most of it; this reads the #include lines, so that the rest holds too.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>

namespace galproc {
namespace {

namespace fs = std::filesystem;
const fs::path kSource = fs::path(GALPROC_SOURCE_DIR) / "src";

/// What each folder may include of the others.
const std::map<std::string, std::set<std::string>> kMayInclude = {
    {"model", {}},
    {"platform", {"model"}},
    {"store", {"model"}},
    {"render", {"model"}},
    {"recorder", {"model", "store", "platform"}},
    {"action", {"model", "store", "platform"}},
    {"cli", {"model", "store", "platform", "recorder", "action", "render"}},
    {"main.cpp", {"cli"}},
};

/// Which folders may use a library.
const std::map<std::string, std::set<std::string>> kLibraries = {
    {"SQLiteCpp/", {"store"}}, {"sqlite3.h", {"store"}}, {"CLI/", {"cli"}},
    {"date/", {"model"}},      {"sodium.h", {"store"}},
};

const std::set<std::string> kStandardHeaders = {"algorithm",     "array",         "cctype",
                                                "charconv",      "chrono",        "climits",
                                                "cmath",         "compare",       "condition_variable",
                                                "cstddef",       "cstdint",       "cstdlib",
                                                "cstring",       "ctime",         "deque",
                                                "exception",     "filesystem",    "fstream",
                                                "functional",    "iomanip",       "iostream",
                                                "iterator",      "limits",        "map",
                                                "memory",        "mutex",         "numeric",
                                                "optional",      "ostream",       "set",
                                                "span",          "sstream",       "stdexcept",
                                                "string",        "string_view",   "system_error",
                                                "thread",        "tuple",         "type_traits",
                                                "unordered_map", "unordered_set", "utility",
                                                "variant",       "vector",        "atomic",
                                                "bit",           "cstdio",        "initializer_list",
                                                "istream",       "iosfwd",        "cerrno",
                                                "ranges",        "random",        "new"};

struct Include {
  fs::path file;
  std::string layer;
  std::string target;
  bool system = false;
};

std::vector<Include> all_includes() {
  std::vector<Include> includes;
  const std::regex pattern(R"(^\s*#\s*include\s*([<"])([^>"]+)[>"])");
  for (const auto& entry : fs::recursive_directory_iterator(kSource)) {
    if (!entry.is_regular_file()) continue;
    const fs::path relative = fs::relative(entry.path(), kSource);
    std::ifstream file(entry.path());
    for (std::string line; std::getline(file, line);) {
      std::smatch match;
      if (!std::regex_search(line, match, pattern)) continue;
      includes.push_back({relative, relative.begin()->string(), match[2], match[1] == "<"});
    }
  }
  return includes;
}

TEST(Layers, EveryFolderOfTheSourcesIsKnown) {
  for (const auto& entry : fs::directory_iterator(kSource)) {
    EXPECT_TRUE(kMayInclude.contains(entry.path().filename().string()))
        << entry.path() << ": a folder or file in src/ needs its rule here and its reason in README.";
  }
}

TEST(Layers, IncludeOnlyWhatStandsBelowThem) {
  ASSERT_FALSE(all_includes().empty());
  for (const Include& include : all_includes()) {
    if (include.system) continue;
    const std::string target = include.target.substr(0, include.target.find('/'));
    EXPECT_TRUE(target == include.layer || kMayInclude.at(include.layer).contains(target))
        << include.file << " includes " << include.target;
    if ((include.layer == "recorder" || include.layer == "action") && target == "platform") {
      EXPECT_EQ(include.target, "platform/platform.h") << include.file;
    }
  }
}

TEST(Layers, KeepEachLibraryInItsPlace) {
  for (const Include& include : all_includes()) {
    for (const auto& [library, layers] : kLibraries) {
      if (include.system && include.target.starts_with(library)) {
        EXPECT_TRUE(layers.contains(include.layer)) << include.file << " includes <" << include.target << ">";
      }
    }
  }
}

TEST(Layers, KeepTheOperatingSystemInPlatform) {
  for (const Include& include : all_includes()) {
    if (include.layer == "platform" || !include.system) continue;
    const bool known_library = std::any_of(kLibraries.begin(), kLibraries.end(),
                                           [&](const auto& item) { return include.target.starts_with(item.first); });
    EXPECT_TRUE(known_library || include.target.starts_with("fmt/") || kStandardHeaders.contains(include.target))
        << include.file << " includes <" << include.target << ">, which is no standard header known here.";
  }
  const std::regex condition(R"(#\s*(if|ifdef|elif).*(_WIN32|__linux__|__APPLE__|__unix__))");
  for (const auto& entry : fs::recursive_directory_iterator(kSource)) {
    if (!entry.is_regular_file() || fs::relative(entry.path(), kSource).begin()->string() == "platform") continue;
    std::ostringstream text;
    text << std::ifstream(entry.path()).rdbuf();
    EXPECT_FALSE(std::regex_search(text.str(), condition)) << entry.path() << " asks for the operating system.";
  }
}

TEST(Layers, SourceFilesStayShort) {
  for (const char* folder : {"src", "tests"}) {
    for (const auto& entry : fs::recursive_directory_iterator(fs::path(GALPROC_SOURCE_DIR) / folder)) {
      const std::string ending = entry.path().extension().string();
      if (ending != ".cpp" && ending != ".h") continue;
      std::ifstream file(entry.path());
      int lines = 0;
      for (std::string line; std::getline(file, line);) ++lines;
      EXPECT_LE(lines, 400) << entry.path() << ": split it by topic.";
    }
  }
}

}  // namespace
}  // namespace galproc
