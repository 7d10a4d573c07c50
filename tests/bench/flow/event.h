/* What flow.bpf.c, handler.c and the Rust closure of tests/src/bin/closure.rs agree on. */
#ifndef FLOW_H
#define FLOW_H

/* The argument of getpgid(2) that makes records; no process has such an id. */
#define FLOW_MARK 0x666c6f77
/* Records of one call. */
#define FLOW_BATCH 1000

/* 168 bytes. */
struct event {
	unsigned long long number;
	unsigned int pid;
	unsigned int tgid;
	unsigned int uid;
	unsigned int gid;
	unsigned int cpu;
	unsigned int type;
	unsigned long long duration_ns;
	long long ret;
	char comm[16];
	char path[104];
};

#endif
