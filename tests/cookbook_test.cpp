// README's cookbook: each command is run as it stands there, over the night of tests/support/night.cpp, and answers
// what happened in it. Times of day are given the date of that night, which is long past.

#include <fstream>
#include <regex>

#include "support/night.h"
#include "support/program.h"

namespace galproc {
namespace {

struct Recipe {
  std::string question, command;
};

std::vector<Recipe> recipes() {
  std::ifstream readme(std::string(GALPROC_SOURCE_DIR) + "/README.md");
  std::vector<Recipe> found;
  bool inside = false;
  const std::regex row(R"(\| (.*\?) \| `galproc ([^`]*)`.* \|)");
  for (std::string line; std::getline(readme, line);) {
    if (line.starts_with("<!-- cookbook:")) inside = true;
    if (line.starts_with("<!-- end of cookbook")) inside = false;
    std::smatch parts;
    if (inside && std::regex_match(line, parts, row)) found.push_back({parts[1], parts[2]});
  }
  return found;
}

/// The words of a command, as a shell would part them.
std::vector<std::string> words_of(const std::string& command) {
  std::vector<std::string> words(1);
  char quote = 0;
  for (const char c : command) {
    if (quote != 0 ? c == quote : c == '"' || c == '\'') {
      quote = quote == 0 ? c : 0;
    } else if (c == ' ' && quote == 0) {
      words.emplace_back();
    } else {
      words.back() += c;
    }
  }
  return words;
}

/// Times of day in the night that was recorded.
std::string dated(const std::string& word) {
  const std::string last = std::regex_replace(word, std::regex("^yesterday (\\d\\d:\\d\\d)$"), "2026-11-19 $1");
  return std::regex_replace(last, std::regex("^(\\d\\d:\\d\\d)$"), "2026-11-20 $1");
}

/// What has to stand in the answer of each question, in this order; a part after `!` may not.
const std::map<std::string, std::vector<std::string>> kAnswers = {
    {"What held TCP 8080 at 03:12?", {"\"pid\":1000", "\"name\":\"python\"", "!900"}},
    {"When did it change hands, and who came next?", {"\"pid\":900", "T03:05:30", "\"pid\":1000", "T03:06:00"}},
    {"Who killed 4711, and did it die?",
     {"killed_by_process", "\"sender_pid\":4800", "bob", "\"target_name\":\"etl\""}},
    {"The OOM killer, or a person?", {"\"verdict\":\"oom\"", "certain"}},
    {"Did our own kill reach the right process?", {"\"target_upid\":8", "exited", "galproc+kernel", "!backup"}},
    {"Every attempt last night, with its outcome?",
     {"survived", "exited", "denied", "oom", "refused", "already_gone", "failed", "identity_changed", "unsupported"}},
    {"Which failed, and why?", {"denied", "Operation not permitted", "it is a kernel thread", "!\"exited\""}},
    {"Which were begun, and nobody knows what came of them?", {"\"target_name\":\"app\"", "too slow"}},
    {"Who asked, from which terminal, for what reason?", {"alice", "/dev/pts/3", "old build", "cleaning up"}},
    {"The tree under the supervisor at 02:55?", {"supervisord", "worker", "node", "!sshd"}},
    {"Which descendants survived the kill?", {"\"pid\":950", "child of 900 node"}},
    {"Who started it, dead parents included?", {"etl", "bash", "T02:52:10", "sshd", "systemd"}},
    {"Was 4711 at 03:10 the same process as at 03:20?", {"\"upid\":21", "\"upid\":36"}},
    {"What started or stopped between 03:00 and 03:15?", {"released", "bound", "etl", "worker", "!backup"}},
    {"What happened, one thing after the other?", {"started", "attempt", "signal", "outcome", "ended", "released"}},
    {"What lived for less than 5 s?", {"flaky", "\"lifetime_us\":2000000", "!node"}},
    {"Who used most CPU at 03:11?", {"etl"}},
    {"Whose memory grew most since midnight?", {"worker", "\"growth_bytes\":402653184"}},
    {"Was the machine short of memory, CPU or I/O then?", {"\"cpu_pct\":95.0", "\"memory_used_pct\":85.0"}},
    {"When were the limits exceeded, and for how long?", {"memory", "T02:30:30", "T03:12:00", "cpu", "T03:11:00"}},
    {"With which exit code or signal did the service end?", {"\"service\":\"app\"", "ended"}},
    {"How long did each of its lives last, and how did each end?",
     {"flaky", "\"exit_code\":1", "\"lifetime_us\":2000000", "\"lifetime_us\":2000000", "!node"}},
    {"How often did it restart, and how long did the lives last?",
     {"\"starts\":10", "\"median_us\":2000000", "exit code 1"}},
    {"Which service runs from this environment, with which interpreter?",
     {"/srv/app/.venv/bin/python", "\"service\":\"app\""}},
    {"How long from start to port?", {"\"port\":8080", "\"time_to_port_us\":50000000"}},
    {"What listens that did not yesterday?", {"\"port\":9229", "0.0.0.0", "!8080"}},
    {"Which sockets did it hold?", {"8080", "T03:05:30"}},
    {"Where are the holes in the recording?", {"crashed", "events_lost", "clock_step", "reboot"}},
    {"What changed in the 60 s before and after the kill?", {"tree", "ended: SIGKILL", "ports", "held", "resources"}},
    {"What belongs to this container, or to this unit?", {"redis-server"}},
    {"Was the log edited?", {"\"holds\":1"}},
};

class Cookbook : public ProgramTest {};

TEST_F(Cookbook, EachCommandAnswersItsQuestion) {
  tell_night(db());
  std::set<std::string> asked;
  for (const Recipe& recipe : recipes()) {
    SCOPED_TRACE(recipe.question + " galproc " + recipe.command);
    asked.insert(recipe.question);
    const auto answer = kAnswers.find(recipe.question);
    ASSERT_NE(answer, kAnswers.end()) << "no answer is known";
    Words words;
    for (const std::string& word : words_of(recipe.command)) words.push_back(dated(word));
    words.insert(words.end(), {"--json", "--db", db().string()});
    const Ran ran = galproc(words);
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    const Json rows = Json::parse(ran.out, nullptr, false);
    ASSERT_TRUE(rows.is_array()) << ran.out;
    const std::string text = rows.dump();
    std::size_t at = 0;
    for (const std::string& part : answer->second) {
      if (part.starts_with('!')) {
        EXPECT_EQ(text.find(part.substr(1)), std::string::npos) << part << " in " << text;
        continue;
      }
      const std::size_t found = text.find(part, at);
      ASSERT_NE(found, std::string::npos) << part << " not behind the others in " << text;
      at = found;
    }
  }
  EXPECT_EQ(asked.size(), kAnswers.size()) << "README has lost a question";
}

TEST_F(Cookbook, OneProcessAtTwoMomentsIsOneRow) {
  tell_night(db());
  const Ran ran = galproc({"query", "history", "--pid", "500", "--since", "2026-11-20 03:10", "--until",
                           "2026-11-20 03:20", "--every", "1h", "--json", "--db", db().string()});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  const Json rows = Json::parse(ran.out, nullptr, false);
  ASSERT_EQ(rows.size(), 1U) << ran.out;
  EXPECT_EQ(rows[0]["pid"], 500);
}

// Of what it cannot know an answer tells on stderr.
TEST_F(Cookbook, AnswersThatTouchAHoleSaySo) {
  tell_night(db());
  const auto said = [&](Words words) {
    words.insert(words.end(), {"--db", db().string()});
    return galproc(words).err;
  };
  const auto expect_said = [&](const Words& words, const std::string& what) {
    const std::string err = said(words);
    EXPECT_NE(err.find(what), std::string::npos) << words[1] << " says:\n" << err;
  };
  const std::string crash = "(crashed)", loss = "(events_lost)", step = "(clock_step)", boot = "(reboot)";
  for (const char* name : {"timeline", "short-lived", "restarts", "growth", "limits", "time-to-port"}) {
    const auto range = [&](const std::string& from, const std::string& to) {
      return Words{"query", name, "--since", "2026-11-20 " + from, "--until", "2026-11-20 " + to};
    };
    expect_said(range("03:35", "03:39"), crash);
    expect_said(range("03:45", "03:46"), loss);
    expect_said(range("03:50", "03:51"), step);
    expect_said(range("04:05", "04:06"), boot);
    EXPECT_EQ(said(range("03:00", "03:10")).find("gap"), std::string::npos) << name;
  }
  expect_said({"query", "around", "--at", "2026-11-20 03:29:30"}, crash);
  expect_said({"query", "around", "--at", "2026-11-20 03:29:30"}, "Around 2026-11-20T03:29:30");
  expect_said({"query", "venv", "--path", "/srv", "--at", "2026-11-20 03:35"}, "The moment lies in a gap (crashed");
  expect_said({"query", "new-ports", "--from", "2026-11-20 03:35", "--to", "2026-11-20 03:45"},
              "The earlier moment lies in a gap (crashed");
  expect_said({"query", "new-ports", "--from", "2026-11-20 03:00", "--to", "2026-11-20 03:35"},
              "The later moment lies in a gap (crashed");
  expect_said({"query", "new-ports", "--from", "2026-11-01", "--to", "2026-11-20 03:00"},
              "What is recorded begins at 2026-11-19T23:30:00");
  expect_said({"query", "new-ports", "--to", "2026-11-20 03:00"}, "against 2026-11-19T03:00:00");
  expect_said({"query", "survivors", "--action", "1"}, "Action 1 was over at 2026-11-20T03:05:03.1");
  expect_said({"query", "survivors", "--action", "77"}, "There is no action 77.");
  expect_said({"query", "around", "--action", "77"}, "There is no action 77.");
}

// Recorded are whole paths; people name a folder from where they are.
TEST_F(Cookbook, AFolderMayBeNamedFromWhereOneIs) {
  tell_night(db());
  Options options;
  options.before_exec = [] {
    if (::chdir("/") != 0) ::_exit(126);
  };
  for (const char* path : {"srv/app/.venv", "srv/./app/../app/.venv/", "/srv/app/.venv"}) {
    const Ran ran = galproc(
        {"query", "venv", "--path", path, "--at", "2026-11-20 03:12", "--json", "--db", fs::absolute(db()).string()},
        options);
    EXPECT_NE(ran.out.find("\"pid\":1000"), std::string::npos) << path << " " << ran.out << ran.err;
  }
}

TEST_F(Cookbook, MomentsThatMakeNoSenseAreRefused) {
  tell_night(db());
  const auto refused = [&](Words words) {
    words.insert(words.end(), {"--db", db().string()});
    const Ran ran = galproc(words);
    EXPECT_EQ(ran.exit_code, 2) << ran.err;
    return ran.err;
  };
  EXPECT_NE(refused({"query", "around"}).find("--at or --action"), std::string::npos);
  EXPECT_NE(refused({"query", "around", "--at", "now", "--action", "1"}).find("give --at or --action"),
            std::string::npos);
  EXPECT_NE(refused({"query", "survivors"}).find("--action"), std::string::npos);
  EXPECT_NE(refused({"query", "new-ports", "--from", "2026-11-20", "--to", "2026-11-19"}).find("lies before --from"),
            std::string::npos);
  EXPECT_NE(refused({"query", "group"}).find("--cgroup or --container"), std::string::npos);
}

}  // namespace
}  // namespace galproc
