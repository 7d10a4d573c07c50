// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Deletes and adds a key at each call of getppid(), so that no reader meets the same map twice. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define WINDOW 200

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u64);
} window SEC(".maps");

__u64 newest;

SEC("tracepoint/syscalls/sys_enter_getppid")
int move(void *ctx)
{
	__u32 key = __sync_fetch_and_add(&newest, 1), old = key - WINDOW;
	__u64 value = key;

	bpf_map_update_elem(&window, &key, &value, BPF_ANY);
	bpf_map_delete_elem(&window, &old);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
