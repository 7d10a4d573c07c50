// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * One program a kind of hook, each of which reports every call of lseek(-1, SEQ, whence) with its
 * number. Two versions of it, which differ in the struct, follow each other under load.
 */
#ifndef MARROW_LIVE_H
#define MARROW_LIVE_H

#include <stddef.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "emit.bpf.h"

/*
 * No lseek takes it, so nobody else passes it: the call does nothing and fails. Set to another
 * number it is deaf to the other tests.
 */
const volatile __u64 whence = 77;
#define SYS_LSEEK 8

enum hook { TRACEPOINT = 1, RAW_TP, TP_BTF, UPROBE, URETPROBE, PERF_EVENT };

struct pt_regs {
	unsigned long di;
	unsigned long si;
	unsigned long dx;
} __attribute__((preserve_access_index));

/* Laid out by the kernel (struct trace_event_raw_sys_enter). */
struct enter_context {
	unsigned long long unused;
	long id;
	unsigned long args[6];
};

char LICENSE[] SEC("license") = "Dual BSD/GPL";

EMITS(struct event);

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} events SEC(".maps");

/* The number that a thread passed last: only the entry of a function knows its arguments. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, __u64);
} entered SEC(".maps");

/* Goes on over updates: how often any CPU was sampled. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} samples SEC(".maps");

static void report(enum hook hook, __u64 seq);

static long idle(__u32 index, void *context)
{
	return 0;
}

/* Some runs take long, so that many are under way when the gate flips. */
static __always_inline void linger(__u64 seq)
{
	if (seq % 4 == 0)
		bpf_loop(1 << 16, idle, NULL, 0);
}

SEC("tracepoint/syscalls/sys_enter_lseek") int at_tracepoint(struct enter_context *ctx)
{
	if (ctx->args[2] == whence)
		report(TRACEPOINT, ctx->args[1]);
	return 0;
}

SEC("raw_tp/sys_enter") int at_raw_tp(struct bpf_raw_tracepoint_args *ctx)
{
	struct pt_regs *registers = (void *)ctx->args[0];

	if (ctx->args[1] == SYS_LSEEK && BPF_CORE_READ(registers, dx) == whence) {
		linger(BPF_CORE_READ(registers, si));
		report(RAW_TP, BPF_CORE_READ(registers, si));
	}
	return 0;
}

SEC("tp_btf/sys_enter") int at_tp_btf(unsigned long long *ctx)
{
	struct pt_regs *registers = (void *)ctx[0];

	if (ctx[1] == SYS_LSEEK && BPF_CORE_READ(registers, dx) == whence)
		report(TP_BTF, BPF_CORE_READ(registers, si));
	return 0;
}

SEC("uprobe/libc.so.6:lseek64") int at_uprobe(struct pt_regs *ctx)
{
	__u64 thread = bpf_get_current_pid_tgid();
	__u64 seq = ctx->si;

	if (ctx->dx != whence)
		return 0;
	bpf_map_update_elem(&entered, &thread, &seq, BPF_ANY);
	report(UPROBE, seq);
	return 0;
}

SEC("uretprobe/libc.so.6:lseek64") int at_uretprobe(void *ctx)
{
	__u64 thread = bpf_get_current_pid_tgid();
	__u64 *seq = bpf_map_lookup_elem(&entered, &thread);

	if (!seq)
		return 0;
	report(URETPROBE, *seq);
	bpf_map_delete_elem(&entered, &thread);
	return 0;
}

SEC("perf_event") int at_perf_event(void *ctx)
{
	__u32 zero = 0;
	__u64 *count = bpf_map_lookup_elem(&samples, &zero);

	if (count)
		report(PERF_EVENT, __sync_fetch_and_add(count, 1));
	return 0;
}

#endif
