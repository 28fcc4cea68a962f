/* SPDX-License-Identifier: Apache-2.0 */
/* Which processes the kernel's audit does not see: bpf/audit.bpf.c. */
#pragma once

#include "bpf/wire.h"

/*
 * Ask about every process, without a recorder: only this one program is loaded. Needs CAP_BPF and
 * CAP_PERFMON. Returns 0; -ENOTSUP without BTF or the iterator; what the handler says if it is
 * negative; -errno.
 */
int bpf_unaudited(int (*handler)(void *user, const struct wire_unaudited *process), void *user);
