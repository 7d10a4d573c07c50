// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A start or an end of a process, as the object writes it and the handler reads it.
 * Include it behind what declares __u32 and its like.
 */
#ifndef MARROW_EXECSNOOP_EVENT_H
#define MARROW_EXECSNOOP_EVENT_H

#define FILENAME_MAX 128
#define ARGS_MAX 256

enum event_kind { EXEC = 1, EXIT = 2 };

struct event {
	__u64 duration_ns;
	enum event_kind kind;
	__u32 pid;
	__u32 ppid;
	__u32 uid;
	__u32 gid;
	/* Processes and threads that it started. */
	__u32 forks;
	__u8 exit_code;
	__u8 exit_signal;
	__u64 cgroup_id;
	/* The most memory it held, in pages. */
	__u64 rss_peak_pages;
	char comm[16];
	char parent_comm[16];
	char filename[FILENAME_MAX];
	char args[ARGS_MAX] __attribute__((aligned(8)));
};

_Static_assert(sizeof(struct event) == 472, "both halves have the same record");

#endif
