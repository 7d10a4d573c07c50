// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What a handler asks of its node: the functions of node/wit/handler.wit as the canonical ABI
 * lowers them, so that the same module runs in both lanes. A text or a list is a pointer and a
 * length; a result that does not fit in one number goes to a place that the caller gives. Included
 * by handler.h, whose other parts wrap each of these.
 */
#ifndef MARROW_HANDLER_HOST_H
#define MARROW_HANDLER_HOST_H

#include <stdbool.h>
#include <stddef.h>

/* As <linux/types.h> has them, so that one header can describe a record to both halves. */
typedef unsigned char __u8;
typedef signed char __s8;
typedef unsigned short __u16;
typedef short __s16;
typedef unsigned int __u32;
typedef int __s32;
typedef unsigned long long __u64;
typedef long long __s64;

#ifdef __wasm_bulk_memory__
#error "memory.fill and memory.copy end the node where they meet a ring: compile with -mcpu=mvp"
#endif

#define HOST(name)                                                                                 \
	__attribute__((import_module("marrow:handler/host@1.0.0"), import_name(name))) extern

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* What became of a wish: 0, or one more than the contract's number of the refusal. */
enum host_outcome {
	HOST_DONE,
	/* The manifest does not declare it with that right. */
	HOST_DENIED,
	/* There is no such thing, or no longer. */
	HOST_ABSENT,
	/* More than the limit of a second, or of a size. */
	HOST_LIMITED,
	/* Not of the form that is expected. */
	HOST_INVALID,
	/* As many series or entries as there may be. */
	HOST_FULL,
	/* What the kernel said is in the node's log. */
	HOST_FAILED,
};

enum shutdown_reason { SHUTDOWN_UPDATE, SHUTDOWN_STOP, SHUTDOWN_FAULT };

/* A text, or a list of bytes. */
struct host_bytes {
	const char *at;
	__u32 length;
};

/* result<_, refusal>, and result<bool, refusal> */
struct host_small {
	__u8 is_refused;
	/* The refusal, or the truth. */
	__u8 value;
};

/* result<u32, refusal> */
struct host_number {
	__u8 is_refused;
	union {
		__u8 refusal;
		__u32 value;
	};
};

/* result<option<list<u8>>, refusal> */
struct host_found {
	__u8 is_refused;
	union {
		__u8 refusal;
		struct {
			__u8 is_there;
			struct host_bytes bytes;
		};
	};
};

/* result<list<u8>, refusal> */
struct host_entries {
	__u8 is_refused;
	union {
		__u8 refusal;
		struct host_bytes bytes;
	};
};

/* option<string> */
struct host_setting {
	__u8 is_there;
	struct host_bytes text;
};

/* One field of a ring's struct, as the object's BTF has it. */
struct host_field {
	struct host_bytes name;
	__u32 offset_bits;
	__u32 size_bits;
};

/* list<field> */
struct host_fields {
	const struct host_field *at;
	__u32 length;
};

/* option<process> */
struct host_process {
	__u8 is_there;
	__u32 parent __attribute__((aligned(8)));
	__u32 user;
	/* Nanoseconds of now_mono's clock. */
	__u64 started;
	struct host_bytes command;
	/* Each with a NUL behind it. */
	struct host_bytes arguments;
	struct host_bytes cgroup;
};

_Static_assert(sizeof(void *) == 4, "handlers are compiled for wasm32");
_Static_assert(sizeof(struct host_small) == 2, "result<_, refusal>");
_Static_assert(sizeof(struct host_number) == 8, "result<u32, refusal>");
_Static_assert(sizeof(struct host_found) == 16, "result<option<list<u8>>, refusal>");
_Static_assert(offsetof(struct host_found, bytes) == 8, "result<option<list<u8>>, refusal>");
_Static_assert(sizeof(struct host_entries) == 12, "result<list<u8>, refusal>");
_Static_assert(sizeof(struct host_setting) == 12, "option<string>");
_Static_assert(sizeof(struct host_field) == 16, "field");
_Static_assert(sizeof(struct host_process) == 48, "option<process>");
_Static_assert(offsetof(struct host_process, started) == 16, "option<process>");
_Static_assert(offsetof(struct host_process, cgroup) == 40, "option<process>");

HOST("log") void host_log(enum log_level level, const char *at, __u32 length);
HOST("emit")
void host_emit(const char *stream, __u32 stream_length, const char *event, __u32 event_length,
	       struct host_small *result);
HOST("series")
void host_series(const char *metric, __u32 metric_length, const struct host_bytes *labels,
		 __u32 labels_length, struct host_number *result);
HOST("add") void host_add(__u32 series, __u64 value);
HOST("set") void host_set(__u32 series, double value);
HOST("observe") void host_observe(__u32 series, double value);
HOST("map-open")
void host_map_open(const char *name, __u32 name_length, struct host_number *result);
HOST("map-lookup")
void host_map_lookup(__u32 map, const void *key, __u32 key_bytes, struct host_found *result);
HOST("map-update")
void host_map_update(__u32 map, const void *key, __u32 key_bytes, const void *value,
		     __u32 value_bytes, struct host_small *result);
HOST("map-delete")
void host_map_delete(__u32 map, const void *key, __u32 key_bytes, struct host_small *result);
HOST("map-scan")
void host_map_scan(__u32 map, __u32 is_behind, const void *key, __u32 key_bytes, __u32 entries_max,
		   struct host_entries *result);
HOST("config") void host_config(const char *key, __u32 key_length, struct host_setting *result);
HOST("layout") void host_layout(__u32 ring, struct host_fields *result);
HOST("process") void host_process(__u32 pid, struct host_process *result);

/* Nanoseconds of the clock that bpf_ktime_get_ns() reads. */
HOST("now-mono") __u64 now_mono(void);
/* Nanoseconds since 1970. */
HOST("now-wall") __u64 now_wall(void);

static inline enum host_outcome outcome_of(__u8 is_refused, __u8 refusal)
{
	return is_refused ? refusal + 1 : HOST_DONE;
}

#endif
