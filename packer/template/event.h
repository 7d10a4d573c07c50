// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The start of a program, as the object writes it. Include it behind what declares __u32. */
#ifndef EVENT_H
#define EVENT_H

struct event {
	__u32 pid;
	__u32 uid;
	char comm[16];
};

_Static_assert(sizeof(struct event) == 24, "whoever reads it has the same record");

#endif
