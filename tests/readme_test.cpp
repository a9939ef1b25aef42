// README's tables of queries and views are made from the files themselves: a mismatch prints what belongs there.

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "store/embedded.h"
#include "store/query_catalogue.h"

namespace galproc {
namespace {

std::string readme() {
  std::ostringstream text;
  text << std::ifstream(std::string(GALPROC_SOURCE_DIR) + "/README.md").rdbuf();
  return text.str();
}

/// What stands between the marker that begins with `<!-- name:` and `<!-- end of name -->`.
std::string block(const std::string& name) {
  const std::string text = readme();
  const std::size_t marker = text.find("<!-- " + name + ":");
  const std::size_t start = text.find('\n', marker) + 1;
  const std::size_t end = text.find("<!-- end of " + name + " -->");
  EXPECT_TRUE(marker != std::string::npos && end != std::string::npos && start <= end)
      << "README has no block " << name;
  return text.substr(start, end - start);
}

std::string parameters_of(const NamedQuery& query) {
  std::string text;
  for (const QueryParam& param : query.params) {
    const bool one_of = std::count(query.requires_one_of.begin(), query.requires_one_of.end(), param.name) > 0;
    text += (text.empty() ? "`--" : " `--") + param.name + (param.required ? "`!" : one_of ? "`|" : "`");
  }
  return text;
}

TEST(Readme, ListsEveryQueryWithItsParametersAndItsSummary) {
  std::string expected = "| query | parameters | answers |\n|---|---|---|\n";
  const QueryCatalogue catalogue = QueryCatalogue::built_in();
  for (const NamedQuery& query : catalogue.all()) {
    std::string parameters = parameters_of(query);
    for (std::size_t at = 0; (at = parameters.find('|', at)) != std::string::npos; at += 2) parameters.insert(at, "\\");
    expected += "| `" + query.name + "` | " + parameters + " | " + query.summary + " |\n";
  }
  expected += "\n`!`: needed; `|`: one of these is needed.\n";
  EXPECT_EQ(block("queries"), expected);
}

TEST(Readme, ListsEveryViewWithWhatItsRowsAre) {
  std::string expected = "| view | rows |\n|---|---|\n";
  for (std::size_t i = 0; i < kViewFilesCount; ++i) {
    std::istringstream lines(kViewFiles[i].content);
    std::string summary;
    for (std::string line; std::getline(lines, line) && line.starts_with("-- ");) {
      summary += (summary.empty() ? "" : " ") + line.substr(3);
    }
    expected += "| `" + std::string(kViewFiles[i].name) + "` | " + summary + " |\n";
  }
  EXPECT_EQ(block("views"), expected);
}

}  // namespace
}  // namespace galproc
