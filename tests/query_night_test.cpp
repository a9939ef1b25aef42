// Questions of an incident, over a night that the recorder's own code has stored: tests/support/night.cpp tells what
// happened in it, and the files in tests/golden/night what is to be answered.

#include "store/database.h"
#include "support/expectation.h"
#include "support/night.h"
#include "support/temporary_folder.h"

namespace galproc {
namespace {

const std::filesystem::path kGolden = std::filesystem::path(GALPROC_SOURCE_DIR) / "tests" / "golden" / "night";

class QueryNight : public testing::TestWithParam<std::string> {
 protected:
  /// One night for all of them: questions change nothing.
  static void SetUpTestSuite() {
    folder_ = std::make_unique<TemporaryFolder>();
    tell_night(*folder_ / "night.db");
  }
  static void TearDownTestSuite() { folder_.reset(); }

  static inline std::unique_ptr<TemporaryFolder> folder_;
};

TEST_P(QueryNight, GivesTheExpectedRows) {
  SQLite::Database database = open_for_reading(*folder_ / "night.db");
  expect_answer(database, kGolden / (GetParam() + ".expected"));
}

INSTANTIATE_TEST_SUITE_P(Files, QueryNight, testing::ValuesIn(expectations_in(kGolden)), expectation_name);

}  // namespace
}  // namespace galproc
