/* What swap.bpf.c and fire.h agree on. */
#ifndef SWAP_H
#define SWAP_H

/* The upper bits of an offset that makes records; no file of others is that long. */
#define SWAP_MARK 0x6d61
#define MARK_SHIFT 48
#define THREAD_SHIFT 40

/* In the order in which a call meets them. */
enum hook { ENTER, LEAVE, HOOKS };

/* Bytes of a ring, and of each record in it with its header. */
#define RING_BYTES (1 << 24)
#define RECORD_BYTES 24

struct event {
	unsigned long long call;
	unsigned int thread;
	unsigned int hook;
};

#endif
