// Which processes the selectors of find and kill mean, in a made-up world.

#include "action/selection.h"

#include <gtest/gtest.h>

#include "model/venv.h"

namespace galproc {
namespace {

class SelectionTest : public testing::Test {
 protected:
  ProcessReading& add(std::int64_t pid, const std::string& name, const std::string& user = "ann",
                      std::int64_t user_id = 1000) {
    auto image = std::make_shared<ProcessImage>();
    image->name = name;
    image->user_name = user;
    image->user_id = user_id;
    ProcessReading process;
    process.key = {pid, pid * 10};
    process.image = image;
    world_.processes.processes.push_back(process);
    return world_.processes.processes.back();
  }
  void hold(std::int64_t port, std::vector<std::int64_t> pids, Protocol protocol = Protocol::Tcp) {
    SocketReading socket{protocol, "0.0.0.0", port, 1, {}};
    for (const std::int64_t pid : pids) socket.holders.push_back({pid, pid * 10});
    world_.sockets.sockets.push_back(socket);
  }
  /// The pids that match, with why.
  std::vector<std::pair<std::int64_t, std::string>> matches() const {
    std::vector<std::pair<std::int64_t, std::string>> found;
    for (const Match& match : select(world_, wanted_).matches) found.emplace_back(match.process->key.pid, match.why);
    return found;
  }

  World world_;
  Selectors wanted_;
  using Found = std::vector<std::pair<std::int64_t, std::string>>;
};

TEST_F(SelectionTest, WithoutAnyMeansEveryLivingProcessByPid) {
  add(20, "b");
  add(10, "a");
  add(30, "c").ended = true;
  EXPECT_EQ(matches(), (Found{{10, ""}, {20, ""}}));
}

TEST_F(SelectionTest, OfDifferentKindsNarrowAndOfOneKindWiden) {
  add(1, "node");
  add(2, "node");
  add(3, "python");
  hold(8080, {1, 3});
  hold(9090, {2});
  wanted_.ports = {8080};
  EXPECT_EQ(matches(), (Found{{1, "port 8080"}, {3, "port 8080"}}));
  wanted_.names = {"node"};
  EXPECT_EQ(matches(), (Found{{1, "port 8080, name"}}));
  wanted_.ports = {8080, 9090};
  EXPECT_EQ(matches(), (Found{{1, "port 8080, name"}, {2, "port 9090, name"}}));
  wanted_.pids = {2, 3};
  EXPECT_EQ(matches(), (Found{{2, "pid, port 9090, name"}}));
}

TEST_F(SelectionTest, OfAPortMeansTheWholeNumberOfBothProtocolsAndItsHoldersAlone) {
  add(1, "long");
  add(2, "name-server");
  add(3, "client");
  hold(3020, {1});
  hold(302, {2}, Protocol::Udp);
  wanted_.ports = {302};
  EXPECT_EQ(matches(), (Found{{2, "port 302"}}));
  wanted_.ports = {30};
  EXPECT_EQ(matches(), Found{});
}

TEST_F(SelectionTest, OfAPortTakesTheProcessThatHoldsItAndNoLaterOneOfItsPid) {
  add(1, "young").key.start_token = 11;
  hold(80, {1});
  wanted_.ports = {80};
  EXPECT_EQ(matches(), Found{});
}

TEST_F(SelectionTest, OfANameMeansTheWholeNameWithoutCaseAndExe) {
  add(1, "Node");
  add(2, "node.EXE");
  add(3, "nodejs");
  add(4, "exe");
  wanted_.names = {"node"};
  EXPECT_EQ(matches(), (Found{{1, "name"}, {2, "name"}}));
  wanted_.names = {"NODEJS.exe"};
  EXPECT_EQ(matches(), (Found{{3, "name"}}));
  wanted_.names = {""};
  EXPECT_EQ(matches(), Found{});
}

TEST_F(SelectionTest, OfAUserTakesItsNameOrItsNumber) {
  add(1, "a");
  add(2, "b", "bob", 1001);
  wanted_.users = {"bob"};
  EXPECT_EQ(matches(), (Found{{2, "user"}}));
  wanted_.users = {"1000"};
  EXPECT_EQ(matches(), (Found{{1, "user"}}));
  wanted_.users = {"100"};
  EXPECT_EQ(matches(), Found{});
}

TEST_F(SelectionTest, OfPidsNameThoseThatAreNotThere) {
  add(1, "a");
  add(2, "dead").ended = true;
  wanted_.pids = {3, 1, 2, 3};
  EXPECT_EQ(matches(), (Found{{1, "pid"}}));
  EXPECT_EQ(select(world_, wanted_).missing_pids, (std::vector<std::int64_t>{3, 2}));
  wanted_.names = {"b"};  // there, but not meant
  EXPECT_EQ(matches(), Found{});
  EXPECT_EQ(select(world_, wanted_).missing_pids, (std::vector<std::int64_t>{3, 2}));
}

TEST_F(SelectionTest, OfAPortTellOfHoldersThatMayNotBeSeen) {
  hold(80, {});
  hold(81, {});
  wanted_.ports = {80};
  const Selection selection = select(world_, wanted_);
  EXPECT_TRUE(selection.matches.empty());
  ASSERT_EQ(selection.hidden_holders.size(), 1U);
  EXPECT_EQ(selection.hidden_holders[0], &world_.sockets.sockets[0]);
}

TEST_F(SelectionTest, OfAServiceTakesItsFirstProcessItsMarkerAndItsControlGroupAndNothingWhereThereIsNone) {
  const auto image_with = [](const std::optional<std::string>& marker, const std::string& group) {
    auto image = std::make_shared<ProcessImage>();
    image->service_marker = marker;
    image->cgroup = group;
    return image;
  };
  add(1, "web").image = image_with("web#7", "/");
  add(2, "cleaned").image = image_with({}, "/galproc/service-web-07");
  add(3, "below").image = image_with({}, "/../galproc/service-web-07/inner");
  add(4, "first").image = image_with({}, "/");
  add(5, "other").image = image_with("web#6", "/galproc/service-web-071/x-service-web-07");
  add(7, "inner").image = image_with("inner#1", "/galproc/service-web-07/inner");  // stands by itself
  add(6, "reused").image = image_with({}, "/");
  wanted_.by_service = true;
  EXPECT_EQ(matches(), Found{});
  wanted_.services = {{1, "web#5", {4, 40}, true, {}},
                      {2, "web#7", {6, 61}, true, "/sys/fs/cgroup/galproc/service-web-07"},
                      {3, "web#8", {5, 50}, false, {}}};  // of another boot
  EXPECT_EQ(matches(), (Found{{1, "service"}, {2, "service"}, {3, "service"}, {4, "service"}}));
}

TEST_F(SelectionTest, OfAVenvSayByWhatItWasMatched) {
  auto image = std::make_shared<ProcessImage>();
  image->name = "python3";
  image->arguments = {"/srv/venv/bin/python3", "app.py"};
  add(1, "python3").image = image;
  add(2, "python3");
  wanted_.venvs = {"/other", "/srv/venv"};
  wanted_.names = {"python3"};
  EXPECT_EQ(matches(), (Found{{1, "name, venv (command_line)"}}));
  const Selection selection = select(world_, wanted_);
  ASSERT_TRUE(selection.matches.at(0).venv);
  EXPECT_EQ(selection.matches[0].venv->folder, "/srv/venv");
  EXPECT_EQ(selection.matches[0].venv->evidence, "command_line");
}

TEST_F(SelectionTest, OfAVenvThatIsGoneTakesWhoRunsAProgramOfItOrHasItAsItsOwn) {
  const auto image_with = [](std::vector<std::string> arguments) {
    auto image = std::make_shared<ProcessImage>();
    image->arguments = std::move(arguments);
    return image;
  };
  add(1, "a").image = image_with({"/srv/venv/bin/python3", "app.py"});
  add(2, "b").image = image_with({"tail", "/srv/venv/log"});
  auto below = image_with({"sleep"});
  below->working_directory = "/srv/venv";
  add(3, "c").image = below;
  auto own = image_with({"sleep"});
  own->venv = "/srv/venv";
  add(4, "d").image = own;
  wanted_.gone_venvs = {"/srv/venv"};
  EXPECT_FALSE(wanted_.empty());
  EXPECT_EQ(matches(), (Found{{1, "venv (command_line)"}, {4, "venv (environment)"}}));
}

std::string evidence_of(const ProcessImage& image, const std::string& folder = "/a/venv") {
  return venv_evidence(image, folder).value_or("none");
}

TEST(Venv, OfTheCommandLineIsTheExecutableOrAnyArgumentBelowTheFolder) {
  ProcessImage image;
  image.executable = "/a/venv/bin/python3";
  EXPECT_EQ(evidence_of(image), "command_line");
  image.executable = "/usr/bin/python3";
  EXPECT_EQ(evidence_of(image), "none");
  image.arguments = {"/a/venv/bin/python3"};
  EXPECT_EQ(evidence_of(image), "command_line");
  image.arguments = {"sh", "-c", "/a//b/../venv/./bin/run"};
  EXPECT_EQ(evidence_of(image), "command_line");
  EXPECT_EQ(evidence_of(image, "/a/venv/"), "command_line");
  image.arguments = {"rm", "-r", "/a/venv", "/a/venv/"};
  EXPECT_EQ(evidence_of(image), "none");
}

TEST(Venv, OfARelativeArgumentIsTakenFromTheWorkingDirectory) {
  ProcessImage image;
  image.arguments = {"venv/bin/python3", "app.py"};
  EXPECT_EQ(evidence_of(image), "none");
  image.working_directory = "/a";
  EXPECT_EQ(evidence_of(image), "command_line");
  image.working_directory = "/b";
  EXPECT_EQ(evidence_of(image), "none");
}

TEST(Venv, ComesFirstByCommandLineThenByWorkingDirectoryThenByEnvironment) {
  ProcessImage image;
  image.venv = "/a/venv/";
  EXPECT_EQ(evidence_of(image), "environment");
  image.working_directory = "/a/venv";
  image.arguments = {"sleep", "9"};
  EXPECT_EQ(evidence_of(image), "working_directory");
  image.working_directory = "/a/venv/lib/x";
  EXPECT_EQ(evidence_of(image), "working_directory");
  image.arguments = {"/a/venv/bin/python3"};
  EXPECT_EQ(evidence_of(image), "command_line");
}

TEST(Venv, ComparesWholeComponents) {
  ProcessImage image;
  image.executable = "/a/venv2/bin/python3";
  image.arguments = {"/a/venv2/bin/python3", "/a/ven", "", "/"};
  image.working_directory = "/a/venv2";
  image.venv = "/a/venv/below";
  EXPECT_EQ(evidence_of(image), "none");
  EXPECT_EQ(evidence_of(image, "/a/venv2"), "command_line");
}

}  // namespace
}  // namespace galproc
