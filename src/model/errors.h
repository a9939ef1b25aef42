#pragma once

#include <stdexcept>
#include <string>

namespace galproc {

/// The exit codes that scripts rely on.
enum class ExitCode {
  Done = 0,
  Failed = 1,
  Usage = 2,
  NotFound = 3,
  Refused = 4,
  NotLogged = 5,
  StillThere = 6,
  Interrupted = 130
};

/// A verb cannot go on. The text is one or two whole sentences: what failed, on what, why, what to try.
class Error : public std::runtime_error {
 public:
  Error(ExitCode code, const std::string& sentence) : std::runtime_error(sentence), code_(code) {}
  ExitCode code() const { return code_; }

 private:
  ExitCode code_;
};

/// Bad flag, value, name or configuration: exit 2.
class UsageError : public Error {
 public:
  explicit UsageError(const std::string& sentence) : Error(ExitCode::Usage, sentence) {}
};

/// The operating system refused or failed; `os_code` is errno, GetLastError or kern_return_t.
class PlatformError : public Error {
 public:
  PlatformError(const std::string& sentence, int os_code) : Error(ExitCode::Failed, sentence), os_code_(os_code) {}
  int os_code() const { return os_code_; }

 private:
  int os_code_;
};

}  // namespace galproc
