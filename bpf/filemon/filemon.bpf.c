// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Files that are opened, written, removed and renamed: see README.md beside this file. */
#include <stdbool.h>
#include <stddef.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>

#include "kernel.bpf.h"
#include "emit.bpf.h"

#define ANY ((__u32)-1)
#define PATH_BYTES 512
/* The longest path that a walk puts together; a power of two, for its masks. */
#define WALK_BYTES 4096
#define NAME_BYTES 256
/* Folders and mounts that a walk goes up. */
#define WALK_STEPS_MAX 64
#define PREFIX_BYTES 128

/* Of the kernel's include/linux/fs.h and include/uapi/linux/{stat,mman}.h. */
#define MAY_WRITE 2
#define FMODE_WRITE 2
#define S_IFMT 0170000
#define S_IFREG 0100000
#define PROT_WRITE 2
#define MAP_TYPE 0xf
#define MAP_PRIVATE 2

enum event_kind { OPEN = 1, WRITE, REMOVE, RENAME, EXCHANGE };

struct event {
	enum event_kind kind;
	__u32 pid;
	__u32 tid;
	__u32 uid;
	/* Those of open(2); 0 where no open file is concerned. */
	__u32 open_flags __attribute__((btf_decl_tag("marrow:hex")));
	/* Major number times 2^20 plus minor number. */
	__u32 device;
	__u64 inode;
	char comm[16];
	char path[PATH_BYTES];
	/* What it is called now; empty unless it was renamed. */
	char new_path[PATH_BYTES];
};

EMITS(struct event);

const volatile __u32 only_pid = ANY;
const volatile __u32 only_uid = ANY;
/* What the path begins with, or the new one; for example "/etc/". */
const volatile char only_prefix[PREFIX_BYTES];
/* Leaves out files that are opened to be read. */
const volatile bool only_changes;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 22);
} events SEC(".maps");

/* Open files that were written, by the address of their struct file, which open() uses again. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, __u8);
} written SEC(".maps");

struct removal {
	struct dentry *dentry;
	struct vfsmount *mnt;
};

/*
 * What a thread is about to remove or rename. The calls that say so know the mount but not whether
 * it will work; those made once it has worked know no mount. It stays where it did not work.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct removal);
} removals SEC(".maps");

/* A path is put together from its end; what is behind it lets the verifier see that names fit. */
struct walk {
	/* Where the path begins. */
	__u32 at;
	char path[WALK_BYTES];
	char beyond[NAME_BYTES];
};

/* The walks of a program; of its two paths each has its own. */
struct walks {
	struct walk path;
	struct walk new_path;
};

enum hook { AT_OPEN, AT_PERMISSION, AT_MMAP, AT_DELETE, AT_MOVE, AT_EXCHANGE, HOOKS };

/*
 * Per CPU and hook: while a program of this kind runs, or was preempted, the kernel does not start
 * it on that CPU again (ca06f55b9002, 5.12; before that it is not preempted).
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, HOOKS);
	__type(key, __u32);
	__type(value, struct walks);
} walks SEC(".maps");

static __always_inline bool is_wanted_process(void)
{
	if (only_pid != ANY && only_pid != bpf_get_current_pid_tgid() >> 32)
		return false;
	return only_uid == ANY || only_uid == (__u32)bpf_get_current_uid_gid();
}

/*
 * Puts a path together, up to the root of the mount namespace, as d_path() would without chroot.
 * The place is kept in the walk, of which the verifier knows nothing, so that each step looks to it
 * like the one before; the masks change nothing.
 */
static __noinline void walk_up(struct walk *walk, struct dentry *dentry, struct vfsmount *mnt)
{
	struct mount *mount = (void *)mnt - bpf_core_field_offset(struct mount, mnt);

	walk->at = WALK_BYTES - 1;
	walk->path[WALK_BYTES - 1] = 0;
	for (int step = 0; step < WALK_STEPS_MAX; step++) {
		struct dentry *parent;
		__u32 at, length;

		if (dentry == BPF_CORE_READ(mount, mnt.mnt_root)) {
			struct mount *above = BPF_CORE_READ(mount, mnt_parent);

			if (above == mount)
				break;
			dentry = BPF_CORE_READ(mount, mnt_mountpoint);
			mount = above;
			continue;
		}
		at = walk->at;
		length = BPF_CORE_READ(dentry, d_name.len) & (NAME_BYTES - 1);
		if (at < length + 1)
			break;
		at = (at - length) & (WALK_BYTES - 1);
		bpf_probe_read_kernel(&walk->path[at], length, BPF_CORE_READ(dentry, d_name.name));
		at = (at - 1) & (WALK_BYTES - 1);
		walk->path[at] = '/';
		walk->at = at;
		parent = BPF_CORE_READ(dentry, d_parent);
		/* In no folder: a memfd, or what a file system has not connected yet. */
		if (dentry == parent)
			break;
		dentry = parent;
	}
	if (walk->at == WALK_BYTES - 1) {
		walk->at = WALK_BYTES - 2;
		walk->path[WALK_BYTES - 2] = '/';
	}
}

static __always_inline bool is_below(struct walk *walk)
{
	__u32 at = walk->at;

	for (__u32 i = 0; i < PREFIX_BYTES; i++) {
		char wanted = only_prefix[i];

		if (!wanted)
			break;
		if (walk->path[(at + i) & (WALK_BYTES - 1)] != wanted)
			return false;
	}
	return true;
}

/* Of a path that is too long its end is kept. */
static __always_inline void copy_path(char out[PATH_BYTES], struct walk *walk)
{
	__u32 at = walk->at;

	if (at < WALK_BYTES - PATH_BYTES)
		at = WALK_BYTES - PATH_BYTES;
	bpf_probe_read_kernel_str(out, PATH_BYTES, &walk->path[at & (WALK_BYTES - 1)]);
}

struct change {
	enum event_kind kind;
	enum hook hook;
	struct vfsmount *mnt;
	struct dentry *dentry;
	/* Where it goes; NULL if it goes nowhere. */
	struct dentry *new_dentry;
	__u32 open_flags;
};

static __always_inline void tell(const struct change *change)
{
	struct dentry *dentry = change->dentry;
	struct inode *inode = BPF_CORE_READ(dentry, d_inode);
	__u32 hook = change->hook;
	struct walks *space = bpf_map_lookup_elem(&walks, &hook);
	__u64 ids = bpf_get_current_pid_tgid();
	struct event *event;
	bool wanted;

	if (!space)
		return;
	walk_up(&space->path, dentry, change->mnt);
	wanted = is_below(&space->path);
	if (change->new_dentry) {
		walk_up(&space->new_path, change->new_dentry, change->mnt);
		wanted = wanted || is_below(&space->new_path);
	}
	if (!wanted)
		return;
	event = emit_reserve(&events, struct event);
	if (!event)
		return;
	event->kind = change->kind;
	event->pid = ids >> 32;
	event->tid = ids;
	event->uid = (__u32)bpf_get_current_uid_gid();
	event->open_flags = change->open_flags;
	event->device = BPF_CORE_READ(inode, i_sb, s_dev);
	event->inode = BPF_CORE_READ(inode, i_ino);
	bpf_get_current_comm(&event->comm, sizeof(event->comm));
	copy_path(event->path, &space->path);
	event->new_path[0] = 0;
	if (change->new_dentry)
		copy_path(event->new_path, &space->new_path);
	emit_submit(event);
}

static __always_inline void tell_file(enum event_kind kind, enum hook hook, struct file *file)
{
	struct change change = {
		.kind = kind,
		.hook = hook,
		.mnt = file->f_path.mnt,
		.dentry = file->f_path.dentry,
		.open_flags = file->f_flags,
	};

	tell(&change);
}

SEC("fexit/security_file_open")
int BPF_PROG(handle_open, struct file *file, int refused)
{
	bool to_write = file->f_mode & FMODE_WRITE;
	__u64 key = (__u64)file;

	if (refused || !is_wanted_process())
		return 0;
	if (to_write)
		bpf_map_delete_elem(&written, &key);
	if (to_write || !only_changes)
		tell_file(OPEN, AT_OPEN, file);
	return 0;
}

/* Tells a file's first write since it was opened. */
static __always_inline void tell_write(enum hook hook, struct file *file)
{
	__u64 key = (__u64)file;
	__u8 yes = 1;

	if ((file->f_inode->i_mode & S_IFMT) != S_IFREG || !is_wanted_process())
		return;
	if (bpf_map_lookup_elem(&written, &key))
		return;
	bpf_map_update_elem(&written, &key, &yes, BPF_ANY);
	tell_file(WRITE, hook, file);
}

SEC("fexit/security_file_permission")
int BPF_PROG(handle_permission, struct file *file, int mask, int refused)
{
	if (mask & MAY_WRITE && !refused)
		tell_write(AT_PERMISSION, file);
	return 0;
}

SEC("fexit/security_mmap_file")
int BPF_PROG(handle_mmap, struct file *file, unsigned long prot, unsigned long flags, int refused)
{
	if (file && prot & PROT_WRITE && (flags & MAP_TYPE) != MAP_PRIVATE && !refused)
		tell_write(AT_MMAP, file);
	return 0;
}

static __always_inline int note(const struct path *folder, struct dentry *dentry)
{
	struct removal removal = {.dentry = dentry, .mnt = folder->mnt};
	__u32 tid = bpf_get_current_pid_tgid();

	if (is_wanted_process())
		bpf_map_update_elem(&removals, &tid, &removal, BPF_ANY);
	return 0;
}

static __always_inline int tell_noted(enum event_kind kind, enum hook hook, struct dentry *dentry,
				      struct dentry *new_dentry)
{
	struct change change = {
		.kind = kind,
		.hook = hook,
		.dentry = dentry,
		.new_dentry = new_dentry,
	};
	__u32 tid = bpf_get_current_pid_tgid();
	struct removal *removal = bpf_map_lookup_elem(&removals, &tid);

	if (!removal || removal->dentry != dentry)
		return 0;
	change.mnt = removal->mnt;
	bpf_map_delete_elem(&removals, &tid);
	tell(&change);
	return 0;
}

SEC("fentry/security_path_unlink")
int BPF_PROG(handle_unlink, const struct path *folder, struct dentry *dentry)
{
	return note(folder, dentry);
}

SEC("fentry/security_path_rmdir")
int BPF_PROG(handle_rmdir, const struct path *folder, struct dentry *dentry)
{
	return note(folder, dentry);
}

SEC("fentry/security_path_rename")
int BPF_PROG(handle_rename, const struct path *folder, struct dentry *dentry)
{
	return note(folder, dentry);
}

SEC("fentry/d_delete")
int BPF_PROG(handle_delete, struct dentry *dentry)
{
	return tell_noted(REMOVE, AT_DELETE, dentry, NULL);
}

SEC("fentry/d_move")
int BPF_PROG(handle_move, struct dentry *dentry, struct dentry *new_dentry)
{
	return tell_noted(RENAME, AT_MOVE, dentry, new_dentry);
}

SEC("fentry/d_exchange")
int BPF_PROG(handle_exchange, struct dentry *dentry, struct dentry *new_dentry)
{
	return tell_noted(EXCHANGE, AT_EXCHANGE, dentry, new_dentry);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
