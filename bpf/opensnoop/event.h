// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A call that opens a file, as the object writes it and the handler reads it.
 * Include it behind what declares __u32 and its like.
 */
#ifndef MARROW_OPENSNOOP_EVENT_H
#define MARROW_OPENSNOOP_EVENT_H

#define FILENAME_MAX 256

struct event {
	__u64 duration_ns;
	__u32 pid;
	__u32 tid;
	__u32 uid;
	/* The descriptor, or an error number below zero. */
	__s32 ret;
	__u32 flags;
	__u32 mode;
	char comm[16];
	char filename[FILENAME_MAX];
};

_Static_assert(sizeof(struct event) == 304, "both halves have the same record");

#endif
