/* The node's own switch, loaded as the node does it. Part of flips.c and cost.c. */
#ifndef STUB_H
#define STUB_H

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

/* The gate that stubs share; *word is what they read. */
static int gate_new(volatile unsigned int **word)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_MMAPABLE);
	int gate = bpf_map_create(BPF_MAP_TYPE_ARRAY, "bench_gate", 4, 4, 1, &options);
	void *page;

	if (gate < 0)
		return -1;
	page = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE, MAP_SHARED, gate, 0);
	if (page == MAP_FAILED)
		return -1;
	*word = page;
	return gate;
}

/* A stub in front of `behind`, one program a lane, which answers `neutral` without one. */
static struct bpf_program *stub_new(const char *file, int gate, int neutral,
				    struct bpf_program *behind[], unsigned int lanes)
{
	struct bpf_object *object = bpf_object__open_file(file, NULL);
	struct bpf_program *program, *stub = NULL;
	struct bpf_map *map;
	int array;

	if (!object)
		return NULL;
	bpf_object__for_each_map(map, object)
	{
		if (!strcmp(bpf_map__name(map), "marrow_gate"))
			bpf_map__reuse_fd(map, gate);
		else if (strstr(bpf_map__name(map), ".rodata"))
			bpf_map__set_initial_value(map, &neutral, sizeof(neutral));
	}
	bpf_object__for_each_program(program, object)
	{
		if (strcmp(bpf_program__name(program), "marrow_switch")) {
			bpf_program__set_autoload(program, false);
			continue;
		}
		stub = program;
		bpf_program__set_type(stub, bpf_program__type(behind[0]));
		bpf_program__set_expected_attach_type(stub,
						      bpf_program__expected_attach_type(behind[0]));
	}
	if (!stub || bpf_object__load(object))
		return NULL;
	array = bpf_object__find_map_fd_by_name(object, "marrow_lanes");
	for (unsigned int lane = 0; lane < lanes; lane++) {
		int program_fd = bpf_program__fd(behind[lane]);

		if (bpf_map_update_elem(array, &lane, &program_fd, BPF_ANY))
			return NULL;
	}
	return stub;
}

#endif
