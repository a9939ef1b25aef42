/* What is asked for at each look: the process table, and who holds which port. A read of an iterator walks the kernel's
 * own tables and gives a binary record for each, where text below /proc costs ten times as much. */

/* clang-format off */
#include <linux/bpf.h> /* first: the helpers need its types */

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
/* clang-format on */

#include "platform/linux/bpf/iterator_records.h"
#include "platform/linux/bpf/kernel_types.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

enum { kFilePages = 0, kAnonymousPages = 1, kSharedPages = 3, kCounters = 4 };
enum { kKernelThread = 0x200000, kGroupExit = 4 };
enum { PIDTYPE_PGID = 2, PIDTYPE_SID = 3 };
enum { AF_INET = 2, AF_INET6 = 10, SOCK_STREAM = 1, SOCK_DGRAM = 2 };
enum { IPPROTO_TCP = 6, IPPROTO_UDP = 17, IPPROTO_MPTCP = 262, TCP_CLOSE = 7, TCP_LISTEN = 10 };

const volatile struct galproc_iterator_settings settings SEC(".rodata.settings") = {1, 0};

/* Resident memory is counted by each CPU for itself: what lies between one CPU's counter and the address that the
 * kernel keeps for all of them is the same for every counter, so that of a counter of our own tells it. */
struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u64);
} own_counter SEC(".maps");

static __u64 cpu_offsets[GALPROC_MOST_CPUS];

/* A pointer as a number. */
static __always_inline __u64 number_of(const void* pointer) {
  const void* volatile kept = pointer;
  __u64 number = 0;
  bpf_probe_read_kernel(&number, sizeof(number), (const void*)&kept);
  return number;
}

static __always_inline void find_cpu_offsets(void) {
  __u64 base = 0;
  const __u32 zero = 0;
  bpf_probe_read_kernel(&base, sizeof(base),
                        (void*)(number_of(&own_counter) + bpf_core_field_offset(struct bpf_array, pptrs)));
  for (__u32 cpu = 0; cpu < settings.cpu_count && cpu < GALPROC_MOST_CPUS; ++cpu) {
    const void* counter = bpf_map_lookup_percpu_elem(&own_counter, &zero, cpu);
    if (!counter) return;
    cpu_offsets[cpu] = number_of(counter) - base;
  }
}

static __always_inline __u64 sum_of_positive(const __s64* counts) {
  __u64 sum = 0; /* a count may be below zero for a moment, and then the kernel shows none, too */
  if (counts[kFilePages] > 0) sum += counts[kFilePages];
  if (counts[kAnonymousPages] > 0) sum += counts[kAnonymousPages];
  if (counts[kSharedPages] > 0) sum += counts[kSharedPages];
  return sum;
}

/* As it was before Linux 6.2. Asked of a field, since libbpf 1.1 looks for a type that the kernel itself does not have in
 * its modules too, which takes CAP_SYS_ADMIN, and gives up without it. */
static __always_inline int has_shared_counts(void) {
  return bpf_core_field_exists(struct mm_struct___shared, rss_stat.count[0].counter);
}

static __always_inline __u64 resident_pages_of(struct mm_struct* memory) {
  if (has_shared_counts()) {
    const struct mm_struct___shared* shared = (struct mm_struct___shared*)memory;
    const __s64 counts[kCounters] = {shared->rss_stat.count[0].counter, shared->rss_stat.count[1].counter, 0,
                                     shared->rss_stat.count[3].counter};
    return sum_of_positive(counts);
  }
  __s64 counts[kCounters] = {memory->rss_stat[0].count, memory->rss_stat[1].count, 0, memory->rss_stat[3].count};
  const __u64 file = (__u64)memory->rss_stat[0].counters;
  const __u64 anonymous = (__u64)memory->rss_stat[1].counters;
  const __u64 shared = (__u64)memory->rss_stat[3].counters;
  /* One piece since Linux 6.6. */
  const int together = anonymous - file == sizeof(__s32) && shared - file == 3 * sizeof(__s32);
  for (__u32 cpu = 0; cpu < settings.cpu_count && cpu < GALPROC_MOST_CPUS; ++cpu) {
    __s32 parts[kCounters] = {};
    const __u64 offset = cpu_offsets[cpu];
    if (together) {
      bpf_probe_read_kernel(parts, sizeof(parts), (void*)(file + offset));
    } else {
      bpf_probe_read_kernel(&parts[kFilePages], sizeof(__s32), (void*)(file + offset));
      bpf_probe_read_kernel(&parts[kAnonymousPages], sizeof(__s32), (void*)(anonymous + offset));
      bpf_probe_read_kernel(&parts[kSharedPages], sizeof(__s32), (void*)(shared + offset));
    }
    counts[kFilePages] += parts[kFilePages];
    counts[kAnonymousPages] += parts[kAnonymousPages];
    counts[kSharedPages] += parts[kSharedPages];
  }
  return sum_of_positive(counts);
}

static __always_inline void note_memory(struct galproc_process* record, struct task_struct* task) {
  struct mm_struct* memory = task->mm;
  if (!memory || (task->flags & kKernelThread)) return; /* a kernel thread may have borrowed one */
  record->resident_pages = resident_pages_of(memory);
  record->start_code = memory->start_code;
  record->start_stack = memory->start_stack;
  record->argument_start = memory->arg_start;
  /* Nothing holds it: what was read of one that was given back in between is nobody's. */
  if (*(struct mm_struct* volatile*)&task->mm == memory) {
    record->known |= GALPROC_HAS_MEMORY;
  } else {
    record->resident_pages = record->start_code = record->start_stack = record->argument_start = 0;
  }
}

static __always_inline __u32 state_of(struct task_struct* task) {
  if (bpf_core_field_exists(task->__state)) return task->__state;
  return ((struct task_struct___signed*)task)->state;
}

static __always_inline void note_use(struct galproc_thread* record, struct task_struct* task) {
  struct signal_struct* process = task->signal;
  record->pid = task->tgid;
  /* First those that are dead: a thread that dies in the midst of this is missed, not counted twice. */
  record->dead.runtime_ns = process->sum_sched_runtime;
  record->dead.user_ns = process->utime;
  record->dead.system_ns = process->stime;
  record->own.runtime_ns = task->se.sum_exec_runtime;
  record->own.user_ns = task->utime;
  record->own.system_ns = task->stime;
  if (!bpf_core_field_exists(task->ioac.read_bytes)) return;
  record->dead.read_bytes = process->ioac.read_bytes;
  record->dead.written_bytes = process->ioac.write_bytes;
  record->own.read_bytes = task->ioac.read_bytes;
  record->own.written_bytes = task->ioac.write_bytes;
}

static __always_inline void note_process(struct galproc_process* record, struct task_struct* task) {
  struct signal_struct* process = task->signal;
  record->start_ns = task->start_boottime;
  if (bpf_core_field_exists(process->prev_cputime)) {
    record->told_user_ns = process->prev_cputime.utime;
    record->told_system_ns = process->prev_cputime.stime;
  }
  record->parent_pid = task->real_parent->tgid;
  record->process_group = process->pids[PIDTYPE_PGID]->numbers[0].nr;
  record->session = process->pids[PIDTYPE_SID]->numbers[0].nr;
  record->uid = task->cred->euid.val;
  record->flags = task->flags;
  record->state = state_of(task);
  record->exit_state = task->exit_state;
  record->thread_count = process->nr_threads;
  record->wait_status = process->flags & kGroupExit ? process->group_exit_code : task->exit_code;
  record->known = bpf_core_field_exists(task->ioac.read_bytes) ? GALPROC_HAS_IO : 0;
  __builtin_memcpy(record->name, task->comm, sizeof(record->name));
  note_memory(record, task);
}

SEC("iter/task")
int tell_processes(struct bpf_iter__task* context) {
  if (context->meta->seq_num == 0 && !has_shared_counts()) find_cpu_offsets();
  struct task_struct* task = context->task;
  if (!task) return 0;
  if (task->pid != task->tgid) {
    struct galproc_thread record = {.bytes = sizeof(record)};
    note_use(&record, task);
    bpf_seq_write(context->meta->seq, &record, sizeof(record));
    return 0;
  }
  struct galproc_process record = {.thread.bytes = sizeof(record)};
  note_use(&record.thread, task);
  note_process(&record, task);
  bpf_seq_write(context->meta->seq, &record, sizeof(record));
  return 0;
}

static __always_inline int is_wanted(struct sock* sock) {
  const __u16 protocol = sock->sk_protocol;
  const __u8 state = sock->__sk_common.skc_state;
  /* A raw socket has the protocol that it was made for, too. */
  const int is_listener =
      (protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP) && sock->sk_type == SOCK_STREAM && state == TCP_LISTEN;
  const int is_udp = protocol == IPPROTO_UDP && sock->sk_type == SOCK_DGRAM && state == TCP_CLOSE;
  if (!is_listener && !is_udp) return 0;
  if (!bpf_core_field_exists(sock->__sk_common.skc_net.net)) return 1;
  return sock->__sk_common.skc_net.net->ns.inum == settings.network_namespace;
}

SEC("iter/task_file")
int tell_sockets(struct bpf_iter__task_file* context) {
  struct task_struct* task = context->task;
  struct file* file = context->file;
  if (!task || !file) return 0;
  struct socket* socket = bpf_sock_from_file(file);
  if (!socket) return 0;
  struct sock* sock = socket->sk;
  if (!sock) return 0;
  struct galproc_bound_socket record = {};
  record.family = sock->__sk_common.skc_family;
  record.port = sock->__sk_common.skc_num;
  if ((record.family != AF_INET && record.family != AF_INET6) || record.port == 0 || !is_wanted(sock)) return 0;
  record.start_ns = task->group_leader->start_boottime;
  record.pid = task->tgid;
  record.is_udp = sock->sk_type == SOCK_DGRAM;
  if (record.family == AF_INET) {
    const __be32 address = sock->__sk_common.skc_rcv_saddr;
    __builtin_memcpy(record.address, &address, sizeof(address));
  } else {
    BPF_CORE_READ_INTO(&record.address, sock, __sk_common.skc_v6_rcv_saddr);
  }
  bpf_seq_write(context->meta->seq, &record, sizeof(record));
  return 0;
}
