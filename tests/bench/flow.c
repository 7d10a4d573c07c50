/*
 * Fills the ring of `bench handler` and looks at who reads it. Needs root.
 *
 * flow rounds PID FILLS
 *
 * Fills the ring so many times while the process is stopped, wakes it, and waits until all is given
 * back. Prints the nanoseconds of its CPUs and the records, each time but the first.
 *
 * flow live MS REST_US
 *
 * Makes records on CPU 0, with so long a rest behind each call. Prints the records and the
 * nanoseconds until the last was given back.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <bpf/bpf.h>

#include "flow/event.h"

/* A record with its header. */
#define RECORD_BYTES (sizeof(struct event) + 8)
/* Calls a fill: nearly as much as the ring holds. */
#define CALLS 180
#define PATIENCE_MS 30000

static const volatile unsigned long *consumer, *producer;

static void fail(const char *what)
{
	fprintf(stderr, "flow: %s\n", what);
	exit(1);
}

static long long now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void rest_ns(long ns)
{
	struct timespec time = {ns / 1000000000, ns % 1000000000};

	nanosleep(&time, NULL);
}

static void rest_ms(long ms)
{
	rest_ns(ms * 1000000);
}

/* The newest ring of that name is mapped; 0 where there is none yet. */
static int find(void)
{
	__u32 id = 0, size = getpagesize();
	int found = -1;

	while (!bpf_map_get_next_id(id, &id)) {
		struct bpf_map_info info = {};
		__u32 length = sizeof(info);
		int map = bpf_map_get_fd_by_id(id);

		if (map < 0)
			continue;
		if (!bpf_map_get_info_by_fd(map, &info, &length) && !strcmp(info.name, "flows") &&
		    info.type == BPF_MAP_TYPE_RINGBUF) {
			if (found >= 0)
				close(found);
			found = map;
		} else {
			close(map);
		}
	}
	if (found < 0)
		return 0;
	if (consumer) {
		munmap((void *)consumer, size);
		munmap((void *)producer, size);
	}
	consumer = mmap(NULL, size, PROT_READ, MAP_SHARED, found, 0);
	producer = mmap(NULL, size, PROT_READ, MAP_SHARED, found, size);
	close(found);
	if (consumer == MAP_FAILED || producer == MAP_FAILED)
		fail("the ring can't be mapped");
	return 1;
}

static void make(int calls)
{
	while (calls-- > 0)
		syscall(SYS_getpgid, FLOW_MARK);
}

static void wait_for_end(void)
{
	for (int ms = 0; *consumer != *producer; ms++) {
		if (ms == PATIENCE_MS)
			fail("the ring is not read to its end");
		rest_ms(1);
	}
}

/* Makes records until somebody gives them back. */
static void wait_for_reader(void)
{
	for (int tries = 0; tries < PATIENCE_MS / 50; tries++) {
		if (find()) {
			/* One that ended may have left its ring, which nobody fills. */
			unsigned long before = *producer;

			make(1);
			rest_ms(50);
			if (*producer > before && *producer == *consumer)
				return;
		} else {
			rest_ms(50);
		}
	}
	fail("nobody reads");
}

/* Nanoseconds that the threads of a process have run; `stopped` where all are. */
static long long ran_ns(int pid, int *stopped)
{
	char path[300], state;
	long long all = 0, one;
	struct dirent *entry;
	DIR *threads;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	threads = opendir(path);
	if (!threads)
		fail("the process has ended");
	*stopped = 1;
	while ((entry = readdir(threads))) {
		FILE *file;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%s/schedstat", pid, entry->d_name);
		file = fopen(path, "r");
		if (file && fscanf(file, "%lld", &one) == 1)
			all += one;
		if (file)
			fclose(file);
		snprintf(path, sizeof(path), "/proc/%d/task/%s/stat", pid, entry->d_name);
		file = fopen(path, "r");
		if (file && fscanf(file, "%*d (%*[^)]) %c", &state) == 1 && state != 'T')
			*stopped = 0;
		if (file)
			fclose(file);
	}
	closedir(threads);
	return all;
}

static long long stop(int pid)
{
	int stopped;

	kill(pid, SIGSTOP);
	for (int ms = 0; ms < PATIENCE_MS; ms++) {
		long long ran = ran_ns(pid, &stopped);

		if (stopped)
			return ran;
		rest_ms(1);
	}
	fail("the process does not stop");
	return 0;
}

static void rounds(int pid, int fills)
{
	wait_for_reader();
	for (int fill = 0; fill <= fills; fill++) {
		long long before = stop(pid);
		unsigned long from = *producer;

		make(CALLS);
		kill(pid, SIGCONT);
		wait_for_end();
		before = stop(pid) - before;
		if (fill)
			printf("%lld %lu\n", before, (*producer - from) / RECORD_BYTES);
	}
	kill(pid, SIGCONT);
}

static void live(int ms, long rest_us)
{
	unsigned long from;
	long long begun;
	cpu_set_t first;

	wait_for_reader();
	CPU_ZERO(&first);
	CPU_SET(0, &first);
	sched_setaffinity(0, sizeof(first), &first);
	from = *producer;
	begun = now_ns();
	while (now_ns() < begun + ms * 1000000LL) {
		make(1);
		if (rest_us)
			rest_ns(rest_us * 1000);
	}
	wait_for_end();
	printf("%lu %lld\n", (*producer - from) / RECORD_BYTES, now_ns() - begun);
}

int main(int count, char **words)
{
	if (count == 4 && !strcmp(words[1], "rounds"))
		rounds(atoi(words[2]), atoi(words[3]));
	else if (count == 4 && !strcmp(words[1], "live"))
		live(atoi(words[2]), atol(words[3]));
	else
		fail("usage: flow rounds PID FILLS | live MS REST_US");
	return 0;
}
