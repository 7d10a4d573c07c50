/* What flood.bpf.c, flood.c and printer.c agree on. */
#ifndef FLOOD_H
#define FLOOD_H

/* The argument of getpgid(2) that makes records; no process has such an id. */
#define FLOOD_MARK 0x6d617272
/* Records of one call. */
#define FLOOD_BATCH 1000

enum flood_kind { OPENED = 1, REFUSED = 2 };

struct event {
	unsigned long long time_ns;
	unsigned long long number;
	enum flood_kind kind;
	unsigned int pid;
	unsigned int uid;
	int ret;
	char comm[16];
	char filename[64];
};

#endif
