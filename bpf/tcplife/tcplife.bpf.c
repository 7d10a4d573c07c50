// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* TCP connections that ended: see README.md beside this file. */
#include <stdbool.h>
#include <stddef.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#include "kernel.bpf.h"
#include "emit.bpf.h"
#include "event.h"

#define ANY ((__u32)-1)
#define IPPROTO_TCP 6

EMITS(struct event);

const volatile __u32 only_pid = ANY;
const volatile enum family only_family;
const volatile __u16 only_local_port;
const volatile __u16 only_remote_port;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} events SEC(".maps");

struct connection {
	__u64 since;
	__u32 pid;
	__u32 uid;
	char comm[16];
};

/* Connections that have begun and not ended, by the address of their socket. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, __u64);
	__type(value, struct connection);
} connections SEC(".maps");

/*
 * Most changes of state happen while a packet is worked on, under whatever process was interrupted.
 * Where a process holds the socket, that one is the current: it connects, shuts down or closes.
 */
static __always_inline void note_owner(struct connection *connection, struct sock *sk)
{
	if (connection->pid || !BPF_CORE_READ(sk, sk_lock.owned))
		return;
	connection->pid = bpf_get_current_pid_tgid() >> 32;
	connection->uid = (__u32)bpf_get_current_uid_gid();
	bpf_get_current_comm(&connection->comm, sizeof(connection->comm));
}

static __always_inline bool is_wanted(struct trace_event_raw_inet_sock_set_state *ctx,
				      struct connection *connection)
{
	if (only_pid != ANY && only_pid != connection->pid)
		return false;
	if (only_local_port && only_local_port != ctx->sport)
		return false;
	return !only_remote_port || only_remote_port == ctx->dport;
}

static __always_inline void tell(struct trace_event_raw_inet_sock_set_state *ctx,
				 struct connection *connection, struct tcp_sock *tp)
{
	unsigned long flags = BPF_CORE_READ((struct sock *)tp, __sk_common.skc_flags);
	struct event *event = emit_reserve(&events, struct event);
	__u64 received;

	if (!event)
		return;
	event->duration_ns = bpf_ktime_get_ns() - connection->since;
	event->bytes_sent = BPF_CORE_READ(tp, bytes_sent) - BPF_CORE_READ(tp, bytes_retrans);
	/* The kernel counts sequence numbers here, and a FIN takes one. */
	received = BPF_CORE_READ(tp, bytes_received);
	event->bytes_received = received - (received && flags & (1UL << SOCK_DONE));
	event->pid = connection->pid;
	event->uid = connection->uid;
	event->retransmits = BPF_CORE_READ(tp, total_retrans);
	event->rtt_us = BPF_CORE_READ(tp, srtt_us) >> 3;
	event->family = ctx->family;
	event->closed_from = ctx->oldstate;
	event->lport = ctx->sport;
	event->rport = ctx->dport;
	bpf_probe_read_kernel(event->laddr, sizeof(event->laddr), ctx->saddr_v6);
	bpf_probe_read_kernel(event->raddr, sizeof(event->raddr), ctx->daddr_v6);
	__builtin_memcpy(event->comm, connection->comm, sizeof(event->comm));
	emit_submit(event);
}

SEC("tracepoint/sock/inet_sock_set_state")
int handle_set_state(struct trace_event_raw_inet_sock_set_state *ctx)
{
	__u64 key = (__u64)ctx->skaddr;
	struct sock *sk = (void *)key;
	struct connection *connection;

	if (ctx->protocol != IPPROTO_TCP)
		return 0;
	if (only_family && only_family != ctx->family)
		return 0;
	if (ctx->newstate == SYN_SENT || ctx->newstate == SYN_RECV) {
		struct connection begun = {.since = bpf_ktime_get_ns()};

		note_owner(&begun, sk);
		bpf_map_update_elem(&connections, &key, &begun, BPF_ANY);
		return 0;
	}
	connection = bpf_map_lookup_elem(&connections, &key);
	if (!connection)
		return 0;
	note_owner(connection, sk);
	if (ctx->newstate != CLOSE)
		return 0;
	if (is_wanted(ctx, connection))
		tell(ctx, connection, (struct tcp_sock *)sk);
	bpf_map_delete_elem(&connections, &key);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
