// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Arrays of values, programs, stacks, cgroups; queues and stacks. */
#include "case.h"

LICENSED;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, __u64);
} array SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} percpu_array SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 4);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} prog_array SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} perf_event_array SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, 16);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, 127 * sizeof(__u64));
} stack_trace SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_CGROUP_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} cgroup_array SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 16);
	__uint(value_size, sizeof(__u64));
} queue SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_STACK);
	__uint(max_entries, 16);
	__uint(value_size, sizeof(__u64));
} stack SEC(".maps");

HOOK int touch(void *ctx)
{
	__u32 zero = 0;
	__u64 one = 1;

	bpf_map_update_elem(&array, &zero, &one, BPF_ANY);
	bpf_map_update_elem(&percpu_array, &zero, &one, BPF_ANY);
	bpf_get_stackid(ctx, &stack_trace, 0);
	bpf_current_task_under_cgroup(&cgroup_array, 0);
	bpf_map_push_elem(&queue, &one, BPF_ANY);
	bpf_map_push_elem(&stack, &one, BPF_ANY);
	bpf_perf_event_output(ctx, &perf_event_array, BPF_F_CURRENT_CPU, &one, sizeof(one));
	bpf_tail_call(ctx, &prog_array, 3);
	return 0;
}
