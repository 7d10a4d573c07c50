// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Process starts and ends, version 2: see README.md beside this file. */
#include <stdbool.h>
#include <stddef.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#include "kernel.bpf.h"
#include "core_fixes.bpf.h"
#include "emit.bpf.h"
#include "event.h"

#define ANY_UID ((__u32)-1)
/* All bits of each byte but the highest. */
#define LOW_BITS 0x7f7f7f7f7f7f7f7fULL

EMITS(struct event);

const volatile __u32 only_uid = ANY_UID;
const volatile bool without_exits;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} events SEC(".maps");

/* When each process called exec, by process id; what is not in here was not seen to start. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, __u64);
} started SEC(".maps");

/* Processes and threads that each process started since its exec, by process id. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, __u32);
} forks SEC(".maps");

static __always_inline void fill(struct event *event, struct task_struct *task, __u32 pid)
{
	event->pid = pid;
	event->ppid = BPF_CORE_READ(task, real_parent, tgid);
	event->uid = (__u32)bpf_get_current_uid_gid();
	event->gid = bpf_get_current_uid_gid() >> 32;
	event->cgroup_id = bpf_get_current_cgroup_id();
	BPF_CORE_READ_STR_INTO(&event->comm, task, group_leader, comm);
	BPF_CORE_READ_STR_INTO(&event->parent_comm, task, real_parent, group_leader, comm);
}

/* The kernel keeps arguments one behind the other, each with its NUL. */
static __always_inline void fill_args(char args[ARGS_MAX], struct task_struct *task)
{
	__u64 *words = (__u64 *)args;
	unsigned long start = BPF_CORE_READ(task, mm, arg_start);
	__u64 size = BPF_CORE_READ(task, mm, arg_end) - start;

	args[0] = 0;
	if (size > ARGS_MAX)
		size = ARGS_MAX;
	if (size == 0 || bpf_probe_read_user(args, size, (void *)start))
		return;
	/* Eight bytes a step, without a branch: a loop over bytes costs the verifier 0.2 s. */
	for (__u32 at = 0; at < ARGS_MAX / sizeof(*words); at++) {
		__u64 not_nul = ((words[at] & LOW_BITS) + LOW_BITS) | words[at] | LOW_BITS;

		words[at] |= ~not_nul >> 2;
	}
	args[size - 1] = 0;
}

SEC("tracepoint/sched/sched_process_exec")
int handle_exec(struct trace_event_raw_sched_process_exec *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	__u32 pid = bpf_get_current_pid_tgid() >> 32;
	__u64 now = bpf_ktime_get_ns();
	struct event *event;

	if (only_uid != ANY_UID && only_uid != (__u32)bpf_get_current_uid_gid())
		return 0;
	bpf_map_update_elem(&started, &pid, &now, BPF_ANY);
	bpf_map_delete_elem(&forks, &pid);

	event = emit_reserve(&events, struct event);
	if (!event)
		return 0;
	event->kind = EXEC;
	event->duration_ns = 0;
	event->forks = 0;
	event->exit_code = 0;
	event->exit_signal = 0;
	event->rss_peak_pages = 0;
	fill(event, task, pid);
	/* The upper half of a __data_loc is the length. */
	bpf_probe_read_kernel_str(event->filename, sizeof(event->filename),
				  (void *)ctx + (ctx->__data_loc_filename & 0xffff));
	fill_args(event->args, task);
	emit_submit(event);
	return 0;
}

/* Runs in the parent. */
SEC("tracepoint/sched/sched_process_fork")
int handle_fork(void *ctx)
{
	__u32 pid = bpf_get_current_pid_tgid() >> 32;
	__u32 one = 1, *count;

	if (!bpf_map_lookup_elem(&started, &pid))
		return 0;
	count = bpf_map_lookup_elem(&forks, &pid);
	if (count)
		__sync_fetch_and_add(count, 1);
	else
		bpf_map_update_elem(&forks, &pid, &one, BPF_NOEXIST);
	return 0;
}

SEC("tracepoint/sched/sched_process_exit")
int handle_exit(void *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	__u32 pid = bpf_get_current_pid_tgid() >> 32;
	struct event *event;
	__u32 forked = 0, *count;
	__u64 since, *found;
	int code;

	if (!is_last_thread(task))
		return 0;
	found = bpf_map_lookup_elem(&started, &pid);
	if (!found)
		return 0;
	since = *found;
	count = bpf_map_lookup_elem(&forks, &pid);
	if (count)
		forked = *count;
	bpf_map_delete_elem(&forks, &pid);
	/* Of two threads that both look like the last one, one deletes the entry. */
	if (bpf_map_delete_elem(&started, &pid) || without_exits)
		return 0;

	event = emit_reserve(&events, struct event);
	if (!event)
		return 0;
	code = BPF_CORE_READ(task, exit_code);
	event->kind = EXIT;
	event->duration_ns = bpf_ktime_get_ns() - since;
	event->exit_code = code >> 8;
	event->exit_signal = code & 0x7f;
	event->forks = forked;
	event->rss_peak_pages = BPF_CORE_READ(task, signal, maxrss);
	fill(event, task, pid);
	event->filename[0] = 0;
	event->args[0] = 0;
	emit_submit(event);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
