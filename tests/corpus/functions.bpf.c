// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Static and global functions, one by way of another, a callback: none of them is a program. */
#include "case.h"

LICENSED;

__u64 sum;

static __attribute__((noinline)) __u64 inner(__u64 number)
{
	return number ^ bpf_get_prandom_u32();
}

static __attribute__((noinline)) __u64 outer(__u64 number)
{
	return inner(number) + inner(number + 1);
}

__attribute__((noinline)) int global(int number)
{
	return number + (int)bpf_ktime_get_ns();
}

static int each(__u32 index, void *ctx)
{
	sum += index;
	return 0;
}

HOOK int calls(void *ctx)
{
	sum += outer(3) + global(4);
	return 0;
}

HOOK int loops(void *ctx)
{
	bpf_loop(8, each, NULL, 0);
	return 0;
}
