/* What the iterators write at each look, as C that both they and the reader include. Times are nanoseconds, pids those
 * of the initial namespace. */
#ifndef GALPROC_ITERATOR_RECORDS_H
#define GALPROC_ITERATOR_RECORDS_H

#include <linux/types.h>

/* What the reader sets before it loads the iterators. */
struct galproc_iterator_settings {
  __u32 cpu_count;         /* possible ones, also those that are not there now */
  __u32 network_namespace; /* inode of the one whose sockets are told of */
};

enum { GALPROC_MOST_CPUS = 4096 };

/* CPU time as the scheduler measured it, its parts as the timer met them, and bytes read from and written to storage.
 */
struct galproc_use {
  __u64 runtime_ns, user_ns, system_ns;
  __u64 read_bytes, written_bytes;
};

/* A thread; alone for all but the first one of a process. */
struct galproc_thread {
  __u32 bytes; /* of the whole record */
  __u32 pid;   /* of the process */
  struct galproc_use own;
  struct galproc_use dead; /* of threads of the process that were released before this record was made */
};

enum {
  GALPROC_HAS_MEMORY = 1,
  GALPROC_HAS_IO = 2 /* this kernel counts it */
};

/* A process, with its first thread. */
struct galproc_process {
  struct galproc_thread thread;
  __u64 start_ns;                     /* on the boot clock of the initial time namespace */
  __u64 told_user_ns, told_system_ns; /* what /proc/PID/stat said last */
  __u64 resident_pages;
  __u64 start_code, start_stack, argument_start;
  __u32 parent_pid, process_group, session;
  __u32 uid;   /* effective */
  __u32 flags; /* PF_... of the first thread */
  __u32 state, exit_state;
  __u32 thread_count;
  __s32 wait_status;
  __u32 known; /* GALPROC_HAS_... */
  char name[16];
};

/* A descriptor of a listening TCP socket, or of one of UDP that is bound and not connected. */
struct galproc_bound_socket {
  __u64 start_ns; /* of the process that has it */
  __u32 pid;
  __u16 port;
  __u8 family; /* 2: the first four bytes of the address; 10: all */
  __u8 is_udp;
  __u8 address[16];
};

#endif
