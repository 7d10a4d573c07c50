// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The few kernel types that our sources read, with only the fields they read. libbpf moves each
 * access to where the running kernel has the field, so their order and size here mean nothing.
 */
#ifndef MARROW_KERNEL_BPF_H
#define MARROW_KERNEL_BPF_H

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	int counter;
} atomic_t;

struct mm_struct {
	unsigned long arg_start;
	unsigned long arg_end;
};

struct signal_struct {
	/* Threads that have not begun to exit; do_exit() counts it down first. */
	atomic_t live;
	/* The most pages it held; set by do_exit() of the last thread. */
	unsigned long maxrss;
};

struct task_struct {
	int exit_code;
	int tgid;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	struct mm_struct *mm;
	struct signal_struct *signal;
	char comm[16];
};

/* What tracepoints hand over; /sys/kernel/tracing/events has the same as text. */
struct trace_event_raw_sched_process_exec {
	__u32 __data_loc_filename;
};

struct trace_event_raw_sys_enter {
	unsigned long args[6];
};

struct trace_event_raw_sys_exit {
	long ret;
};

#pragma clang attribute pop

#endif
