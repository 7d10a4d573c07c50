// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* TCP connections that ended, and how they went by peer: see README.md beside this file. */
/* A summary of as many peers as may be asked for. */
#define JSON_BYTES_MAX (128 << 10)
#include "handler.h"
#include "event.h"

/* Peers that are counted. */
#define PEERS_MAX 256
/* Below are the ports that IANA gives to services of the system, then those that Linux gives to no
 * one. */
#define USER_PORT_MIN 1024
#define DYNAMIC_PORT_MIN 32768

struct named_port {
	__u16 port;
	const char *name;
};

static const struct named_port named_ports[] = {
	{22, "ssh"},	  {25, "smtp"},	  {53, "dns"},	    {80, "http"},	{389, "ldap"},
	{443, "https"},	  {587, "smtp"},  {636, "ldaps"},   {853, "dns"},	{2049, "nfs"},
	{2379, "etcd"},	  {2380, "etcd"}, {3306, "mysql"},  {5432, "postgres"}, {5672, "amqp"},
	{6379, "redis"},  {6443, "k8s"},  {8080, "http"},   {8443, "https"},	{9092, "kafka"},
	{9200, "search"}, {10250, "k8s"}, {11211, "cache"}, {27017, "mongodb"},
};

#define NAMED_PORTS (sizeof(named_ports) / sizeof(named_ports[0]))

/* What a connection is for: a place in `named_ports`, or one of these behind them. */
enum { SYSTEM_PORT = NAMED_PORTS, USER_PORT, DYNAMIC_PORT, SERVICES };

struct peer {
	__u8 address[16];
	/* One that has a name, or the lowest of its range. */
	__u16 port;
	__u16 is_outgoing;
};

/* Since the summary before. */
struct counts {
	__u32 connections;
	__u32 failed;
	__u64 retransmits;
	__u64 bytes_sent;
	__u64 bytes_received;
	__u32 rtt_us[24];
	__u32 duration_us[40];
	__u32 bytes[40];
};

TABLE(peers, struct peer, struct counts, PEERS_MAX);

struct seen {
	struct peers peers;
	__u64 summary_ns;
	__u64 connections;
	__u64 failed;
};

HANDLER(1);
HANDLER_STATE(struct seen);

/* The series of one service, asked for when it is first met. */
static struct {
	struct series incoming;
	struct series outgoing;
	struct series failed;
	struct series retransmits;
	struct series rtt;
	struct series duration;
	struct series sent;
	struct series received;
} metrics[SERVICES];

static struct {
	bool tell_each;
	__u32 summary_s;
	__u32 top;
} settings;

const char *on_start(void)
{
	settings.tell_each = config_bool("tell_each", true);
	settings.summary_s = config_u64("summary_s", 0, 3600, 10);
	settings.top = config_u64("top", 1, TOP_MAX, 10);
	return NULL;
}

static __u16 service_of(__u16 port)
{
	__u16 at = 0;

	while (at < NAMED_PORTS && named_ports[at].port != port)
		at++;
	if (at < NAMED_PORTS)
		return at;
	if (port < USER_PORT_MIN)
		return SYSTEM_PORT;
	return port < DYNAMIC_PORT_MIN ? USER_PORT : DYNAMIC_PORT;
}

/* What stands for the port in the state, whatever the table of names becomes. */
static __u16 port_of(__u16 service)
{
	static const __u16 ranges[] = {0, USER_PORT_MIN, DYNAMIC_PORT_MIN};

	return service < NAMED_PORTS ? named_ports[service].port : ranges[service - SYSTEM_PORT];
}

static const char *service_name(__u16 service)
{
	static const char *const ranges[] = {"system", "user", "dynamic"};

	return service < NAMED_PORTS ? named_ports[service].name : ranges[service - SYSTEM_PORT];
}

static bool is_failed(const struct event *event)
{
	return event->closed_from == SYN_SENT || event->closed_from == SYN_RECV;
}

/* Who connected is not in the record: the service is on the lower port. */
static struct peer peer_of(const struct event *event)
{
	bool is_outgoing = event->closed_from == SYN_SENT || event->rport < event->lport;
	struct peer peer = {
		.port = port_of(service_of(is_outgoing ? event->rport : event->lport)),
		.is_outgoing = is_outgoing,
	};

	memcpy(peer.address, event->raddr, sizeof(peer.address));
	return peer;
}

static const char *state_name(enum state of)
{
	static const char *const names[] = {
		[ESTABLISHED] = "ESTABLISHED",
		[SYN_SENT] = "SYN_SENT",
		[SYN_RECV] = "SYN_RECV",
		[FIN_WAIT1] = "FIN_WAIT1",
		[FIN_WAIT2] = "FIN_WAIT2",
		[TIME_WAIT] = "TIME_WAIT",
		[CLOSE] = "CLOSE",
		[CLOSE_WAIT] = "CLOSE_WAIT",
		[LAST_ACK] = "LAST_ACK",
		[LISTEN] = "LISTEN",
		[CLOSING] = "CLOSING",
	};

	return of >= ESTABLISHED && of <= CLOSING ? names[of] : "UNKNOWN";
}

/* Named as in the record; addresses are text, IPv4 without its prefix. */
static void tell(const struct event *event, const struct peer *peer)
{
	json_begin();
	json_u64("pid", event->pid);
	json_u64("uid", event->uid);
	json_text("comm", event->comm, sizeof(event->comm));
	json_str("family", event->family == INET ? "INET" : "INET6");
	json_address("laddr", event->laddr);
	json_u64("lport", event->lport);
	json_address("raddr", event->raddr);
	json_u64("rport", event->rport);
	json_str("service", service_name(service_of(peer->port)));
	json_str("direction", peer->is_outgoing ? "out" : "in");
	json_u64("bytes_sent", event->bytes_sent);
	json_u64("bytes_received", event->bytes_received);
	json_u64("duration_ns", event->duration_ns);
	json_u64("rtt_us", event->rtt_us);
	json_u64("retransmits", event->retransmits);
	json_str("closed_from", state_name(event->closed_from));
	emit(is_failed(event) ? "failed" : "connection");
}

/* A series of the service, which is open behind this. */
static struct series *metric(struct series *series, const char *name, __u16 service)
{
	if (!series_is_open(series))
		series_open(series, name, service_name(service));
	return series;
}

static void measure(const struct event *event, const struct peer *peer)
{
	__u16 service = service_of(peer->port);
	struct series *count =
		peer->is_outgoing ? &metrics[service].outgoing : &metrics[service].incoming;

	if (!series_is_open(count))
		series_open(count, "tcplife_connections_total", service_name(service),
			    peer->is_outgoing ? "out" : "in");
	counter_add(count, 1);
	counter_add(metric(&metrics[service].retransmits, "tcplife_retransmits_total", service),
		    event->retransmits);
	if (event->rtt_us)
		histogram_observe(metric(&metrics[service].rtt, "tcplife_rtt_seconds", service),
				  event->rtt_us / 1e6);
	histogram_observe(metric(&metrics[service].duration, "tcplife_duration_seconds", service),
			  event->duration_ns / 1e9);
	histogram_observe(metric(&metrics[service].sent, "tcplife_sent_bytes", service),
			  event->bytes_sent);
	histogram_observe(metric(&metrics[service].received, "tcplife_received_bytes", service),
			  event->bytes_received);
}

static void count(const struct event *event, const struct peer *peer)
{
	struct counts *counts = peers_get(&state.peers, peer);
	__u16 service = service_of(peer->port);

	counts->retransmits += event->retransmits;
	if (is_failed(event)) {
		counts->failed++;
		state.failed++;
		counter_add(metric(&metrics[service].failed, "tcplife_failed_total", service), 1);
		return;
	}
	counts->connections++;
	state.connections++;
	counts->bytes_sent += event->bytes_sent;
	counts->bytes_received += event->bytes_received;
	if (event->rtt_us)
		hist_add(counts->rtt_us, event->rtt_us);
	hist_add(counts->duration_us, event->duration_ns / NS_PER_US);
	hist_add(counts->bytes, event->bytes_sent + event->bytes_received);
	measure(event, peer);
}

static void handle(const struct event *event)
{
	struct peer peer = peer_of(event);

	count(event, &peer);
	if (settings.tell_each)
		tell(event, &peer);
}

HANDLE_EVENTS(events, struct event, handle);

static void tell_peer(const struct peers_entry *entry)
{
	const struct counts *counts = &entry->value;

	json_object(NULL);
	json_address("address", entry->key.address);
	json_str("service", service_name(service_of(entry->key.port)));
	json_str("direction", entry->key.is_outgoing ? "out" : "in");
	json_u64("connections", counts->connections);
	json_u64("failed", counts->failed);
	json_u64("retransmits", counts->retransmits);
	json_u64("bytes_sent", counts->bytes_sent);
	json_u64("bytes_received", counts->bytes_received);
	json_u64("rtt_p50_us", hist_quantile(counts->rtt_us, 500));
	json_u64("rtt_p99_us", hist_quantile(counts->rtt_us, 990));
	json_u64("duration_p50_us", hist_quantile(counts->duration_us, 500));
	json_u64("duration_p99_us", hist_quantile(counts->duration_us, 990));
	json_hist("rtt_us", counts->rtt_us);
	json_hist("duration_us", counts->duration_us);
	json_hist("bytes", counts->bytes);
	json_close();
}

/* The peers that most was sent to and received from since the summary before. */
void on_tick(__u64 now_ns)
{
	__u64 passed_ns = every(&state.summary_ns, now_ns, settings.summary_s);
	struct top top = {.room = settings.top};
	struct peers_entry *entry;

	if (!passed_ns)
		return;
	FOR_EACH_ENTRY(entry, &state.peers)
		if (entry->value.connections || entry->value.failed)
			top_offer(&top, entry->value.bytes_sent + entry->value.bytes_received,
				  entry);
	json_begin();
	json_double("seconds", (double)passed_ns / NS_PER_S);
	json_u64("connections", state.connections);
	json_u64("failed", state.failed);
	json_array("peers");
	for (__u32 at = 0; at < top.count; at++)
		tell_peer(top.best[at].entry);
	json_close();
	emit("summary");
	state.connections = state.failed = 0;
	FOR_EACH_ENTRY(entry, &state.peers)
		entry->value = (struct counts){};
}
