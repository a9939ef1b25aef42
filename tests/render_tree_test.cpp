#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include "model/text.h"
#include "render/renderer.h"
#include "render/tree.h"

namespace galproc {
namespace {

using Guides = std::vector<std::string>;

TEST(TreeGuides, RootsHaveNone) {
  EXPECT_EQ(tree_guides({}), Guides{});
  EXPECT_EQ(tree_guides({0}), Guides{""});
  EXPECT_EQ(tree_guides({0, 0, 0}), (Guides{"", "", ""}));
}

TEST(TreeGuides, TheLastChildClosesItsBranch) {
  EXPECT_EQ(tree_guides({0, 1, 1, 1}), (Guides{"", "├─ ", "├─ ", "└─ "}));
}

TEST(TreeGuides, ABranchThatGoesOnIsDrawnPastItsGrandchildren) {
  EXPECT_EQ(tree_guides({0, 1, 2, 2, 1, 2, 3}), (Guides{"", "├─ ", "│  ├─ ", "│  └─ ", "└─ ", "   └─ ", "      └─ "}));
}

TEST(TreeGuides, ASecondRootStartsAfresh) {
  EXPECT_EQ(tree_guides({0, 1, 0, 1, 1}), (Guides{"", "└─ ", "", "├─ ", "└─ "}));
}

TEST(TreeGuides, AJumpOfTwoIsOneLevel) {
  EXPECT_EQ(tree_guides({0, 2, 3}), (Guides{"", "└─ ", "   └─ "}));
  EXPECT_EQ(tree_guides({0, 2, 1}), (Guides{"", "├─ ", "└─ "}));
}

TEST(TreeGuides, RowsWithoutTheirParentAreRoots) {
  EXPECT_EQ(tree_guides({3, 4, 2, 3, 0}), (Guides{"", "└─ ", "", "└─ ", ""}));
}

TEST(TreeGuides, AbsurdDepthsCostNothing) {
  constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(tree_guides({kLeast, kMost, -5, 0}), (Guides{"", "├─ ", "└─ ", "   └─ "}));
}

TEST(TreeGuides, AnEndlessChainKeepsItsInnermostLevels) {
  std::vector<std::int64_t> depths;
  for (std::int64_t depth = 0; depth < 5000; ++depth) depths.push_back(depth);
  const Guides guides = tree_guides(depths);
  EXPECT_EQ(display_width(guides[64]), 64 * 3);
  EXPECT_EQ(guides[64].find("…"), std::string::npos);
  for (const std::size_t row : {std::size_t{65}, std::size_t{4999}}) {
    EXPECT_EQ(display_width(guides[row]), 64 * 3);
    EXPECT_TRUE(guides[row].starts_with("…  ")) << guides[row];
    EXPECT_TRUE(guides[row].ends_with("   └─ ")) << guides[row];
  }
}

RowSet process_tree() {
  RowSet tree;
  tree.columns = {{"depth"}, {"pid"}, {"name"}, {"user"}};
  tree.tree_column = 2;
  const auto add = [&tree](std::int64_t depth, std::int64_t pid, const char* name) {
    tree.rows.push_back({depth, pid, name, "me"});
  };
  add(0, 1, "systemd");
  add(1, 640, "日本語");
  add(2, 12011, "worker");
  add(1, 700, "sh");
  return tree;
}

std::string rendered(const RowSet& row_set, Format format, RenderOptions options = {}) {
  std::ostringstream out;
  make_renderer(format, options)->render(row_set, out);
  return out.str();
}

TEST(TreeTable, DrawsGuidesInsteadOfTheDepthColumn) {
  EXPECT_EQ(rendered(process_tree(), Format::Table),
            "  pid  name          user\n"
            "    1  systemd       me\n"
            "  640  ├─ 日本語     me\n"
            "12011  │  └─ worker  me\n"
            "  700  └─ sh         me\n");
}

TEST(TreeTable, SetsAColumnOfNumbersFlushLeft) {
  RowSet tree = process_tree();
  tree.tree_column = 1;
  EXPECT_EQ(rendered(tree, Format::Table),
            "pid          name     user\n"
            "1            systemd  me\n"
            "├─ 640       日本語   me\n"
            "│  └─ 12011  worker   me\n"
            "└─ 700       sh       me\n");
}

TEST(TreeTable, UnknownDepthsAndNamesDoNotBreakIt) {
  RowSet tree = process_tree();
  tree.rows[1][0] = std::monostate{};
  tree.rows[2][2] = std::monostate{};
  tree.rows[3][2] = "";
  EXPECT_EQ(rendered(tree, Format::Table),
            "  pid  name     user\n"
            "    1  systemd  me\n"
            "  640  日本語   me\n"
            "12011  ├─ -     me\n"
            "  700  └─       me\n");
}

TEST(TreeTable, WithoutADepthColumnIsAPlainTable) {
  RowSet tree = process_tree();
  tree.columns[0].name = "level";
  EXPECT_EQ(rendered(tree, Format::Table),
            "level    pid  name     user\n"
            "    0      1  systemd  me\n"
            "    1    640  日本語   me\n"
            "    2  12011  worker   me\n"
            "    1    700  sh       me\n");
}

TEST(TreeTable, CannotBeDrawnInTheDepthItself) {
  RowSet tree = process_tree();
  tree.tree_column = 0;
  EXPECT_TRUE(rendered(tree, Format::Table).starts_with("depth    pid  name     user\n    0      1  systemd  me\n"));
}

TEST(TreeTable, KeepsTheNamesWhenThereIsLittleRoom) {
  EXPECT_EQ(rendered(process_tree(), Format::Table, {.width = 21}),
            "  pid  name…\n"
            "    1  systemd\n"
            "  640  ├─ 日本語\n"
            "12011  │  └─ worker\n"
            "  700  └─ sh\n");
  EXPECT_EQ(rendered(process_tree(), Format::Table, {.width = 10}),
            "name…\n"
            "systemd\n"
            "├─ 日本語\n"
            "│  └─ wor…\n"
            "└─ sh\n");
}

TEST(TreeTable, OtherFormatsKeepTheDepth) {
  EXPECT_TRUE(rendered(process_tree(), Format::Csv).starts_with("depth,pid,name,user\n0,1,systemd,me\n"));
  EXPECT_TRUE(
      rendered(process_tree(), Format::Jsonl).starts_with(R"({"depth":0,"pid":1,"name":"systemd","user":"me"})"));
  EXPECT_TRUE(rendered(process_tree(), Format::Markdown).starts_with("| depth | pid | name | user |\n"));
}

}  // namespace
}  // namespace galproc
