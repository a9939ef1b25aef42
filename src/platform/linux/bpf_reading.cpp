// Reading an iterator needs no library: the link makes a file, and the file gives records until it ends.

#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <utility>

#include "model/errors.h"
#include "platform/linux/bpf_iterators.h"
#include "platform/linux/errors.h"

namespace galproc {

namespace {

Descriptor open_iterator(const Descriptor& link) {
  bpf_attr request{};
  request.iter_create.link_fd = static_cast<__u32>(link.get());
  return Descriptor(static_cast<int>(::syscall(SYS_bpf, BPF_ITER_CREATE, &request, sizeof request)));
}

class Records {
 public:
  /// From the file's beginning to its end. Throws what `fail` makes of an errno.
  std::span<const char> read(const Descriptor& file, const std::function<void(int)>& fail) {
    constexpr std::size_t kPiece = 64 * 1024;  // most kernels give half of it at once
    std::size_t size = 0;
    for (;;) {
      if (bytes_.size() < size + kPiece) bytes_.resize(size + kPiece + size / 2);
      const ssize_t got = ::read(file.get(), bytes_.data() + size, bytes_.size() - size);
      if (got == 0) return {bytes_.data(), size};
      if (got > 0) size += static_cast<std::size_t>(got);
      // EAGAIN: it has gone over a million objects, and goes on.
      if (got < 0 && errno != EINTR && errno != EAGAIN) fail(errno);
    }
  }

 private:
  std::vector<char> bytes_;  // grows to what a look takes
};

}  // namespace

ReadRecords reader_of(Descriptor link, std::string what) {
  struct Source {
    Descriptor link;
    std::string what;
    Records records;
  };
  const auto source = std::make_shared<Source>(Source{std::move(link), std::move(what), {}});
  return [source] {
    const auto fail = [&](int code) {
      throw PlatformError(source->what + " cannot be read by BPF: " + error_text(code) + ".", code);
    };
    const Descriptor file = open_iterator(source->link);
    if (!file) fail(errno);
    return source->records.read(file, fail);
  };
}

}  // namespace galproc
