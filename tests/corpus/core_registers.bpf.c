// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Reads registers by a relocation, which binds it to one architecture. */
#include "case.h"

LICENSED;

#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long di;
} __attribute__((preserve_access_index));
#define FIRST di
#else
struct user_pt_regs {
	__u64 regs[31];
} __attribute__((preserve_access_index));
#define pt_regs user_pt_regs
#define FIRST regs[0]
#endif

__u64 argument;

SEC("uprobe/libc.so.6:hcreate") int ask(struct pt_regs *ctx)
{
	argument = BPF_CORE_READ(ctx, FIRST);
	return 0;
}
