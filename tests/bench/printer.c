/*
 * The baseline of `bench events`: a consumer with a printf written for the one struct it knows.
 * usage: printer OBJECT; prints a line of JSON an event on standard output until it is killed.
 */
#include <errno.h>
#include <stdio.h>

#include <bpf/libbpf.h>

#include "flood.h"

static int print(void *context, void *record, size_t size)
{
	const struct event *event = record;

	(void)context;
	if (size < sizeof(*event))
		return 0;
	printf("{\"time_ns\":%llu,\"number\":%llu,\"kind\":\"%s\",\"pid\":%u,\"uid\":%u,\"ret\":%d,"
	       "\"comm\":\"%.16s\",\"filename\":\"%.64s\"}\n",
	       event->time_ns, event->number, event->kind == OPENED ? "OPENED" : "REFUSED",
	       event->pid, event->uid, event->ret, event->comm, event->filename);
	return 0;
}

int main(int count, char **words)
{
	struct bpf_object *object;
	struct bpf_program *program;
	struct ring_buffer *ring;
	int result;

	/* As large as a pipe: the default of 4 KiB would make it look worse than it is. */
	setvbuf(stdout, NULL, _IOFBF, 65536);
	if (count != 2)
		return 2;
	object = bpf_object__open_file(words[1], NULL);
	if (!object || bpf_object__load(object))
		return 1;
	ring = ring_buffer__new(bpf_object__find_map_fd_by_name(object, "events"), print, NULL,
				NULL);
	if (!ring)
		return 1;
	bpf_object__for_each_program(program, object)
	{
		if (!bpf_program__attach(program))
			return 1;
	}
	/* epoll_wait(2) ends with EINTR when a stopped process goes on (signal(7)). */
	do {
		result = ring_buffer__poll(ring, 100);
		fflush(stdout);
	} while (result >= 0 || result == -EINTR);
	return 1;
}
