/* The few kernel types that the programs read, declared by hand: libbpf moves every access to the place that the field
 * has in the running kernel, so neither a vmlinux.h nor the BTF of the build machine is needed. */
#ifndef GALPROC_KERNEL_TYPES_H
#define GALPROC_KERNEL_TYPES_H

#include <linux/types.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
  __u32 val;
} kuid_t;

struct cred {
  kuid_t uid, euid;
};

struct tty_struct {
  char name[64];
};

struct task_io_accounting {
  __u64 read_bytes, write_bytes;
};

struct upid {
  int nr;
};

struct pid {
  unsigned int level;
  struct upid numbers[1];
};

struct sigaction {
  void* sa_handler;
};

struct k_sigaction {
  struct sigaction sa;
};

struct sighand_struct {
  struct k_sigaction action[64];
};

struct signal_struct {
  struct {
    int counter;
  } live;
  unsigned int flags;
  int group_exit_code;
  unsigned long maxrss;
  __u64 utime, stime;
  struct tty_struct* tty;
  struct task_io_accounting ioac;
};

struct mm_struct {
  unsigned long arg_start, arg_end;
};

struct task_struct {
  unsigned int flags;
  int exit_code;
  int pid, tgid;
  struct task_struct *real_parent, *group_leader;
  char comm[16];
  __u64 start_boottime, utime, stime;
  const struct cred* cred;
  struct signal_struct* signal;
  struct sighand_struct* sighand;
  struct mm_struct* mm;
  struct pid* thread_pid;
  struct task_io_accounting ioac;
};

struct linux_binprm {
  const char* filename;
};

struct kernel_siginfo {
  int si_signo, si_errno, si_code;
};

#pragma clang attribute pop

#endif
