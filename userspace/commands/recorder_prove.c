// SPDX-License-Identifier: Apache-2.0
/* Whether the hooks are alive: every heartbeat a process of the recorder's own does what they see.
 */
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "commands/prove.h"
#include "commands/recorder.h"

static void say_change(struct recorder *recorder, const struct bpf_hook_state *hook)
{
	char reason[200];

	if (hook->silent)
		snprintf(
			reason, sizeof(reason),
			"the hook %s (%s) was not run by what it has to see: it is detached or disabled, "
			"and what it sees is not recorded",
			hook->hook, hook->purpose);
	else
		snprintf(reason, sizeof(reason), "the hook %s (%s) is run again", hook->hook,
			 hook->purpose);
	recorder_say_degraded(recorder, reason);
	fprintf(stderr, "docktrail: %s\n", reason);
}

static void conclude(struct recorder *recorder, unsigned int done)
{
	const struct bpf_hook_state *hooks;
	size_t count = bpf_source_hooks(recorder->source, &hooks);

	bpf_source_prove_end(recorder->source, done, clock_boot_ns());
	for (size_t i = 0; i < count; i++)
		if (hooks[i].turned)
			say_change(recorder, &hooks[i]);
}

static int on_prover(sd_event_source *child, const siginfo_t *end, void *user)
{
	struct recorder *recorder = user;

	recorder->prover = 0;
	sd_event_source_unref(child);
	/* What was not done proves nothing, for or against a hook. */
	conclude(recorder, end->si_code == CLD_EXITED ? (unsigned int)end->si_status : 0);
	return 0;
}

static int spawn(pid_t *pid)
{
	char program[] = "docktrail", argument[] = PROVE_ARGUMENT;
	char *arguments[] = { program, argument, NULL }, *environment[] = { NULL };
	posix_spawnattr_t attributes;
	sigset_t none;
	int r = posix_spawnattr_init(&attributes);

	if (r != 0)
		return -r;
	sigemptyset(&none);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	r = posix_spawn(pid, "/proc/self/exe", NULL, &attributes, arguments, environment);
	posix_spawnattr_destroy(&attributes);
	return -r;
}

void recorder_prove(struct recorder *recorder)
{
	sd_event_source *child = NULL;
	pid_t pid;
	int r;

	if (recorder->prover)
		return; /* its alarm ends it */
	r = bpf_source_prove_begin(recorder->source);
	if (r == 0) {
		r = spawn(&pid);
		if (r == 0) {
			r = sd_event_add_child(recorder->loop, &child, pid, WEXITED, on_prover,
					       recorder);
			if (r < 0) {
				kill(pid, SIGKILL);
				waitpid(pid, NULL, 0);
			}
		}
		if (r < 0)
			conclude(recorder, 0);
	}
	if (r >= 0)
		recorder->prover = pid;
	else if (!recorder->prove_failed)
		fprintf(stderr, "docktrail: whether the hooks are alive cannot be tried: %s\n",
			strerror(-r));
	recorder->prove_failed = r < 0;
}
