// SPDX-License-Identifier: Apache-2.0
#include "commands/rules_prove.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "capture/audit.h"
#include "capture/audit_plan.h"
#include "capture/audit_rule.h"
#include "correlate/audit_assemble.h"

/*
 * An argument that the call ignores, or refuses, and the record shows, says which rule it was for:
 * descriptors from here on are not in use.
 */
#define TAG        256
#define WAIT_NS    (2 * NS_PER_SECOND)
#define RULES_MOST 512

enum act_kind { ACT_ATTRIBUTE, ACT_CONNECT, ACT_SETNS, ACT_MOUNT, ACT_EXEC, ACT_NONE };

struct act {
	enum act_kind kind;
	bool compat; /* as a program of 32 bits does it */
	char path[PATH_MAX];
};

/* ---- what to do */

static int compat_machine(void)
{
	return audit_detect_machine() == MACH_86_64 ? MACH_X86 : -1;
}

static bool has(const struct audit_rule_data *rule, const char *call, int machine)
{
	return audit_rule_has_call(rule, audit_name_to_syscall(call, machine));
}

static bool is_about_all(const struct audit_rule_data *rule)
{
	return rule->mask[0] == UINT32_MAX && rule->mask[1] == UINT32_MAX;
}

/* Returns NULL, or why it cannot be tried. */
static const char *find_act(const struct audit_rule_data *rule, struct act *act)
{
	struct text path = audit_rule_path(rule);
	int machine = audit_detect_machine();
	struct stat status;

	*act = (struct act){ .kind = ACT_NONE };
	for (uint32_t i = 0; i < rule->field_count; i++)
		if (rule->fields[i] == AUDIT_ARCH)
			act->compat = rule->values[i] != audit_machine_to_elf(machine);
	if (act->compat)
		machine = compat_machine();
	if (machine < 0)
		return "programs of that architecture cannot be tried here";
	snprintf(act->path, sizeof(act->path), "%.*s", (int)path.length, path.data ?: "");
	if (path.length > 0 && lstat(act->path, &status) < 0)
		return "nothing is there yet";
	if (path.length > 0 && audit_rule_permissions(rule) == AUDIT_PERM_EXEC) {
		act->kind = ACT_EXEC;
	} else if (path.length > 0 && is_about_all(rule)) {
		if (!(audit_rule_permissions(rule) & AUDIT_PERM_ATTR))
			return "only a change of attributes can be tried without changing anything";
		act->kind = ACT_ATTRIBUTE;
	} else if (path.length > 0 && has(rule, "connect", machine)) {
		if (!S_ISSOCK(status.st_mode))
			return "no socket is there yet";
		act->kind = ACT_CONNECT;
	} else if (has(rule, "setns", machine)) {
		act->kind = ACT_SETNS;
	} else if (has(rule, "mount", machine)) {
		act->kind = ACT_MOUNT;
	} else {
		return "it is not known how to try this";
	}
	return NULL;
}

/* ---- doing it, in a process of its own */

#ifdef __x86_64__

/* A call of 32 bits; its pointers have to lie below 4 GiB. */
static void call_compat(long call, long a, const void *b, long c, long d)
{
	long result = call;

	__asm__ volatile("int $0x80"
			 : "+a"(result)
			 : "b"(a), "c"(b), "d"(c), "S"(d)
			 : "memory", "r8", "r9", "r10", "r11");
}

static void *low_page(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

	return page == MAP_FAILED ? NULL : page;
}

#else

static void call_compat(long call, long a, const void *b, long c, long d)
{
}

static void *low_page(void)
{
	return NULL;
}

#endif

static void connect_to(const struct act *act, int tag)
{
	struct sockaddr_un *address, here = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), tagged;

	if (strlen(act->path) >= sizeof(here.sun_path) || fd < 0)
		return;
	tagged = dup2(fd, tag);
	address = act->compat ? low_page() : &here;
	if (tagged >= 0 && address) {
		address->sun_family = AF_UNIX;
		memcpy(address->sun_path, act->path, strlen(act->path) + 1);
		if (act->compat)
			call_compat(audit_name_to_syscall("connect", compat_machine()), tagged,
				    address, sizeof(*address), 0);
		else if (connect(tagged, (const struct sockaddr *)address, sizeof(*address)) == 0)
			close(fd); /* of datagrams after all: nobody was sent one */
	}
	if (tagged >= 0)
		close(tagged);
}

static void perform(const struct act *act, int tag)
{
	switch (act->kind) {
	case ACT_ATTRIBUTE:
		/* One that it has not: nothing is changed, nothing opened that somebody runs. */
		syscall(SYS_lremovexattr, act->path, "user.docktrail.none", tag);
		return;
	case ACT_CONNECT:
		connect_to(act, tag);
		return;
	case ACT_SETNS:
		if (act->compat)
			call_compat(audit_name_to_syscall("setns", compat_machine()), tag, NULL, 0,
				    0);
		else
			syscall(SYS_setns, tag, 0);
		return;
	case ACT_MOUNT:
		if (act->compat)
			call_compat(audit_name_to_syscall("mount", compat_machine()), 0, NULL, 0,
				    tag);
		else
			syscall(SYS_mount, NULL, NULL, NULL, tag, NULL);
		return;
	case ACT_EXEC:
		/* What is no program of ours is not run: only rules_prove_exec() comes here. */
		syscall(SYS_execveat, tag, act->path, (char *const[]){ NULL },
			(char *const[]){ NULL }, 0);
		return;
	case ACT_NONE:
		return;
	}
}

/* Returns its pid. Acts of 32 bits have one of their own: a kernel without them ends it. */
static pid_t begin(const struct rules_proof *proofs, size_t count, bool compat)
{
	pid_t child = fork();

	if (child != 0)
		return child < 0 ? -errno : child;
	/* Some rules are about people alone. */
	if (audit_getloginuid() == (uid_t)-1)
		audit_setloginuid(getuid());
	for (size_t i = 0; i < count; i++) {
		struct act act;

		if (proofs[i].rule && !find_act(proofs[i].rule, &act) && act.compat == compat)
			perform(&act, TAG + (int)i);
	}
	_exit(0);
}

/* ---- awaiting the records */

struct waiting {
	struct audit_assembler *assembler;
	struct rules_proof *proofs;
	size_t count, open;
	pid_t children[2];
};

static bool number(const struct audit_record *record, const char *name, int base, int64_t *ret)
{
	return audit_record_number(record, text_of(name), base, ret);
}

/* Which rule a call was made for; -1: none. */
static int64_t tag_of(const struct audit_record *record)
{
	int64_t architecture, call, argument;
	const char *name;
	int machine;

	if (!number(record, "arch", 16, &architecture) || !number(record, "syscall", 10, &call))
		return -1;
	machine = audit_elf_to_machine((unsigned int)architecture);
	name = machine < 0 ? NULL : audit_syscall_to_name((int)call, machine);
	if (!name)
		return -1;
	if (!number(record,
		    strcmp(name, "lremovexattr") == 0 ? "a2"
		    : strcmp(name, "mount") == 0      ? "a3"
						      : "a0",
		    16, &argument))
		return -1;
	return argument - TAG;
}

static void on_event(void *user, const struct audit_event *event)
{
	struct waiting *waiting = user;
	struct rules_proof *proof;
	const struct audit_record *record = &event->records[0];
	struct text key;
	int64_t pid, tag;

	if (event->count == 0 || record->type != AUDIT_SYSCALL ||
	    !number(record, "pid", 10, &pid) ||
	    (pid != waiting->children[0] && pid != waiting->children[1]))
		return;
	tag = tag_of(record);
	if (tag < 0 || (size_t)tag >= waiting->count)
		return;
	proof = &waiting->proofs[tag];
	if (!proof->rule || proof->effect != RULES_SILENT)
		return;
	key = audit_record_field(record, TEXT("key"));
	waiting->open--;
	if (text_equal(key, audit_rule_text(proof->rule, AUDIT_FILTERKEY))) {
		proof->effect = RULES_EFFECTIVE;
		return;
	}
	proof->effect = RULES_OF_OTHER;
	snprintf(proof->key, sizeof(proof->key), "%.*s", (int)key.length, key.data ?: "");
}

static int on_record(void *user, uint32_t type, struct text payload)
{
	struct waiting *waiting = user;
	struct audit_record record;

	/* What is none is nothing that was done here. */
	return audit_record_parse(type, payload, &record) < 0
		       ? 0
		       : audit_assembler_push(waiting->assembler, &record);
}

static void await(struct waiting *waiting, struct audit_source *source)
{
	uint64_t until = clock_boot_ns() + WAIT_NS;

	while (waiting->open > 0 && clock_boot_ns() < until) {
		struct pollfd ready = { .fd = audit_source_fd(source), .events = POLLIN };

		poll(&ready, 1, 50);
		if (audit_source_drain(source, on_record, waiting) < 0)
			break;
	}
	audit_assembler_flush(waiting->assembler, UINT64_MAX);
}

/* Those of an architecture whose programs this kernel does not run. */
static void check_end(struct waiting *waiting, int status)
{
	if (!WIFSIGNALED(status))
		return;
	for (size_t i = 0; i < waiting->count; i++) {
		struct rules_proof *proof = &waiting->proofs[i];
		struct act act;

		if (proof->rule && proof->effect == RULES_SILENT && !find_act(proof->rule, &act) &&
		    act.compat) {
			proof->effect = RULES_UNTRIED;
			proof->why = "this kernel runs no such programs";
			waiting->open--;
		}
	}
}

int rules_prove(struct rules_proof *proofs, size_t count)
{
	struct waiting waiting = { .proofs = proofs, .count = count, .children = { -1, -1 } };
	const struct audit_assembler_options options = { .event = on_event, .user = &waiting };
	struct audit_source *source = NULL;
	int status, r;

	if (count > RULES_MOST)
		return -E2BIG;
	for (size_t i = 0; i < count; i++) {
		struct act act;

		if (!proofs[i].rule)
			continue;
		proofs[i].why = find_act(proofs[i].rule, &act);
		proofs[i].effect = proofs[i].why ? RULES_UNTRIED : RULES_SILENT;
		waiting.open += !proofs[i].why;
	}
	r = audit_assembler_new(&options, &waiting.assembler);
	if (r == 0)
		r = audit_source_open(false, &source);
	for (int compat = 0; r == 0 && compat < 2; compat++) {
		pid_t child = begin(proofs, count, compat);

		if (child < 0) {
			r = child;
			break;
		}
		waiting.children[compat] = child;
		if (waitpid(child, &status, 0) == child && compat)
			check_end(&waiting, status);
	}
	if (source)
		await(&waiting, source);
	audit_source_free(source);
	audit_assembler_free(waiting.assembler);
	return r;
}

/* ---- what is run */

#define CANARY_FOLDER "/run"

static int make_canary(char path[64])
{
	static const char words[] = "docktrail tries whether the kernel's audit sees what is run\n";
	int fd, r;

	snprintf(path, 64, CANARY_FOLDER "/docktrail-canary-XXXXXX");
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = write(fd, words, sizeof(words) - 1) < 0 || fchmod(fd, 0700) < 0 ? -errno : 0;
	close(fd);
	return r;
}

int rules_prove_exec(struct audit_kernel *kernel, struct rules_proof *ret)
{
	_cleanup_free_ struct audit_rule_data *rule = NULL;
	_cleanup_buffer_ struct buffer problem = {};
	char path[64], text[128];
	sigset_t all, before;
	int r;

	/* Whoever ends it in between would leave both behind. */
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	r = make_canary(path);
	if (r < 0) {
		sigprocmask(SIG_SETMASK, &before, NULL);
		return r;
	}
	snprintf(text, sizeof(text), "-w %s -p x -k " AUDIT_PLAN_KEY "canary", path);
	r = audit_rule_parse(text, false, &rule, &problem);
	if (r == 0)
		r = audit_kernel_add(kernel, rule);
	if (r == 0) {
		ret->rule = rule;
		r = rules_prove(ret, 1);
		audit_kernel_delete(kernel, rule);
		ret->rule = NULL;
	} else if (r == -EPERM) {
		*ret = (struct rules_proof){ .why = "the rules are immutable" };
		r = 0;
	}
	unlink(path);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return r;
}
