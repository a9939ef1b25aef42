// The configuration: a TOML file of anyone's, as the whole program takes it. Nothing is done but to print a statement.

#include <fstream>
#include <sstream>

#include "cli/app.h"
#include "fuzz/fuzz.h"
#include "model/text.h"
#include "support/temporary_folder.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace galproc;
  static const TemporaryFolder folder;
  const std::string path = (folder / "config.toml").string();
  std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
  std::ostringstream out, err;
  const int code = run_galproc({"query", "tree", "--sql", "--config", path}, out, err);
  expect(code == 0 || code == 2, "a configuration is taken or refused");
  expect((code == 0) == (out.str().find("SELECT") != std::string::npos), "a refused one does nothing");
  expect((code == 2) == err.str().starts_with("galproc: "), "a refusal says why");
  std::istringstream lines(err.str());
  for (std::string line; std::getline(lines, line);) {
    expect_same(escape_controls(line), line, "what is said of it controls nothing");
  }
  return 0;
}
