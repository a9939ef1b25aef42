// sleepers N PROGRAM [ARGUMENT]...: runs a program while N sleeping processes are there, and ends as it did.

#include "bench/sleepers.h"

#include <cstdlib>

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fputs("usage: sleepers N PROGRAM [ARGUMENT]...\n", stderr);
    return 2;
  }
  try {
    galproc::bench::Sleepers sleepers;
    sleepers.grow_to(std::strtoul(argv[1], nullptr, 10));
    const pid_t pid = ::fork();
    if (pid == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGTERM);
      ::execvp(argv[2], argv + 2);
      std::perror(argv[2]);
      ::_exit(127);
    }
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "sleepers: %s\n", error.what());
    return 1;
  }
}
