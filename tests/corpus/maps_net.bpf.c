// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Maps of devices, processors and sockets: made, though no tracepoint can use them. */
#include "case.h"

LICENSED;

#define NET_MAP(kind, name, key, value)                                                            \
	struct {                                                                                   \
		__uint(type, kind);                                                                \
		__uint(max_entries, 4);                                                            \
		__uint(key_size, key);                                                             \
		__uint(value_size, value);                                                         \
	} name SEC(".maps")

NET_MAP(BPF_MAP_TYPE_DEVMAP, devmap, 4, 4);
NET_MAP(BPF_MAP_TYPE_DEVMAP_HASH, devmap_hash, 4, 8);
NET_MAP(BPF_MAP_TYPE_CPUMAP, cpumap, 4, 4);
NET_MAP(BPF_MAP_TYPE_XSKMAP, xskmap, 4, 4);
NET_MAP(BPF_MAP_TYPE_SOCKMAP, sockmap, 4, 4);
NET_MAP(BPF_MAP_TYPE_SOCKHASH, sockhash, 8, 8);
NET_MAP(BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, reuseport_sockarray, 4, 8);

HOOK int nothing(void *ctx)
{
	return 0;
}
