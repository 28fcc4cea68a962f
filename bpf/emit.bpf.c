// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The maps that all groups of probes share, and the licence of the linked object. */
#include "bpf/emit.bpf.h"

char LICENSE[] SEC("license")
= "Dual BSD/GPL";

struct emit_ring ring_state SEC(".maps"), ring_api SEC(".maps")
, ring_noise SEC(".maps");
struct emit_losses losses SEC(".maps");
struct emit_lost_callers lost_callers SEC(".maps");
