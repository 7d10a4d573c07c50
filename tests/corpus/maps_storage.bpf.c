// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Storage that hangs on a socket, an inode, a task, a cgroup. */
#include "case.h"

LICENSED;

/* Newer than the headers of Debian 12. */
#define CGRP_STORAGE 32

#define STORAGE(kind, name)                                                                        \
	struct {                                                                                   \
		__uint(type, kind);                                                                \
		__uint(map_flags, BPF_F_NO_PREALLOC);                                              \
		__type(key, int);                                                                  \
		__type(value, __u64);                                                              \
	} name SEC(".maps")

STORAGE(BPF_MAP_TYPE_SK_STORAGE, sk_storage);
STORAGE(BPF_MAP_TYPE_INODE_STORAGE, inode_storage);
STORAGE(BPF_MAP_TYPE_TASK_STORAGE, task_storage);
STORAGE(CGRP_STORAGE, cgrp_storage);

HOOK int nothing(void *ctx)
{
	return 0;
}
