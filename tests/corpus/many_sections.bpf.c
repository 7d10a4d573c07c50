// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Variables in several sections of each sort: each section is a map. */
#include "case.h"

LICENSED;

const volatile __u32 limit = 7;
const volatile char text[8] SEC(".rodata.text") = "marrow";
__u32 plain = 1;
__u64 moved[3] SEC(".data.moved") = {1, 2, 3};
__u64 hits;
static __u32 hidden;
__u64 cold SEC(".bss.cold");

HOOK int touch(void *ctx)
{
	if (hits >= limit || text[0] != 'm')
		return 0;
	hits += plain + moved[1];
	hidden++;
	cold += hidden;
	return 0;
}
