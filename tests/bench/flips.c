/*
 * Ways to replace two programs by two others under load, for `bench swap`.
 * usage: flips WAY SWITCH FIRST SECOND COUNT PACE_US; WAY is `gate` (the node's switch, by the
 * store alone), `detach-attach` or `attach-detach` (libbpf, as programs are replaced without a
 * switch). Replaces COUNT times, PACE_US apart, while threads make calls; prints one JSON object.
 */
#define _GNU_SOURCE
#include <errno.h>

#include "fire.h"
#include "stub.h"

#define GENERATIONS 2
#define POLL_MS 20
#define NEUTRAL 1

static const char *const names[HOOKS] = {"enter", "leave"};
static const char *const tracepoints[HOOKS] = {"sys_enter_lseek", "sys_exit_lseek"};

static struct bpf_object *objects[GENERATIONS];
static struct bpf_program *programs[HOOKS][GENERATIONS];
static struct bpf_link *links[HOOKS];
static volatile unsigned int *gate;
static struct ring_buffer *rings;
static atomic_bool read_to_end;

static int take(void *context, void *record, size_t size)
{
	const struct event *event = record;

	if (size < sizeof(*event) || !account((long)context, event))
		fail("a record that nobody wrote");
	return 0;
}

static void *read_rings(void *unused)
{
	(void)unused;
	while (!read_to_end) {
		int got = ring_buffer__poll(rings, POLL_MS);

		if (got < 0 && got != -EINTR)
			fail("ring_buffer__poll");
	}
	return NULL;
}

static void load(char **files)
{
	for (long lane = 0; lane < GENERATIONS; lane++) {
		struct bpf_object *object = bpf_object__open_file(files[lane], NULL);
		int ring;

		if (!object || bpf_object__load(object))
			fail(files[lane]);
		objects[lane] = object;
		for (int hook = 0; hook < HOOKS; hook++)
			programs[hook][lane] =
				bpf_object__find_program_by_name(object, names[hook]);
		ring = bpf_object__find_map_fd_by_name(object, "events");
		if (!rings)
			rings = ring_buffer__new(ring, take, (void *)lane, NULL);
		else if (ring_buffer__add(rings, ring, take, (void *)lane))
			fail("ring_buffer__add");
		if (!rings)
			fail("ring_buffer__new");
	}
}

/* Records that full rings refused. */
static unsigned long long refused(void)
{
	int cpus = libbpf_num_possible_cpus();
	unsigned long long counts[cpus], sum = 0;

	for (int lane = 0; lane < GENERATIONS; lane++) {
		unsigned int zero = 0;
		int map = bpf_object__find_map_fd_by_name(objects[lane], "marrow_loss");

		if (bpf_map_lookup_elem(map, &zero, counts))
			fail("marrow_loss");
		for (int cpu = 0; cpu < cpus; cpu++)
			sum += counts[cpu];
	}
	return sum;
}

static void attach_switches(const char *file)
{
	int map = gate_new(&gate);

	for (int hook = 0; hook < HOOKS; hook++) {
		struct bpf_program *stub;

		stub = stub_new(file, map, NEUTRAL, programs[hook], GENERATIONS);
		if (!stub)
			fail(file);
		links[hook] = bpf_program__attach_tracepoint(stub, "syscalls", tracepoints[hook]);
		if (!links[hook])
			fail(tracepoints[hook]);
	}
}

static struct bpf_link *attached(int hook, int lane)
{
	struct bpf_link *link = bpf_program__attach(programs[hook][lane]);

	if (!link)
		fail(names[hook]);
	return link;
}

static void replace_by_gate(int lane)
{
	*gate = lane;
}

static void detach_attach(int lane)
{
	for (int hook = 0; hook < HOOKS; hook++)
		bpf_link__destroy(links[hook]);
	for (int hook = 0; hook < HOOKS; hook++)
		links[hook] = attached(hook, lane);
}

static void attach_detach(int lane)
{
	struct bpf_link *before[HOOKS];

	for (int hook = 0; hook < HOOKS; hook++) {
		before[hook] = links[hook];
		links[hook] = attached(hook, lane);
	}
	for (int hook = 0; hook < HOOKS; hook++)
		bpf_link__destroy(before[hook]);
}

static int ascending(const void *one, const void *other)
{
	long long left = *(const long long *)one, right = *(const long long *)other;

	return (left > right) - (left < right);
}

/* Until every report has come, or nothing comes any more. */
static void wait_for(unsigned long long expected)
{
	unsigned long long before = 0;

	for (int silent_ms = 0; first_events < expected && silent_ms < SILENCE_MS; silent_ms++) {
		usleep(1000);
		if (events != before)
			silent_ms = 0;
		before = events;
	}
}

static void measure(void (*replace)(int lane), long count, long pace_us)
{
	long long *times_ns = calloc(count, sizeof(*times_ns)), begun = now_ns(), took_ns;
	unsigned long long expected;
	pthread_t reader;

	if (!times_ns || pthread_create(&reader, NULL, read_rings, NULL))
		fail("pthread_create");
	fire_all();
	for (long number = 0; number < count; number++) {
		long long since;

		usleep(pace_us);
		since = now_ns();
		replace((number + 1) % GENERATIONS);
		times_ns[number] = now_ns() - since;
	}
	usleep(pace_us);
	expected = cease();
	took_ns = now_ns() - begun;
	wait_for(expected);
	read_to_end = true;
	pthread_join(reader, NULL);
	qsort(times_ns, count, sizeof(*times_ns), ascending);
	printf("{\"events\":%llu,\"lost\":%llu,\"duplicated\":%llu,\"reordered\":%llu,"
	       "\"refused\":%llu,\"took_ns\":%lld,\"p50_ns\":%lld,\"max_ns\":%lld}\n",
	       expected, expected - first_events, events - first_events, reordered, refused(),
	       took_ns, times_ns[count / 2], times_ns[count - 1]);
}

int main(int count, char **words)
{
	void (*replace)(int lane);
	long times;

	if (count != 7)
		return 2;
	times = atol(words[5]);
	load(words + 3);
	if (!strcmp(words[1], "gate")) {
		attach_switches(words[2]);
		replace = replace_by_gate;
	} else {
		/* What was lost is never reported: nobody waits for it. */
		waiting = false;
		replace = strcmp(words[1], "attach-detach") ? detach_attach : attach_detach;
		for (int hook = 0; hook < HOOKS; hook++)
			links[hook] = attached(hook, 0);
	}
	if (times < 1)
		return 2;
	measure(replace, times, atol(words[6]));
	return 0;
}
