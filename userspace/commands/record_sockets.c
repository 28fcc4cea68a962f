// SPDX-License-Identifier: Apache-2.0
#include "commands/record_sockets.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "commands/record_value.h"

static const char *const usual_sockets[] = { "/run/docker.sock", "/var/run/docker.sock" };

/* Not named where they are absent: most hosts have none of them. */
static const char *const usual_patterns[] = {
	"/run/user/*/docker.sock",         "/home/*/.docker/desktop/docker.sock",
	"/home/*/.docker/run/docker.sock", "/run/podman/podman.sock",
	"/run/user/*/podman/podman.sock",
};

static const char *const usual_connects[] = {
	"/run/containerd/containerd.sock",
	"/run/docker/containerd/containerd.sock",
	"/var/run/docker/containerd/containerd.sock",
};

int record_sockets_default(struct record_options *options)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(usual_sockets); i++)
		r = record_value_add(&options->sockets, usual_sockets[i]);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(usual_patterns); i++)
		r = record_value_add(&options->patterns, usual_patterns[i]);
	if (options->connects.count > 0)
		return r;
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(usual_connects); i++)
		r = record_value_add(&options->connects, usual_connects[i]);
	return r;
}

static bool is_pattern(const char *text)
{
	return strpbrk(text, "*?[") != NULL;
}

static int check_last(const char *pattern)
{
	const char *slash = strrchr(pattern, '/');

	if (slash && slash[1] && !is_pattern(slash + 1))
		return 0;
	fprintf(stderr,
		"docktrail: the socket %s: `*`, `?` and `[` may stand for folders, not for the last name\n",
		pattern);
	return -EINVAL;
}

int record_sockets_sort(struct record_options *options)
{
	struct string_list *from = &options->sockets, *to = &options->patterns;
	unsigned int kept = 0;

	for (unsigned int i = 0; i < from->count; i++) {
		char *path = from->items[i];

		if (!is_pattern(path)) {
			from->items[kept++] = path;
			continue;
		}
		if (to->count >= RECORD_LIST_MOST || check_last(path) < 0) {
			/* What was moved already leaves a hole: the rest is still owned by `from`.
			 */
			memmove(&from->items[kept], &from->items[i],
				(from->count - i) * sizeof(*from->items));
			from->count -= i - kept;
			from->items[from->count] = NULL;
			return -EINVAL;
		}
		to->items[to->count++] = path;
	}
	from->count = kept;
	from->items[kept] = NULL;
	for (unsigned int i = 0; i < options->connects.count; i++)
		if (check_last(options->connects.items[i]) < 0)
			return -EINVAL;
	return 0;
}

int record_port_parse(const char *text, uint16_t *ret)
{
	char *end;
	unsigned long port = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || port == 0 || port > 65535)
		return -EINVAL;
	*ret = (uint16_t)port;
	return 0;
}

void record_ports(const struct record_options *options, uint16_t ret[RECORD_LIST_MOST + 1])
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < options->ports.count; i++)
		if (record_port_parse(options->ports.items[i], &ret[count]) == 0)
			count++;
	ret[count] = 0;
}
