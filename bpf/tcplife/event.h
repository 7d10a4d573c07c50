// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A connection that ended, as the object writes it and the handler reads it.
 * Include it behind what declares __u32 and its like.
 */
#ifndef MARROW_TCPLIFE_EVENT_H
#define MARROW_TCPLIFE_EVENT_H

/* The numbers of the kernel's include/net/tcp_states.h. */
enum state {
	ESTABLISHED = 1,
	SYN_SENT,
	SYN_RECV,
	FIN_WAIT1,
	FIN_WAIT2,
	TIME_WAIT,
	CLOSE,
	CLOSE_WAIT,
	LAST_ACK,
	LISTEN,
	CLOSING,
};

enum family { INET = 2, INET6 = 10 };

struct event {
	/* Since the first SYN of a client, the last ACK of the handshake of a server. */
	__u64 duration_ns;
	/* Payload, each byte once however often it was sent. */
	__u64 bytes_sent;
	__u64 bytes_received;
	/* 0 without a command: no process touched the socket between its begin and its end. */
	__u32 pid;
	__u32 uid;
	/* Segments that were sent again. */
	__u32 retransmits;
	/* The smoothed round trip; 0 if none was measured. */
	__u32 rtt_us;
	enum family family;
	/* What it was in before it ended: SYN_SENT if it never came to be. */
	enum state closed_from;
	__u16 lport;
	__u16 rport;
	__u8 laddr[16];
	__u8 raddr[16];
	char comm[16];
};

_Static_assert(sizeof(struct event) == 104, "both halves have the same record");

#endif
