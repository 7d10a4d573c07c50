// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Deletes and adds a key at each of its caller's calls, so that no reader meets the same map twice.
 * The caller sets a length that nobody else on the machine sets: with two callers at a time a key
 * could be deleted before it is added. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define WINDOW 200
#define LENGTH 0x636875726eULL

struct ftruncate {
	__u64 common;
	__u64 number;
	__u64 fd;
	__u64 length;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u64);
} window SEC(".maps");

__u64 newest;

SEC("tracepoint/syscalls/sys_enter_ftruncate")
int move(const struct ftruncate *ctx)
{
	__u32 key, old;
	__u64 value;

	if (ctx->length != LENGTH)
		return 0;
	key = newest++;
	old = key - WINDOW;
	value = key;
	bpf_map_update_elem(&window, &key, &value, BPF_ANY);
	bpf_map_delete_elem(&window, &old);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
