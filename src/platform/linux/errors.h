#pragma once

#include <string>

namespace galproc {

/// The text of an errno, as strerror(3) gives it.
std::string error_text(int code);

}  // namespace galproc
