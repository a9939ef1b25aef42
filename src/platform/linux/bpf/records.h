/* What the tracepoint programs write into the ring, as C that both they and the reader include. Times are nanoseconds
 * of the boot clock, pids those of the initial namespace. */
#ifndef GALPROC_RECORDS_H
#define GALPROC_RECORDS_H

#include <linux/types.h>

enum galproc_record_kind {
  GALPROC_FORK = 1,
  GALPROC_EXEC,
  GALPROC_EXIT,
  GALPROC_SIGNAL,
  GALPROC_FAILED_SIGNAL,
  GALPROC_OOM,
  GALPROC_KINDS /* one more than the last */
};

/* What the reader sets before it loads the programs. */
struct galproc_settings {
  __u64 wanted_signals; /* bit N - 1: signal N is told of */
  __u64 wake_bytes;     /* the reader is woken when so many wait */
};

/* One process, as of the moment. */
struct galproc_party {
  __u64 start_ns; /* of its first thread */
  __u32 pid;
  __u32 parent_pid;
  __u32 uid;   /* effective */
  __u32 flags; /* PF_... of the thread: 4 exiting, 0x200000 kernel thread */
  char name[16];
};

struct galproc_head {
  __u64 at_ns;
  __u32 kind;
  __u32 reserved;
};

struct galproc_fork {
  struct galproc_head head;
  struct galproc_party parent, child;
};

enum { GALPROC_PATH_BYTES = 256, GALPROC_ARGUMENT_BYTES = 4096 };

/* Followed by argument_bytes bytes: the arguments, each with its zero. */
struct galproc_exec {
  struct galproc_head head;
  struct galproc_party process;
  __u32 argument_bytes;
  __u32 truncated;
  char path[GALPROC_PATH_BYTES];
};

struct galproc_exit {
  struct galproc_head head;
  struct galproc_party process;
  __s32 wait_status;
  __u32 reserved;
  __u64 runtime_ns, user_ns, system_ns; /* CPU time as the scheduler measured it, its parts as the timer met them */
  __u64 told_user_ns, told_system_ns;   /* what /proc/PID/stat said last */
  __u64 peak_resident_pages;
  __u64 read_bytes, written_bytes;
};

struct galproc_signal {
  struct galproc_head head;
  struct galproc_party sender, target;
  __s32 signal;
  __s32 code;        /* si_code */
  __u32 info;        /* 0: the kernel named no sender; 1: the kernel itself, or a timer; 2: a whole siginfo */
  __u32 to_group;    /* 1: to the process; 0: to one thread */
  __u32 result;      /* 0 delivered, 1 ignored, 2 already pending, 3 queue overflow, 4 information lost */
  __u32 disposition; /* what the target does with it: 0 the default, 1 ignores, 2 has a handler */
  __u32 sender_is_namespace_init;
  __u32 reserved;
};

/* What the number is that a system call was given. */
enum galproc_named {
  GALPROC_NAMED_PROCESS, /* a pid, or -group; kill() takes a thread for its process, too */
  GALPROC_NAMED_THREAD,
  GALPROC_NAMED_OTHER /* a descriptor, or a number of the sender's own pid namespace */
};

/* A system call that was to send one, and did not. */
struct galproc_failed_signal {
  struct galproc_head head;
  struct galproc_party sender;
  __s32 target;
  __s32 signal;
  __s32 error; /* errno */
  __u32 named; /* what `target` is: GALPROC_NAMED_... */
};

/* The OOM killer has sent a signal: this is told just after it. */
struct galproc_oom {
  struct galproc_head head;
  __u32 victim_pid;
  __u32 sender_pid; /* who ran */
};

#endif
