// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The cgroup storage that the kernel calls deprecated, and its per-CPU sort. */
#include "case.h"

LICENSED;

struct {
	__uint(type, BPF_MAP_TYPE_CGROUP_STORAGE);
	__type(key, struct bpf_cgroup_storage_key);
	__type(value, __u64);
} cgroup_storage SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE);
	__type(key, struct bpf_cgroup_storage_key);
	__type(value, __u64);
} percpu_cgroup_storage SEC(".maps");

HOOK int nothing(void *ctx)
{
	return 0;
}
