// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Every kind of type that clang 14 can describe. */
#include "case.h"

LICENSED;

#define tagged(text) __attribute__((btf_decl_tag(text)))
#define of_kind(text) __attribute__((btf_type_tag(text)))

struct declared_only;
enum colour { RED = -1, GREEN = 0, BLUE = 0x7fffffff };
typedef unsigned long number;

/* The tests turn it into one of 64 bits, which clang 15 would write. */
enum wide { WIDE_ONE, WIDE_TWO, WIDE_THREE };

union either {
	long long number;
	enum colour colour;
	enum wide wide;
};

struct event {
	signed char tiny;
	bool flag;
	char text[6];
	__int128 huge;
	float small;
	double large;
	enum colour colour;
	union either either;
	struct {
		__u32 low : 3;
		__u32 high : 29;
	};
	number numbers[2][3];
	struct declared_only *forward;
	const volatile void *restrict pointer;
	int of_kind("user") * user;
	int (*call)(struct event *event, const char *text, ...);
} tagged("event");

struct event *unused_event __attribute__((unused));
struct event last tagged("variable");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

__attribute__((noinline)) int global(int number tagged("argument"))
{
	return number + 1;
}

HOOK int emit(void *ctx)
{
	last.tiny = global(last.tiny);
	bpf_ringbuf_output(&events, &last, sizeof(last), 0);
	return 0;
}
