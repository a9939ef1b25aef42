// Names and command lines are whatever a process likes them to be: what is stored, and what each format shows of it.

#include "support/program.h"
#include "support/puppet.h"

namespace galproc {
namespace {

class ProgramNames : public ProgramTest {
 protected:
  /// One row of the query processes, in a format for eyes: the text that has to be there, and no byte that may not.
  void expect_shown(const std::string& name, const std::string& format, const std::string& wanted) const {
    const Ran ran = galproc({"query", "processes", "--db", db().string(), "--name", name, "--format", format, "-q"});
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    EXPECT_EQ(ran.err, "");
    EXPECT_NE(ran.out.find(wanted), std::string::npos) << format << " has no " << wanted << " in\n" << ran.out;
    for (const unsigned char byte : ran.out) {
      EXPECT_TRUE(byte == '\n' || (byte >= 0x20 && byte != 0x7f)) << format << " has the byte " << int{byte};
    }
    EXPECT_EQ(ran.out.find("\u202e"), std::string::npos) << format << " turns the line round";
  }
  /// The row of a pid as JSON, which gives back what is stored.
  Json row_of(pid_t pid, const std::string& stored_name) const {
    for (const Json& row : query({"processes", "--name", stored_name})) {
      if (row["pid"] == pid) return row;
    }
    ADD_FAILURE() << "no " << stored_name << "; its name is "
                  << ask(fmt::format("SELECT hex(name), name FROM processes WHERE pid = {}", pid));
    return Json::object();
  }
  /// A program of this name that reads until it is ended.
  std::string cat_named(const std::string& name) const {
    const fs::path program = folder_ / name;
    fs::copy_file("/bin/cat", program);
    return program.string();
  }
};

TEST_F(ProgramNames, OfProgramsAreWholeWhateverTheyHold) {
  struct Case {
    std::string name;    ///< bytes of the file
    std::string stored;  ///< valid UTF-8
    std::string shown;   ///< without control characters
  };
  const std::vector<Case> cases = {
      {"two words", "two words", "two words"},
      {"a) S 1 (b) c", "a) S 1 (b) c", "a) S 1 (b) c"},
      {"((((", "((((", "(((("},
      {"first\nsecond) R\n", "first\nsecond) R\n", "first\\nsecond) R\\n"},
      {"\x1b[31mred\x1b[0m", "\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"},
      {"exe.\u202egnp", "exe.\u202egnp", "exe.\\u202egnp"},
      {"bad\xff\xfe\xc3(", "bad\uFFFD\uFFFD\uFFFD(", "bad\uFFFD\uFFFD\uFFFD("},
      {"exactly-15-byte", "exactly-15-byte", "exactly-15-byte"},
      {"cut after fifteen bytes, (and) whole again", "cut after fifteen bytes, (and) whole again",
       "cut after fifteen bytes, (and) whole again"},
      {"cut in a char \u00e4, then more", "cut in a char \u00e4, then more", "cut in a char \u00e4, then more"},
  };
  std::vector<std::unique_ptr<Puppet>> puppets;
  for (const Case& each : cases) {
    puppets.push_back(std::make_unique<Puppet>());
    const std::string program = cat_named(each.name);
    ASSERT_EQ(puppets.back()->exec(program, {program}), 0) << each.shown;
  }
  snapshot();
  for (std::size_t i = 0; i < cases.size(); ++i) {
    SCOPED_TRACE(cases[i].shown);
    const Json row = row_of(puppets[i]->pid(), cases[i].stored);
    EXPECT_EQ(row.value("name", ""), cases[i].stored);
    for (const char* format : {"table", "csv"}) expect_shown(cases[i].stored, format, cases[i].shown);
    expect_shown(cases[i].stored, "json", "\"name\":");
  }
}

TEST_F(ProgramNames, ThatAProcessGaveItselfAreTakenAsTheyAre) {
  Puppet short_name, long_name, hostile;
  short_name.rename("worker 1/4");
  long_name.rename("longer-than-15-bytes");
  hostile.rename(") Z 0 (\n\xff");
  snapshot();
  EXPECT_EQ(row_of(short_name.pid(), "worker 1/4").value("name", ""), "worker 1/4");
  EXPECT_EQ(row_of(long_name.pid(), "longer-than-15-").value("name", ""), "longer-than-15-");
  const Json row = row_of(hostile.pid(), ") Z 0 (\n\uFFFD");
  EXPECT_EQ(row.value("parent_pid", 0), ::getpid());
  EXPECT_NE(row.value("state", ""), "zombie");
}

TEST_F(ProgramNames, AndCommandLinesOfAnyLengthAndAnyBytesAreStoredAndShown) {
  const std::string program = cat_named("args");
  const std::string tail(70'000, 'x');
  struct Case {
    std::vector<std::string> arguments;
    std::string stored;
    std::string shown;
  };
  const std::vector<Case> cases = {
      {{"args"}, "args", "args"},
      {{"args", "-", "two words", "it's", ""}, "args - 'two words' 'it'\\''s' ''", "args - 'two words' 'it'\\''s' ''"},
      {{"args", "-", "a\nb\t\x1b]0;title\x07"},
       "args - 'a\nb\t\x1b]0;title\x07'",
       "args - 'a\\nb\\t\\x1b]0;title\\x07'"},
      {{"args", "-", "\xff\x80\xc3("}, "args - '\uFFFD\uFFFD\uFFFD('", "args - '\uFFFD\uFFFD\uFFFD('"},
      {{"args", "-", "\u202eevil"}, "args - '\u202eevil'", "args - '\\u202eevil'"},
      {{}, "''", "''"},  // the kernel makes an empty argument of none
  };
  std::vector<std::unique_ptr<Puppet>> puppets;
  for (const Case& each : cases) {
    puppets.push_back(std::make_unique<Puppet>());
    ASSERT_EQ(puppets.back()->exec(program, each.arguments), 0);
  }
  Puppet longest;
  ASSERT_EQ(longest.exec(program, {"args", "-", tail}), 0);
  snapshot();
  for (std::size_t i = 0; i < cases.size(); ++i) {
    SCOPED_TRACE(cases[i].shown);
    EXPECT_EQ(row_of(puppets[i]->pid(), "args").value("command_line", "unknown"), cases[i].stored);
    for (const char* format : {"table", "csv"}) expect_shown("args", format, cases[i].shown);
  }
  const std::string line = row_of(longest.pid(), "args").value("command_line", "");
  EXPECT_TRUE(line.starts_with("args - xxxx")) << line.substr(0, 100);
  EXPECT_LE(line.size(), 65536U);
  EXPECT_GT(line.size(), 65000U);
  EXPECT_EQ(ask(fmt::format("SELECT truncated FROM process_images JOIN processes USING (upid) WHERE pid = {}",
                            longest.pid())),
            "1\n");
  EXPECT_EQ(ask("SELECT count(*) FROM process_images JOIN processes USING (upid)"
                " WHERE process_images.name = 'args' AND truncated = 0"),
            fmt::format("{}\n", cases.size()));
}

TEST_F(ProgramNames, AnEmptyCommandLineIsNotAnUnknownOne) {
  Puppet puppet;
  const int dropped = puppet.drop_command_line();
  if (dropped != 0) GTEST_SKIP() << "PR_SET_MM_MAP: " << std::strerror(-dropped);
  snapshot();
  EXPECT_EQ(ask(fmt::format("SELECT name, command_line FROM processes WHERE pid = {}", puppet.pid())),
            "program_names_test|\n");
}

}  // namespace
}  // namespace galproc
