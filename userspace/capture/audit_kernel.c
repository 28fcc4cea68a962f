// SPDX-License-Identifier: Apache-2.0
#include "capture/audit_kernel.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "capture/audit_rule.h"

#define ANSWER_MS     1000
#define RULES_AT_MOST 65536 /* more are not read: a list of rules is no stream */

struct audit_kernel {
	int fd;
	struct audit_reply reply; /* 9 KB: not for a stack */
};

int audit_kernel_open(struct audit_kernel **ret)
{
	struct audit_kernel *kernel = calloc(1, sizeof(*kernel));

	if (!kernel)
		return -ENOMEM;
	set_aumessage_mode(MSG_QUIET, DBG_NO);
	kernel->fd = audit_open();
	if (kernel->fd < 0) {
		int r = errno == EPROTONOSUPPORT || errno == EAFNOSUPPORT ? -ENOTSUP : -errno;

		free(kernel);
		return r;
	}
	*ret = kernel;
	return 0;
}

void audit_kernel_close(struct audit_kernel *kernel)
{
	if (!kernel)
		return;
	audit_close(kernel->fd);
	free(kernel);
}

/* The next message that answers request number `sequence`; its errors are returned. An answer may
 * come so late that nobody waits for it any more. */
static int next_reply(struct audit_kernel *kernel, int sequence)
{
	for (;;) {
		struct pollfd ready = { .fd = kernel->fd, .events = POLLIN };
		int r = poll(&ready, 1, ANSWER_MS);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return r < 0 ? -errno : -ETIME;
		r = audit_get_reply(kernel->fd, &kernel->reply, GET_REPLY_NONBLOCKING, 0);
		if (r == -EAGAIN || r == -EINTR)
			continue;
		if (r < 0)
			return r;
		if (kernel->reply.nlh->nlmsg_seq != (uint32_t)sequence)
			continue;
		if (kernel->reply.type != NLMSG_ERROR)
			return 0;
		if (kernel->reply.error && kernel->reply.error->error)
			return kernel->reply.error->error;
	}
}

int audit_kernel_status(struct audit_kernel *kernel, struct audit_status *ret)
{
	int sequence = audit_request_status(kernel->fd), r = sequence;

	while (r >= 0) {
		r = next_reply(kernel, sequence);
		if (r == 0 && kernel->reply.type == AUDIT_GET) {
			size_t length = (size_t)kernel->reply.len;

			/* It has grown from version to version: what an old kernel does not know is
			 * zero. */
			*ret = (struct audit_status){};
			memcpy(ret, kernel->reply.status,
			       length < sizeof(*ret) ? length : sizeof(*ret));
			return 0;
		}
	}
	return r;
}

static int take_rule(struct audit_kernel *kernel, struct audit_kernel_rules *rules)
{
	const struct audit_rule_data *rule = kernel->reply.ruledata;
	size_t length = (size_t)kernel->reply.len;
	struct audit_rule_data **items, *copy;

	if (length < sizeof(*rule) || rule->buflen > length - sizeof(*rule) ||
	    rule->field_count > AUDIT_MAX_FIELDS)
		return -EBADMSG;
	if (rules->count == RULES_AT_MOST)
		return -E2BIG;
	items = reallocarray(rules->items, rules->count + 1, sizeof(*items));
	if (!items)
		return -ENOMEM;
	rules->items = items;
	copy = malloc(sizeof(*rule) + rule->buflen + 1);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, rule, sizeof(*rule) + rule->buflen);
	copy->buf[rule->buflen] = '\0';
	items[rules->count++] = copy;
	return 0;
}

int audit_kernel_rules(struct audit_kernel *kernel, struct audit_kernel_rules *ret)
{
	struct audit_kernel_rules rules = {};
	int sequence = audit_request_rules_list_data(kernel->fd), r = sequence;

	while (r >= 0) {
		r = next_reply(kernel, sequence);
		if (r == 0 && kernel->reply.type == NLMSG_DONE) {
			*ret = rules;
			return 0;
		}
		if (r == 0 && kernel->reply.type == AUDIT_LIST_RULES)
			r = take_rule(kernel, &rules);
	}
	audit_kernel_rules_free(&rules);
	return r;
}

void audit_kernel_rules_free(struct audit_kernel_rules *rules)
{
	for (size_t i = 0; i < rules->count; i++)
		free(rules->items[i]);
	free(rules->items);
	*rules = (struct audit_kernel_rules){};
}

/* libaudit takes what it changes in nothing by a pointer that is not const. */
static struct audit_rule_data *plain(const struct audit_rule_data *rule)
{
	return (struct audit_rule_data *)(uintptr_t)rule;
}

int audit_kernel_add(struct audit_kernel *kernel, const struct audit_rule_data *rule)
{
	int r = audit_add_rule_data(kernel->fd, plain(rule), (int)rule->flags, (int)rule->action);

	return r < 0 ? r : 0;
}

int audit_kernel_delete(struct audit_kernel *kernel, const struct audit_rule_data *rule)
{
	int r = audit_delete_rule_data(kernel->fd, plain(rule), (int)rule->flags,
				       (int)rule->action);

	return r < 0 ? r : 0;
}

int audit_kernel_enable(struct audit_kernel *kernel)
{
	int r = audit_set_enabled(kernel->fd, AUDIT_ON);

	return r < 0 ? r : 0;
}
