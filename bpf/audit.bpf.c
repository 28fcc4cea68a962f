// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The kernel's other witness, as far as BPF can see where it is blind. */
#include "bpf/kernels.bpf.h"
#include "bpf/wire.h"

/*
 * audit_alloc() gives a task its context when it is forked, once audit was ever enabled and unless
 * a rule of the task list says never. Who has none is in no record of its system calls, whatever is
 * enabled later. Threads have one each: that of the first one tells when the process began.
 */
SEC("iter/task")
int unaudited_look(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct wire_unaudited found = {};

	if (!task || task->pid != task->tgid || !task->mm || task_has_audit(task))
		return 0;
	found.pid = task->tgid;
	BPF_CORE_READ_STR_INTO(&found.name, task, comm);
	bpf_seq_write(ctx->meta->seq, &found, sizeof(found));
	return 0;
}
