/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Listeners of two sockets: the upper one is what a process holds. */
#pragma once

#include "bpf/tcp.bpf.h"

/*
 * Of MPTCP listeners that were there before only the upper socket can be had, from the process that
 * holds it: who comes to the one below is known by its port.
 */
struct upper_place {
	__u32 network, port;
};

struct upper_listeners {
	__u64 cookie; /* of the last one */
	__u64 count;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, struct upper_place);
	__type(value, struct upper_listeners);
} upper_places SEC(".maps");

static __always_inline struct upper_listeners *uppers_of(struct sock *sk, __u16 port)
{
	struct upper_place place = { .network = network_of(sk), .port = port };

	return bpf_map_lookup_elem(&upper_places, &place);
}

/* False: there is no room to know them. */
static __always_inline bool upper_add(struct sock *sk, __u16 port, __u64 cookie)
{
	struct upper_place place = { .network = network_of(sk), .port = port };
	struct upper_listeners new = {}, *uppers;

	bpf_map_update_elem(&upper_places, &place, &new, BPF_NOEXIST);
	uppers = bpf_map_lookup_elem(&upper_places, &place);
	if (!uppers)
		return false;
	uppers->cookie = cookie;
	__sync_fetch_and_add(&uppers->count, 1);
	return true;
}

static __always_inline void upper_remove(struct sock *sk, __u16 port)
{
	struct upper_place place = { .network = network_of(sk), .port = port };
	struct upper_listeners *uppers = bpf_map_lookup_elem(&upper_places, &place);

	if (uppers && __sync_fetch_and_add(&uppers->count, -1) <= 1)
		bpf_map_delete_elem(&upper_places, &place);
}

/* The cookie of the one below, which has one since it was marked. */
static __always_inline __u64 lower_cookie(struct sock *upper)
{
	struct mptcp_sock___part *both = (void *)upper;

	return BPF_CORE_READ(both, first, __sk_common.skc_cookie.counter);
}
