#include "model/reading.h"

namespace galproc {

const char* to_text(Protocol protocol) {
  return protocol == Protocol::Tcp ? "tcp" : "udp";
}

const char* to_text(ProcessState state) {
  switch (state) {
    case ProcessState::Sleeping: return "sleeping";
    case ProcessState::Running: return "running";
    case ProcessState::Idle: return "idle";
    case ProcessState::DiskSleep: return "disk_sleep";
    case ProcessState::Stopped: return "stopped";
    case ProcessState::Traced: return "traced";
    case ProcessState::Zombie: return "zombie";
  }
  return "sleeping";
}

}  // namespace galproc
