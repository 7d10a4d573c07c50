// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The few kernel types that our sources read, with only the fields they read. libbpf moves each
 * access to where the running kernel has the field, so their order and size here mean nothing.
 */
#ifndef MARROW_KERNEL_BPF_H
#define MARROW_KERNEL_BPF_H

#include <stdbool.h>
#include <linux/types.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	int counter;
} atomic_t;

struct mm_struct {
	unsigned long arg_start;
	unsigned long arg_end;
};

struct signal_struct {
	/* Threads that have not begun to exit; do_exit() counts it down first. */
	atomic_t live;
	/* The most pages it held; set by do_exit() of the last thread. */
	unsigned long maxrss;
};

struct kernfs_node {
	/* What bpf_get_current_cgroup_id() gives. */
	__u64 id;
};

struct cgroup {
	struct kernfs_node *kn;
};

struct css_set {
	/* Its group in the hierarchy of version 2. */
	struct cgroup *dfl_cgrp;
};

struct task_struct {
	int exit_code;
	int pid;
	int tgid;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	struct mm_struct *mm;
	struct signal_struct *signal;
	struct css_set *cgroups;
	char comm[16];
};

typedef struct {
	/* Held by a process, which is then the current one; packets are worked on while it is not.
	 */
	int owned;
} socket_lock_t;

struct sock_common {
	/* Bits by enum sock_flags. */
	unsigned long skc_flags;
};

struct sock {
	struct sock_common __sk_common;
	socket_lock_t sk_lock;
};

enum sock_flags {
	/* Of TCP: the peer's FIN has come. */
	SOCK_DONE = 1,
};

struct tcp_sock {
	__u64 bytes_received;
	__u64 bytes_sent;
	__u64 bytes_retrans;
	__u32 total_retrans;
	/* Eight times the smoothed round trip. */
	__u32 srtt_us;
};

struct qstr {
	__u32 len;
	const unsigned char *name;
};

struct super_block {
	__u32 s_dev;
};

struct inode {
	unsigned short i_mode;
	unsigned long i_ino;
	struct super_block *i_sb;
};

struct dentry {
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
};

struct vfsmount {
	struct dentry *mnt_root;
};

struct mount {
	/* Itself where nothing is above. */
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
};

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

struct file {
	unsigned int f_flags;
	unsigned int f_mode;
	struct path f_path;
	struct inode *f_inode;
};

/* What tracepoints hand over; /sys/kernel/tracing/events has the same as text. */
struct trace_event_raw_sched_process_exec {
	__u32 __data_loc_filename;
};

struct trace_event_raw_inet_sock_set_state {
	const void *skaddr;
	int oldstate;
	int newstate;
	__u16 sport;
	__u16 dport;
	__u16 family;
	__u16 protocol;
	/* IPv4 is mapped: ::ffff:a.b.c.d. */
	__u8 saddr_v6[16];
	__u8 daddr_v6[16];
};

struct trace_event_raw_sys_enter {
	unsigned long args[6];
};

struct trace_event_raw_sys_exit {
	long ret;
};

#pragma clang attribute pop

#endif
