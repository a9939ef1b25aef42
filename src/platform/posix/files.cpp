#include "platform/posix/files.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>

#include <cerrno>
#include <string>
#include <system_error>

#include "model/errors.h"
#include "platform/posix/descriptor.h"

namespace galproc {

namespace {

std::string reason(int code) {
  return std::generic_category().message(code);
}

/// The group that may read the recordings of an administrator, where this machine has one.
std::optional<gid_t> sharing_group() {
  if (::geteuid() != 0) return std::nullopt;
  const group* entry = ::getgrnam("galproc");
  return entry ? std::optional(entry->gr_gid) : std::nullopt;
}

/// So that what is new in a folder is there after a loss of power. Not every file system knows how, nor may everybody
/// read every folder: what is made then is as safe as such a system makes it.
void sync_folder(const std::filesystem::path& folder) {
  const Descriptor file(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (file) ::fsync(file.get());
}

class PosixFileLock : public FileLock {
 public:
  explicit PosixFileLock(Descriptor file) : file_(std::move(file)) {}

  void note(const std::string& line) override {
    const std::string text = line + "\n";
    const ssize_t written = ::pwrite(file_.get(), text.data(), text.size(), 0);
    // Half of it would be another.
    if (::ftruncate(file_.get(), written == static_cast<ssize_t>(text.size()) ? written : 0) != 0) return;
  }

 private:
  Descriptor file_;
};

}  // namespace

LockResult lock_file(const std::filesystem::path& path) {
  // A record lock, not flock: it is not inherited by children, and F_GETLK names its holder without taking it.
  Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!file) throw PlatformError("The lock file " + path.string() + " cannot be opened: " + reason(errno) + ".", errno);
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  if (::fcntl(file.get(), F_SETLK, &lock) == 0) return {std::make_unique<PosixFileLock>(std::move(file)), 0};
  const int code = errno;
  if (code != EACCES && code != EAGAIN) {
    throw PlatformError("The lock file " + path.string() + " cannot be locked: " + reason(code) + ".", code);
  }
  LockResult result;
  if (::fcntl(file.get(), F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK) result.holder_pid = lock.l_pid;
  return result;
}

std::optional<std::int64_t> lock_holder(const std::filesystem::path& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  if (!file || ::fcntl(file.get(), F_GETLK, &lock) != 0 || lock.l_type == F_UNLCK) return std::nullopt;
  return lock.l_pid;
}

std::optional<FileIdentity> file_identity(const std::filesystem::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return std::nullopt;
  return FileIdentity{status.st_dev, status.st_ino};
}

bool is_executable(const std::filesystem::path& file) {
  std::error_code unknown;
  return std::filesystem::is_regular_file(file, unknown) && ::access(file.c_str(), X_OK) == 0;
}

void make_shared_folder(const std::filesystem::path& folder) {
  std::error_code unknown;
  if (folder.empty() || std::filesystem::is_directory(folder, unknown)) return;
  make_shared_folder(folder.parent_path());
  if (::mkdir(folder.c_str(), 0750) != 0) {
    const int code = errno;
    if (code == EEXIST && std::filesystem::is_directory(folder, unknown)) return;
    throw PlatformError(
        "The folder " + folder.string() + " cannot be made: " + reason(code) + ". Name a database elsewhere with --db.",
        code);
  }
  // The mode of mkdir passes through the umask; the group's right to enter is what lets others read the recording.
  if (::chmod(folder.c_str(), 0750) != 0) {
    throw PlatformError("The mode of the folder " + folder.string() + " cannot be set: " + reason(errno) + ".", errno);
  }
  if (const auto group = sharing_group(); group && ::chown(folder.c_str(), static_cast<uid_t>(-1), *group) != 0) {
    throw PlatformError(
        "The folder " + folder.string() + " cannot be given to the group galproc: " + reason(errno) + ".", errno);
  }
  // SQLite syncs the names in the database's own folder, and not the name of that folder.
  sync_folder(std::filesystem::absolute(folder).parent_path());
}

std::optional<DiskRoom> disk_room(const std::filesystem::path& path) {
  std::error_code failed;
  const std::filesystem::space_info space = std::filesystem::space(path, failed);
  if (failed) return std::nullopt;
  return DiskRoom{static_cast<std::int64_t>(space.capacity), static_cast<std::int64_t>(space.available)};
}

void make_shared_file(const std::filesystem::path& path) {
  const Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640));
  if (!file) {
    if (errno == EEXIST) return;
    throw PlatformError(
        "The file " + path.string() + " cannot be made: " + reason(errno) + ". Name a database elsewhere with --db.",
        errno);
  }
  if (::fchmod(file.get(), 0640) != 0) {
    throw PlatformError("The mode of " + path.string() + " cannot be set: " + reason(errno) + ".", errno);
  }
  if (const auto group = sharing_group(); group && ::fchown(file.get(), static_cast<uid_t>(-1), *group) != 0) {
    throw PlatformError("The file " + path.string() + " cannot be given to the group galproc: " + reason(errno) + ".",
                        errno);
  }
}

}  // namespace galproc
