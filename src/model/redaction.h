#pragma once

// Takes secrets out of command lines and texts before they are stored: what is in the file can be read by everybody
// who may read the file, for as long as it is kept. Best effort by nature: a secret that nothing around it and
// nothing in its shape announces cannot be told from any other word.

#include <string>
#include <string_view>
#include <vector>

#include "model/secret_names.h"

namespace galproc {

/// Replaces each secret by "[redacted]" and nothing else: text without one comes back byte for byte, and marks of an
/// earlier pass stay as they are. Bytes in no particular encoding are welcome; the time taken grows with their number
/// only. Const functions may run on many threads at once.
class Redactor {
 public:
  /// `extra_names`: further options and variables whose value is secret, without dashes; case does not count, `-` and
  /// `_` are the same.
  explicit Redactor(const std::vector<std::string>& extra_names = {});

  /// An argument vector as the system gave it. To be called before joining: `--password "a b"` is lost afterwards.
  /// `last_truncated`: the last argument was cut short; what may be the beginning of a secret is one then. An
  /// argument that holds a command line (`sh -c`, a title set by the process) is also judged word by word.
  std::vector<std::string> redact(std::vector<std::string> arguments, bool last_truncated = false) const;

  /// A line of a log, an error, a reason, or a command line of which nothing but the joined text is left.
  std::string redact_text(std::string_view text, bool truncated = false) const;

 private:
  SecretNames names_;
};

}  // namespace galproc
