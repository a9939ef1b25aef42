/* Births, images, ends and signals of processes, from the scheduler's and the signal code's own tracepoints. Loads are
 * direct through BTF pointers where the verifier knows the type: a helper call each would cost the sender twice as
 * much. */
/* The helpers use types that the first of these declares. */
/* clang-format off */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
/* clang-format on */

#include "platform/linux/bpf/kernel_types.h"
#include "platform/linux/bpf/records.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

enum { kExiting = 4, kGroupExit = 4, kMaxSignal = 64 };
enum { SIGALRM = 14, SIGVTALRM = 26, SIGPROF = 27 };
enum { SI_TIMER = -2, SI_KERNEL = 128 };

/* The reader looks by itself a few times a second, and is woken in between only when much waits: a wake-up for each
 * record would cost the sender five times the record. */
const volatile struct galproc_settings settings SEC(".rodata.settings") = {~0ULL, 64 * 1024};

struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 1 << 20); /* the reader sets it before loading */
} ring SEC(".maps");

/* Records that found no room, by kind. */
struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, GALPROC_KINDS);
  __type(key, __u32);
  __type(value, __u64);
} lost SEC(".maps");

static __always_inline void count_loss(__u32 kind) {
  __u64* count = bpf_map_lookup_elem(&lost, &kind);
  if (count) ++*count;
}

static __always_inline __u64 wake_flags(void) {
  return bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) >= settings.wake_bytes ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;
}

#define RESERVE(type, name, record_kind)                            \
  struct type* name = bpf_ringbuf_reserve(&ring, sizeof(*name), 0); \
  if (!name) {                                                      \
    count_loss(record_kind);                                        \
    return 0;                                                       \
  }                                                                 \
  name->head.at_ns = bpf_ktime_get_boot_ns();                       \
  name->head.kind = record_kind;                                    \
  name->head.reserved = 0

static __always_inline void fill(struct galproc_party* party, struct task_struct* task) {
  party->start_ns = task->group_leader->start_boottime;
  party->pid = task->tgid;
  party->parent_pid = task->real_parent->tgid;
  party->uid = task->cred->euid.val;
  party->flags = task->flags;
  __builtin_memcpy(party->name, task->comm, sizeof(party->name));
}

static __always_inline struct task_struct* current_task(void) {
  return (struct task_struct*)bpf_get_current_task_btf();
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct* parent, struct task_struct* child) {
  if (child->pid != child->tgid) return 0; /* a thread */
  RESERVE(galproc_fork, record, GALPROC_FORK);
  fill(&record->parent, parent);
  fill(&record->child, child);
  bpf_ringbuf_submit(record, wake_flags());
  return 0;
}

struct exec_scratch {
  struct galproc_exec record;
  char arguments[GALPROC_ARGUMENT_BYTES];
};

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct exec_scratch);
} exec_scratch SEC(".maps");

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct* task, int old_pid, struct linux_binprm* program) {
  __u32 zero = 0;
  struct exec_scratch* scratch = bpf_map_lookup_elem(&exec_scratch, &zero);
  if (!scratch) return 0;
  struct galproc_exec* record = &scratch->record;
  record->head.at_ns = bpf_ktime_get_boot_ns();
  record->head.kind = GALPROC_EXEC;
  record->head.reserved = 0;
  fill(&record->process, task);
  if (bpf_probe_read_kernel_str(record->path, sizeof(record->path), program->filename) < 0) record->path[0] = 0;
  const unsigned long begin = task->mm->arg_start;
  __u64 size = task->mm->arg_end - begin;
  record->truncated = size >= GALPROC_ARGUMENT_BYTES;
  if (record->truncated) size = GALPROC_ARGUMENT_BYTES - 1;
  /* The compiler sees that it is bounded and drops a plain bound; the verifier wants to see one on this register. */
  asm volatile("%0 &= 4095" : "+r"(size));
  if (bpf_probe_read_user(scratch->arguments, size, (void*)begin)) size = 0;
  record->argument_bytes = size;
  asm volatile("%0 &= 4095" : "+r"(size));
  if (bpf_ringbuf_output(&ring, scratch, sizeof(*record) + size, wake_flags())) count_loss(GALPROC_EXEC);
  return 0;
}

/* What threads used that ended before the last one: the process gets it only when they are released. The first one is
 * left out, since it is there until the process is waited for. */
struct dead_threads {
  __u64 runtime_ns, user_ns, system_ns, read_bytes, written_bytes;
};
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 8192);
  __type(key, __u32);
  __type(value, struct dead_threads);
} dead_threads SEC(".maps");

static __always_inline void note_thread(struct task_struct* task) {
  const __u32 pid = task->tgid;
  if (task->pid == pid) return;
  struct dead_threads* sum = bpf_map_lookup_elem(&dead_threads, &pid);
  if (!sum) {
    const struct dead_threads none = {};
    bpf_map_update_elem(&dead_threads, &pid, &none, BPF_NOEXIST);
    sum = bpf_map_lookup_elem(&dead_threads, &pid);
    if (!sum) return;
  }
  __sync_fetch_and_add(&sum->runtime_ns, task->se.sum_exec_runtime);
  __sync_fetch_and_add(&sum->user_ns, task->utime);
  __sync_fetch_and_add(&sum->system_ns, task->stime);
  if (bpf_core_field_exists(task->ioac)) {
    __sync_fetch_and_add(&sum->read_bytes, task->ioac.read_bytes);
    __sync_fetch_and_add(&sum->written_bytes, task->ioac.write_bytes);
  }
}

static __always_inline __u64 larger(__u64 one, __u64 other) {
  return one > other ? one : other;
}

static __always_inline void add_use(struct galproc_exit* record, struct task_struct* task) {
  record->runtime_ns += task->se.sum_exec_runtime;
  record->user_ns += task->utime;
  record->system_ns += task->stime;
  if (!bpf_core_field_exists(task->ioac)) return;
  record->read_bytes += task->ioac.read_bytes;
  record->written_bytes += task->ioac.write_bytes;
}

/* What the scheduler has not added up yet, since it last looked: up to a tick of the timer, which may be a whole life.
 * Of a thread that never slept it is what it did not wait for a CPU. */
static __always_inline __u64 unmeasured_ns(struct task_struct* task) {
  enum { kLongestTickNs = 10000000 };
  if (!bpf_core_field_exists(task->sched_info.run_delay) || task->nvcsw != 0) return 0;
  const __u64 lived_ns = bpf_ktime_get_boot_ns() - task->start_boottime;
  const __u64 known_ns = task->se.sum_exec_runtime + task->sched_info.run_delay;
  if (lived_ns <= known_ns) return 0;
  const __u64 rest_ns = lived_ns - known_ns;
  return rest_ns < kLongestTickNs ? rest_ns : kLongestTickNs;
}

static __always_inline int tell_exit(struct task_struct* task) {
  const __u32 pid = task->tgid;
  struct dead_threads threads = {};
  struct dead_threads* sum = bpf_map_lookup_elem(&dead_threads, &pid);
  if (sum) {
    threads = *sum;
    bpf_map_delete_elem(&dead_threads, &pid);
  }
  struct signal_struct* shared = task->signal;
  RESERVE(galproc_exit, record, GALPROC_EXIT);
  fill(&record->process, task);
  record->wait_status = shared->flags & kGroupExit ? shared->group_exit_code : task->group_leader->exit_code;
  record->reserved = 0;
  record->runtime_ns = larger(threads.runtime_ns, shared->sum_sched_runtime);
  record->user_ns = larger(threads.user_ns, shared->utime);
  record->system_ns = larger(threads.system_ns, shared->stime);
  record->told_user_ns = record->told_system_ns = 0;
  if (bpf_core_field_exists(shared->prev_cputime)) {
    record->told_user_ns = shared->prev_cputime.utime;
    record->told_system_ns = shared->prev_cputime.stime;
  }
  record->peak_resident_pages = shared->maxrss;
  record->read_bytes = threads.read_bytes;
  record->written_bytes = threads.written_bytes;
  if (bpf_core_field_exists(task->ioac)) {
    record->read_bytes = larger(threads.read_bytes, shared->ioac.read_bytes);
    record->written_bytes = larger(threads.written_bytes, shared->ioac.write_bytes);
  }
  record->runtime_ns += unmeasured_ns(task);
  add_use(record, task);
  if (task->pid != task->tgid) add_use(record, task->group_leader);
  bpf_ringbuf_submit(record, wake_flags());
  return 0;
}

/* Two forms of which one is loaded: newer kernels say whether the process dies with this thread. In older ones threads
 * that die together may all see that none is left; the reader takes the first. */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_exit_told, struct task_struct* task, _Bool group_dead) {
  if (group_dead) return tell_exit(task);
  note_thread(task);
  return 0;
}

SEC("?tp_btf/sched_process_exit")
int BPF_PROG(on_exit_counted, struct task_struct* task) {
  if (task->signal->live.counter == 0) return tell_exit(task);
  note_thread(task);
  return 0;
}

/* Whom the OOM killer has chosen. It is marked after the signal was sent, lest it use up what is left first. */
static __always_inline int tell_victim(__u32 pid) {
  RESERVE(galproc_oom, record, GALPROC_OOM);
  record->victim_pid = pid;
  record->sender_pid = current_task()->tgid;
  bpf_ringbuf_submit(record, wake_flags());
  return 0;
}

SEC("tp_btf/mark_victim")
int BPF_PROG(on_victim, struct task_struct* task) {
  return tell_victim(task->tgid);
}

SEC("?tp_btf/mark_victim")
int BPF_PROG(on_victim_pid, int pid) {
  return tell_victim(pid);
}

static __always_inline int is_wanted(int signal) {
  return settings.wanted_signals >> (signal - 1) & 1;
}

static __always_inline __u32 disposition_of(struct task_struct* target, int signal) {
  /* The declared type is shorter than the kernel's, so the step from one element to the next is asked for. */
  void* handler = 0;
  const __u32 index = signal - 1;
  if (index >= kMaxSignal) return 0;
  const char* actions = (const char*)BPF_CORE_READ(target, sighand);
  if (!actions) return 0;
  actions += bpf_core_field_offset(struct sighand_struct, action);
  actions += index * bpf_core_type_size(struct k_sigaction);
  bpf_probe_read_kernel(&handler, sizeof(handler), actions + bpf_core_field_offset(struct k_sigaction, sa.sa_handler));
  return handler == 0 ? 0 : handler == (void*)1 ? 1 : 2;
}

/* System calls that are to send a signal, by thread. */
struct attempt {
  int target, signal;
};
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 4096);
  __type(key, __u32);
  __type(value, struct attempt);
} attempts SEC(".maps");

static __always_inline int is_sent_by_call(int signal) {
  const __u32 thread = bpf_get_current_pid_tgid();
  const struct attempt* attempt = bpf_map_lookup_elem(&attempts, &thread);
  return attempt && attempt->signal == signal;
}

static __always_inline __u32 is_namespace_init(struct task_struct* task) {
  const __u32 level = BPF_CORE_READ(task, thread_pid, level);
  if (level == 0 || level > 32) return 0;
  int number = 0;
  const char* numbers = (const char*)BPF_CORE_READ(task, thread_pid) + bpf_core_field_offset(struct pid, numbers);
  bpf_probe_read_kernel(&number, sizeof(number), numbers + level * bpf_core_type_size(struct upid));
  return number == 1;
}

SEC("tp_btf/signal_generate")
int BPF_PROG(on_signal, int signal, struct kernel_siginfo* info, struct task_struct* target, int to_group, int result) {
  if (signal < 1 || signal > kMaxSignal || !is_wanted(signal)) return 0;
  const unsigned long kind = (unsigned long)info;
  const int code = kind == 0 ? 0 : kind == 1 ? SI_KERNEL : BPF_CORE_READ(info, si_code);
  const __u32 disposition = disposition_of(target, signal);
  /* A runtime that handles its own faults and timers, thousands of them, ends nobody. */
  const int by_itself = (code > 0 && code < SI_KERNEL) || code == SI_TIMER ||
                        (code == SI_KERNEL && (signal == SIGALRM || signal == SIGVTALRM || signal == SIGPROF));
  if (by_itself && disposition == 2) return 0;
  struct task_struct* sender = current_task();
  /* Every leader of a session hangs up its terminal when it ends, and is in the foreground itself. */
  if (target->group_leader == sender->group_leader && sender->flags & kExiting) return 0;
  RESERVE(galproc_signal, record, GALPROC_SIGNAL);
  fill(&record->sender, sender);
  fill(&record->target, target);
  record->signal = signal;
  record->code = code;
  /* A timer fires while anybody runs. Its code may be feigned, but only by a call that sends. */
  record->info = kind < 2 ? kind : code == SI_TIMER && !is_sent_by_call(signal) ? 1 : 2;
  record->to_group = to_group;
  record->result = result;
  record->disposition = disposition;
  record->sender_is_namespace_init = sender->flags & kExiting ? is_namespace_init(sender) : 0;
  record->reserved = 0;
  bpf_ringbuf_submit(record, wake_flags());
  return 0;
}

/* Attempts that failed reach no tracepoint of signals, so the system calls are watched, with what they were asked for.
 * These programs return 1: 0 would hide the call from everybody else who traces it. */
struct enter_context {
  __u64 common;
  __s64 number;
  __u64 arguments[6];
};
struct exit_context {
  __u64 common;
  __s64 number;
  __s64 result;
};

static __always_inline int enter(int target, int signal) {
  const __u32 thread = bpf_get_current_pid_tgid();
  const struct attempt attempt = {target, signal};
  if (signal == 0 || (signal >= 1 && signal <= kMaxSignal && !is_wanted(signal))) return 1;
  bpf_map_update_elem(&attempts, &thread, &attempt, BPF_ANY);
  return 1;
}

static __always_inline int tell_failure(const struct attempt* attempt, __s64 result, __u32 named) {
  RESERVE(galproc_failed_signal, record, GALPROC_FAILED_SIGNAL);
  struct task_struct* sender = current_task();
  fill(&record->sender, sender);
  record->target = attempt->target;
  record->signal = attempt->signal;
  record->error = -result;
  record->named = BPF_CORE_READ(sender, thread_pid, level) != 0 ? GALPROC_NAMED_OTHER : named;
  bpf_ringbuf_submit(record, wake_flags());
  return 0;
}

static __always_inline int leave(__s64 result, __u32 named) {
  const __u32 thread = bpf_get_current_pid_tgid();
  const struct attempt* found = bpf_map_lookup_elem(&attempts, &thread);
  if (!found) return 1;
  const struct attempt attempt = *found;
  bpf_map_delete_elem(&attempts, &thread);
  if (result < 0) tell_failure(&attempt, result, named);
  return 1;
}

#define WATCH(call, target_index, signal_index, named)                                \
  SEC("tp/syscalls/sys_enter_" #call)                                                 \
  int enter_##call(struct enter_context* context) {                                   \
    return enter(context->arguments[target_index], context->arguments[signal_index]); \
  }                                                                                   \
  SEC("tp/syscalls/sys_exit_" #call)                                                  \
  int leave_##call(struct exit_context* context) {                                    \
    return leave(context->result, named);                                             \
  }

WATCH(kill, 0, 1, GALPROC_NAMED_PROCESS)
WATCH(tkill, 0, 1, GALPROC_NAMED_THREAD)
WATCH(tgkill, 0, 2, GALPROC_NAMED_PROCESS)
/* Whose the descriptor is stands at another place in each few kernels (private_data, an inode of pidfs), and it may be
 * a folder of /proc as well: nobody is named. */
WATCH(pidfd_send_signal, 0, 1, GALPROC_NAMED_OTHER)
WATCH(rt_sigqueueinfo, 0, 1, GALPROC_NAMED_PROCESS)
WATCH(rt_tgsigqueueinfo, 0, 2, GALPROC_NAMED_PROCESS)
