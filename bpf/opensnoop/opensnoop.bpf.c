// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Files that are opened, and those that could not be: see README.md beside this file. */
#include <stdbool.h>
#include <stddef.h>
#include <linux/bpf.h>
#include <linux/openat2.h>
#include <bpf/bpf_helpers.h>

#include "kernel.bpf.h"
#include "emit.bpf.h"
#include "event.h"

#define ANY ((__u32)-1)

EMITS(struct event);

const volatile __u32 only_pid = ANY;
const volatile __u32 only_uid = ANY;
const volatile bool only_failed;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} events SEC(".maps");

struct open_call {
	__u64 since;
	/* In the caller's memory; read at the end of the call, when its page is there. */
	__u64 filename;
	__u32 flags;
	__u32 mode;
};

/* Calls that have begun and not ended, by thread. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, struct open_call);
} calls SEC(".maps");

static __always_inline int enter(__u64 filename, __u32 flags, __u32 mode)
{
	struct open_call call = {.filename = filename, .flags = flags, .mode = mode};
	__u64 ids = bpf_get_current_pid_tgid();
	__u32 tid = ids;

	if (only_pid != ANY && only_pid != ids >> 32)
		return 0;
	if (only_uid != ANY && only_uid != (__u32)bpf_get_current_uid_gid())
		return 0;
	call.since = bpf_ktime_get_ns();
	bpf_map_update_elem(&calls, &tid, &call, BPF_ANY);
	return 0;
}

static __always_inline int leave(long ret)
{
	__u64 ids = bpf_get_current_pid_tgid();
	__u32 tid = ids;
	struct open_call *call = bpf_map_lookup_elem(&calls, &tid);
	struct event *event;

	if (!call)
		return 0;
	if (only_failed && ret >= 0)
		goto out;
	event = emit_reserve(&events, struct event);
	if (!event)
		goto out;
	event->duration_ns = bpf_ktime_get_ns() - call->since;
	event->pid = ids >> 32;
	event->tid = tid;
	event->uid = (__u32)bpf_get_current_uid_gid();
	event->ret = ret;
	event->flags = call->flags;
	event->mode = call->mode;
	bpf_get_current_comm(&event->comm, sizeof(event->comm));
	if (bpf_probe_read_user_str(event->filename, sizeof(event->filename),
				    (void *)call->filename) < 0)
		event->filename[0] = 0;
	emit_submit(event);
out:
	bpf_map_delete_elem(&calls, &tid);
	return 0;
}

/* Newer architectures have no open(2): there the C library calls openat(2). */
#ifdef __TARGET_ARCH_x86
SEC("tracepoint/syscalls/sys_enter_open")
int enter_open(struct trace_event_raw_sys_enter *ctx)
{
	return enter(ctx->args[0], ctx->args[1], ctx->args[2]);
}

SEC("tracepoint/syscalls/sys_exit_open")
int exit_open(struct trace_event_raw_sys_exit *ctx)
{
	return leave(ctx->ret);
}
#endif

SEC("tracepoint/syscalls/sys_enter_openat")
int enter_openat(struct trace_event_raw_sys_enter *ctx)
{
	return enter(ctx->args[1], ctx->args[2], ctx->args[3]);
}

SEC("tracepoint/syscalls/sys_exit_openat")
int exit_openat(struct trace_event_raw_sys_exit *ctx)
{
	return leave(ctx->ret);
}

SEC("tracepoint/syscalls/sys_enter_openat2")
int enter_openat2(struct trace_event_raw_sys_enter *ctx)
{
	struct open_how how = {};

	bpf_probe_read_user(&how, sizeof(how), (void *)ctx->args[2]);
	return enter(ctx->args[1], how.flags, how.mode);
}

SEC("tracepoint/syscalls/sys_exit_openat2")
int exit_openat2(struct trace_event_raw_sys_exit *ctx)
{
	return leave(ctx->ret);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
