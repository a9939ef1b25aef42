#include "support/watched_disk.h"

#include <signal.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>

namespace galproc {

namespace {

using Kind = DiskStep::Kind;
using OpenFolder = int (*)(const char*, int*);

DiskWatcher* g_watcher = nullptr;  // SQLite's functions for folders carry nothing of ours
OpenFolder g_open_folder = nullptr;

/// As SQLite allocates it, with the system's own file behind it.
struct WatchedFile {
  sqlite3_file base;
  const char* name;  // lives as long as the file is open
  sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};
static_assert(sizeof(WatchedFile) % alignof(std::max_align_t) == 0);

WatchedFile* of(sqlite3_file* file) {
  return reinterpret_cast<WatchedFile*>(file);
}

[[noreturn]] void die() {
  ::kill(::getpid(), SIGKILL);
  for (;;) ::pause();
}

/// Asks the watcher and gives what SQLite is to be told; `proceed` goes on to the disk.
template <typename Proceed>
int watch(const DiskStep& step, const Proceed& proceed) {
  const DiskVerdict verdict = g_watcher != nullptr ? g_watcher->before(step) : DiskVerdict{};
  if (verdict.dies) die();
  return verdict.code == SQLITE_OK ? proceed() : verdict.code;
}

DiskStep step_of(Kind kind, sqlite3_file* file) {
  DiskStep step;
  step.kind = kind;
  if (of(file)->name != nullptr) step.path = of(file)->name;
  return step;
}

int close(sqlite3_file* file) {
  return of(file)->real()->pMethods->xClose(of(file)->real());
}
int read(sqlite3_file* file, void* to, int size, sqlite3_int64 at) {
  DiskStep step = step_of(Kind::Read, file);
  step.at = at;
  return watch(step, [&] { return of(file)->real()->pMethods->xRead(of(file)->real(), to, size, at); });
}
int write(sqlite3_file* file, const void* from, int size, sqlite3_int64 at) {
  sqlite3_file* real = of(file)->real();
  DiskStep step = step_of(Kind::Write, file);
  step.at = at;
  step.data = {static_cast<const char*>(from), static_cast<std::size_t>(size)};
  const DiskVerdict verdict = g_watcher != nullptr ? g_watcher->before(step) : DiskVerdict{};
  if (verdict.code == SQLITE_OK && !verdict.dies) return real->pMethods->xWrite(real, from, size, at);
  const int part = static_cast<int>(std::min(verdict.written, step.data.size()));
  if (part > 0) real->pMethods->xWrite(real, from, part, at);
  if (verdict.dies) die();
  return verdict.code;
}
int truncate(sqlite3_file* file, sqlite3_int64 size) {
  DiskStep step = step_of(Kind::Truncate, file);
  step.at = size;
  return watch(step, [&] { return of(file)->real()->pMethods->xTruncate(of(file)->real(), size); });
}
int sync(sqlite3_file* file, int flags) {
  return watch(step_of(Kind::Sync, file), [&] { return of(file)->real()->pMethods->xSync(of(file)->real(), flags); });
}
int file_size(sqlite3_file* file, sqlite3_int64* size) {
  return of(file)->real()->pMethods->xFileSize(of(file)->real(), size);
}
int lock(sqlite3_file* file, int level) {
  return watch(step_of(Kind::Lock, file), [&] { return of(file)->real()->pMethods->xLock(of(file)->real(), level); });
}
int unlock(sqlite3_file* file, int level) {
  return of(file)->real()->pMethods->xUnlock(of(file)->real(), level);
}
int check_lock(sqlite3_file* file, int* is_reserved) {
  return of(file)->real()->pMethods->xCheckReservedLock(of(file)->real(), is_reserved);
}
int control(sqlite3_file* file, int what, void* argument) {
  return of(file)->real()->pMethods->xFileControl(of(file)->real(), what, argument);
}
int sector_size(sqlite3_file* file) {
  return of(file)->real()->pMethods->xSectorSize(of(file)->real());
}
int characteristics(sqlite3_file* file) {
  return of(file)->real()->pMethods->xDeviceCharacteristics(of(file)->real());
}
int map_memory(sqlite3_file* file, int page, int size, int extend, void volatile** memory) {
  DiskStep step = step_of(Kind::Memory, file);
  step.makes = extend != 0;
  *memory = nullptr;
  return watch(step, [&] { return of(file)->real()->pMethods->xShmMap(of(file)->real(), page, size, extend, memory); });
}
int lock_memory(sqlite3_file* file, int offset, int count, int flags) {
  const auto proceed = [&] { return of(file)->real()->pMethods->xShmLock(of(file)->real(), offset, count, flags); };
  if ((flags & SQLITE_SHM_UNLOCK) != 0) return proceed();
  return watch(step_of(Kind::Lock, file), proceed);
}
void memory_barrier(sqlite3_file* file) {
  of(file)->real()->pMethods->xShmBarrier(of(file)->real());
}
int unmap_memory(sqlite3_file* file, int deletes) {
  return of(file)->real()->pMethods->xShmUnmap(of(file)->real(), deletes);
}

/// Version 2: nothing is read or written by memory maps, past this.
const sqlite3_io_methods kMethods = {
    2,          close,   read,        write,           truncate,   sync,        file_size,      lock,         unlock,
    check_lock, control, sector_size, characteristics, map_memory, lock_memory, memory_barrier, unmap_memory, nullptr,
    nullptr};

sqlite3_vfs* real_of(sqlite3_vfs* vfs) {
  return static_cast<sqlite3_vfs*>(vfs->pAppData);
}

int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  file->pMethods = nullptr;
  of(file)->name = name;
  DiskStep step = step_of(Kind::Open, file);
  step.makes = (flags & SQLITE_OPEN_CREATE) != 0;
  return watch(step, [&] {
    const int result = real_of(vfs)->xOpen(real_of(vfs), name, of(file)->real(), flags, out_flags);
    if (of(file)->real()->pMethods != nullptr) file->pMethods = &kMethods;
    return result;
  });
}

int delete_file(sqlite3_vfs* vfs, const char* name, int syncs_folder) {
  DiskStep step;
  step.kind = Kind::Delete;
  step.path = name;
  return watch(step, [&] { return real_of(vfs)->xDelete(real_of(vfs), name, syncs_folder); });
}

/// SQLite opens a folder for one thing only: to sync it.
int open_folder(const char* file, int* descriptor) {
  DiskStep step;
  step.kind = Kind::SyncFolder;
  step.path = file;
  return watch(step, [&] { return g_open_folder(file, descriptor); });
}

constexpr const char* kOpenFolder = "openDirectory";  // https://sqlite.org/src: the system calls of os_unix.c

}  // namespace

class WatchedDisk::Vfs {
 public:
  explicit Vfs(DiskWatcher& watcher) : real_(sqlite3_vfs_find(nullptr)), watched_(*real_) {
    if (g_watcher != nullptr) throw std::logic_error("the disk is watched already");
    watched_.szOsFile = static_cast<int>(sizeof(WatchedFile)) + real_->szOsFile;
    watched_.zName = "watched";
    watched_.pNext = nullptr;
    watched_.pAppData = real_;
    watched_.xOpen = open;
    watched_.xDelete = delete_file;
    g_open_folder = reinterpret_cast<OpenFolder>(real_->xGetSystemCall(real_, kOpenFolder));
    real_->xSetSystemCall(real_, kOpenFolder, reinterpret_cast<sqlite3_syscall_ptr>(open_folder));
    g_watcher = &watcher;
    sqlite3_vfs_register(&watched_, 1);
  }
  ~Vfs() {
    sqlite3_vfs_unregister(&watched_);
    sqlite3_vfs_register(real_, 1);
    real_->xSetSystemCall(real_, kOpenFolder, nullptr);
    g_watcher = nullptr;
  }
  Vfs(const Vfs&) = delete;
  Vfs& operator=(const Vfs&) = delete;

 private:
  sqlite3_vfs* real_;
  sqlite3_vfs watched_;
};

WatchedDisk::WatchedDisk(DiskWatcher& watcher) : vfs_(std::make_unique<Vfs>(watcher)) {}
WatchedDisk::~WatchedDisk() = default;

}  // namespace galproc
