/* The few kernel types that the programs read, declared by hand: libbpf moves every access to the place that the field
 * has in the running kernel, so neither a vmlinux.h nor the BTF of the build machine is needed. */
#ifndef GALPROC_KERNEL_TYPES_H
#define GALPROC_KERNEL_TYPES_H

#include <linux/types.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct in6_addr {
  __u8 bytes[16];
};

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

struct prev_cputime {
  __u64 utime, stime;
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
  __u64 utime, stime; /* these, sum_sched_runtime and ioac: of threads that were released */
  unsigned long long sum_sched_runtime;
  struct prev_cputime prev_cputime;
  int nr_threads;
  struct pid* pids[4];
  struct tty_struct* tty;
  struct task_io_accounting ioac;
};

struct percpu_counter {
  __s64 count;
  __s32* counters;
};

struct mm_struct {
  unsigned long start_code, start_stack, arg_start, arg_end;
  struct percpu_counter rss_stat[4];
};

/* As it was before Linux 6.2. */
struct mm_rss_stat {
  struct {
    long counter;
  } count[4];
};
struct mm_struct___shared {
  struct mm_rss_stat rss_stat;
};

struct sched_entity {
  __u64 sum_exec_runtime;
};

struct sched_info {
  unsigned long long run_delay; /* how long it waited for a CPU */
};

struct task_struct {
  unsigned int __state;
  unsigned int flags;
  int exit_state, exit_code;
  int pid, tgid;
  struct task_struct *real_parent, *group_leader;
  char comm[16];
  __u64 start_boottime, utime, stime;
  const struct cred* cred;
  struct signal_struct* signal;
  struct sighand_struct* sighand;
  struct mm_struct* mm;
  struct pid* thread_pid;
  struct sched_entity se;
  struct sched_info sched_info;
  unsigned long nvcsw; /* how often it slept */
  struct task_io_accounting ioac;
};

/* As it was before Linux 5.14. */
struct task_struct___signed {
  long state;
};

struct linux_binprm {
  const char* filename;
};

struct kernel_siginfo {
  int si_signo, si_errno, si_code;
};

struct ns_common {
  unsigned int inum;
};

struct net {
  struct ns_common ns;
};

typedef struct {
  struct net* net;
} possible_net_t;

struct sock_common {
  __u16 skc_family;
  volatile unsigned char skc_state;
  __u16 skc_num; /* the port, in the order of this machine */
  __be32 skc_rcv_saddr;
  struct in6_addr skc_v6_rcv_saddr;
  possible_net_t skc_net;
};

struct sock {
  struct sock_common __sk_common;
  __u16 sk_type, sk_protocol;
};

struct socket {
  struct sock* sk;
};

struct file;

struct bpf_array {
  void* pptrs[1];
};

struct bpf_iter_meta {
  struct seq_file* seq;
  __u64 session_id, seq_num;
};

struct bpf_iter__task {
  struct bpf_iter_meta* meta;
  struct task_struct* task;
};

struct bpf_iter__task_file {
  struct bpf_iter_meta* meta;
  struct task_struct* task;
  __u32 fd;
  struct file* file;
};

#pragma clang attribute pop

#endif
