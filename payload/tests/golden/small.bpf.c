// SPDX-License-Identifier: GPL-2.0-only
// The object of the golden payload: one program, one ring, one struct, one setting.
// Needs no header, so that any clang makes it.
#define SEC(name) __attribute__((section(name), used))

struct event {
	unsigned int pid;
	char comm[16];
};

// Puts the struct into BTF, and says that the ring carries it.
struct event *unused_event __attribute__((unused));

struct {
	int (*type)[27];
	int (*max_entries)[4096];
} events SEC(".maps");

const volatile unsigned int min_pid = 10;

static long (*output)(void *ring, void *record, unsigned long size,
		      unsigned long flags) = (void *)130;
static unsigned long (*pid_tgid)(void) = (void *)14;

SEC("tracepoint/sched/sched_process_exec")
int on_exec(void *context)
{
	struct event event = {};

	event.pid = pid_tgid() >> 32;
	if (event.pid < min_pid)
		return 0;
	output(&events, &event, sizeof(event), 0);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
