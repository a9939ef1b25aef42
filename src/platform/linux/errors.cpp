#include "platform/linux/errors.h"

#include <system_error>

namespace galproc {

std::string error_text(int code) {
  return std::generic_category().message(code);
}

}  // namespace galproc
