// SPDX-License-Identifier: Apache-2.0
#include "correlate/monitor.h"

#include <stdint.h>
#include <string.h>

#include "correlate/process.h"

struct search {
	struct text container;
	struct monitor *found;
	uint16_t inside; /* handle of the container: who is in it may call himself anything */
	bool above;      /* of the monitor: who is next had it begin */
};

static bool is_program(const struct process *process, const char *name)
{
	struct text path = process_executable(process);
	size_t length = strlen(name);

	return path.data && path.length > length && path.data[path.length - length - 1] == '/' &&
	       memcmp(path.data + path.length - length, name, length) == 0;
}

static bool has_two(struct text args, const char *first, const char *second)
{
	bool next = false;
	struct text arg;

	while (process_next_arg(&args, &arg)) {
		if (next && text_equal(arg, text_of(second)))
			return true;
		next = text_equal(arg, text_of(first));
	}
	return false;
}

static void take_exec(struct monitor *monitor, struct text id)
{
	if (monitor->has_exec || !container_id_valid(id))
		return;
	memcpy(monitor->exec_id, id.data, CONTAINER_ID);
	monitor->has_exec = true;
}

/* containerd has runc write the pid of an exec into .../<container>/<exec id>.pid. */
static void read_pid_file(struct text path, const struct search *search)
{
	const size_t most = 2 * CONTAINER_ID + sizeof("//.pid") - 1;
	const char *at = path.data + path.length - most;

	if (path.length <= most || at[0] != '/' || at[1 + CONTAINER_ID] != '/' ||
	    memcmp(at + most - 4, ".pid", 4) != 0 ||
	    !text_equal((struct text){ at + 1, CONTAINER_ID }, search->container))
		return;
	take_exec(search->found, (struct text){ at + 2 + CONTAINER_ID, CONTAINER_ID });
}

static void read_runtime(struct text args, const struct search *search)
{
	struct text arg;
	bool next = false;

	while (process_next_arg(&args, &arg)) {
		if (next)
			read_pid_file(arg, search);
		next = text_equal(arg, TEXT("--pid-file"));
	}
}

/* conmon -c CONTAINER -u CONTAINER-OR-EXEC -n NAME ...: podman(1) begins it so since its 1.0. */
static void read_monitor(struct text args, const struct search *search)
{
	struct text arg, container = {}, unique = {}, name = {}, *value = NULL;

	while (process_next_arg(&args, &arg)) {
		if (value) {
			*value = arg;
			value = NULL;
		} else if (text_equal(arg, TEXT("-c"))) {
			value = &container;
		} else if (text_equal(arg, TEXT("-u"))) {
			value = &unique;
		} else if (text_equal(arg, TEXT("-n"))) {
			value = &name;
		} else if (text_equal(arg, TEXT("--exit-command-arg"))) {
			break; /* behind it stands what podman is to be run with */
		}
	}
	if (container_id_valid(search->container) && !text_equal(container, search->container))
		return;
	search->found->of = MONITOR_ENGINE;
	if (name.length > 0)
		search->found->name = name;
	if (!text_equal(unique, container))
		take_exec(search->found, unique);
}

static void look(void *context, uint32_t pid, const struct process *process)
{
	struct search *search = context;
	struct text args;
	bool cut;

	(void)pid;
	if (!process || search->above || (search->inside && process->container == search->inside))
		return;
	args = process_args(process, &cut);
	if (is_program(process, "conmon")) {
		if (search->found->of == MONITOR_NONE) /* it forks to leave who began it */
			read_monitor(args, search);
	} else if (search->found->of == MONITOR_NONE) {
		read_runtime(args, search);
	} else {
		search->above = true;
		if (is_program(process, "podman") && args.data &&
		    !has_two(args, "system", "service"))
			search->found->of = has_two(args, "container", "cleanup") ? MONITOR_POLICY
										  : MONITOR_BY_HAND;
	}
}

void monitor_read(const struct process_tree *tree, const struct process *process,
		  const char container[WIRE_CONTAINER], struct monitor *ret)
{
	struct search search = { .container = text_within(container, WIRE_CONTAINER),
				 .found = ret,
				 .inside = process ? process->container : 0 };

	*ret = (struct monitor){};
	if (process)
		process_ancestry(tree, process, look, &search);
}
