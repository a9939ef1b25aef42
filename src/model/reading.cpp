#include "model/reading.h"

namespace galproc {

const char* to_text(Protocol protocol) {
  return protocol == Protocol::Tcp ? "tcp" : "udp";
}

}  // namespace galproc
