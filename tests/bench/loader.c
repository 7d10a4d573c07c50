/*
 * The baseline of `bench load`: a libbpf loader as people write it, in a fresh process.
 * usage: loader OBJECT; prints the nanoseconds from opening the object to its last attachment.
 */
#include <stdio.h>
#include <time.h>

#include <bpf/libbpf.h>

static long long now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

int main(int count, char **words)
{
	long long since = now_ns();
	struct bpf_object *object;
	struct bpf_program *program;

	if (count != 2)
		return 2;
	object = bpf_object__open_file(words[1], NULL);
	if (!object || bpf_object__load(object))
		return 1;
	bpf_object__for_each_program(program, object)
	{
		if (!bpf_program__attach(program))
			return 1;
	}
	printf("%lld\n", now_ns() - since);
	return 0;
}
