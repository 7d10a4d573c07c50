/*
 * Reads meter.bpf.o for `bench load`.
 * usage: meter OBJECT PID; for each line on standard input it prints "CALLS NANOSECONDS", the sums
 * of the process's BPF_PROG_LOAD calls so far.
 */
#include <stdio.h>
#include <stdlib.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

int main(int count, char **words)
{
	struct bpf_object *object;
	struct bpf_program *program;
	char line[64];
	int totals;
	unsigned int process;

	if (count != 3)
		return 2;
	process = strtoul(words[2], NULL, 10);
	object = bpf_object__open_file(words[1], NULL);
	if (!object || bpf_object__load(object))
		return 1;
	bpf_object__for_each_program(program, object)
	{
		if (!bpf_program__attach(program))
			return 1;
	}
	totals = bpf_object__find_map_fd_by_name(object, "totals");
	while (fgets(line, sizeof(line), stdin)) {
		unsigned long long total[2] = {0, 0};

		bpf_map_lookup_elem(totals, &process, total);
		printf("%llu %llu\n", total[0], total[1]);
		fflush(stdout);
	}
	return 0;
}
