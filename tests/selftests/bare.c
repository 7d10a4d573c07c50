/*
 * The judge of `cargo xtask corpus`: opens and loads an object with libbpf and nothing else.
 * usage: bare OBJECT PIN_ROOT; what the object asks to be pinned goes below PIN_ROOT.
 * Prints the section of each program whose kind libbpf knows, then `loaded` and each program that
 * was; or, in place of the step that failed, its error number. libbpf's words are on standard
 * error.
 */
#include <errno.h>
#include <stdio.h>

#include <bpf/libbpf.h>

int main(int count, char **words)
{
	LIBBPF_OPTS(bpf_object_open_opts, options);
	struct bpf_program *program;
	struct bpf_object *object;

	if (count != 3)
		return 2;
	options.pin_root_path = words[2];
	object = bpf_object__open_file(words[1], &options);
	if (!object) {
		printf("open %d\n", errno);
		return 0;
	}
	bpf_object__for_each_program(program, object)
	{
		if (bpf_program__type(program) != BPF_PROG_TYPE_UNSPEC)
			printf("section %s\n", bpf_program__section_name(program));
	}
	if (bpf_object__load(object)) {
		printf("load %d\n", errno);
		return 0;
	}
	printf("loaded\n");
	bpf_object__for_each_program(program, object)
	{
		if (bpf_program__fd(program) >= 0)
			printf("program %s\n", bpf_program__name(program));
	}
	return 0;
}
