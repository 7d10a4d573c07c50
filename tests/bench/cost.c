/*
 * What a switch adds to a run of a program, for `bench swap`.
 * usage: cost SWITCH OBJECT RUNS; runs the object's program RUNS times alone and then behind the
 * switch, by BPF_PROG_TEST_RUN; prints the nanoseconds of both.
 */
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#include "stub.h"

/* Longer than an Ethernet header, which the kernel asks for. */
#define PACKET_BYTES 64

static long long now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

/* Nanoseconds that all runs take; -1 where the program does not answer what it must. */
static long long run(struct bpf_program *program, int runs)
{
	char packet[PACKET_BYTES] = {};
	long long since = now_ns();
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = packet, .data_size_in = sizeof(packet),
		    .repeat = runs);

	if (bpf_prog_test_run_opts(bpf_program__fd(program), &options) ||
	    options.retval != XDP_PASS)
		return -1;
	return now_ns() - since;
}

int main(int count, char **words)
{
	volatile unsigned int *word;
	struct bpf_object *object;
	struct bpf_program *program, *stub;
	long long sums_ns[2] = {};
	int half;

	if (count != 4)
		return 2;
	object = bpf_object__open_file(words[2], NULL);
	if (!object || bpf_object__load(object))
		return 1;
	program = bpf_object__find_program_by_name(object, "pass");
	/* Without a program behind it the answer is another one. */
	stub = program ? stub_new(words[1], gate_new(&word), XDP_DROP, &program, 1) : NULL;
	if (!stub)
		return 1;
	/* The order must not tell: who is first meets a slower processor. */
	half = atoi(words[3]) / 2;
	for (int turn = 0; turn < 4; turn++) {
		bool is_alone = turn == 0 || turn == 3;
		long long took_ns = run(is_alone ? program : stub, half);

		if (took_ns < 0)
			return 1;
		sums_ns[is_alone] += took_ns;
	}
	printf("%lld %lld\n", sums_ns[true], sums_ns[false]);
	return 0;
}
