// SPDX-License-Identifier: Apache-2.0
#include "declare_bed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/cleanup.h"

static void show(struct buffer *out, const char *name, struct text text)
{
	if (!text.data)
		return;
	buffer_printf(out, "%s=", name);
	buffer_append(out, text.data, text.length);
	buffer_append_char(out, ';');
}

static void show_list(struct buffer *out, const char *name, const struct text_list *list)
{
	if (list->count == 0)
		return;
	buffer_printf(out, "%s=", name);
	for (size_t i = 0; i < list->count; i++) {
		buffer_append_string(out, i ? "," : "");
		buffer_append_string(out, text_list_at(list, i).data);
	}
	buffer_append_char(out, ';');
}

void declare_show(struct buffer *out, const struct declared *declared)
{
	static const char *const namespaces[] = { "pid", "net", "ipc", "uts", "userns", "cgroup" };

	show(out, "name", declared->name);
	show(out, "container", declared->container);
	show(out, "image", declared->image);
	show(out, "user", declared->user);
	show_list(out, "command", &declared->command);
	show_list(out, "env", &declared->environment);
	if (declared->privileged >= 0)
		buffer_printf(out, "privileged=%d;", declared->privileged);
	for (size_t i = 0; i < DECLARED_NAMESPACES; i++)
		show(out, namespaces[i], declared->namespaces[i]);
	for (size_t i = 0; i < declared->mount_count; i++) {
		const struct declared_mount *mount = &declared->mounts[i];

		buffer_append_char(out, '<');
		show(out, "type", mount->type);
		show(out, "source", mount->source);
		show(out, "target", mount->target);
		show(out, "mode", mount->mode);
		show(out, "device", mount->device);
		buffer_append_char(out, '>');
	}
	show_list(out, "devices", &declared->devices);
	show_list(out, "rules", &declared->device_rules);
	show_list(out, "add", &declared->capabilities_add);
	show_list(out, "drop", &declared->capabilities_drop);
	show_list(out, "options", &declared->security_options);
	show_list(out, "sysctls", &declared->sysctls);
	show_list(out, "from", &declared->volumes_from);
	show(out, "source", declared->source);
	show(out, "driver", declared->driver);
	show_list(out, "driver options", &declared->driver_options);
	show_list(out, "labels", &declared->labels);
	show_list(out, "ports", &declared->ports);
	show_list(out, "networks", &declared->networks);
	show_list(out, "secrets", &declared->secrets);
	show_list(out, "configs", &declared->configs);
	show_list(out, "privileges", &declared->privileges);
	show_list(out, "healthcheck", &declared->healthcheck);
	show_list(out, "settings", &declared->settings);
	buffer_append_string(out, declared->paths_unmasked ? " unmasked" : "");
	buffer_append_string(out, declared->cut ? " cut" : "");
	buffer_append_string(out, declared->repeated ? " repeated" : "");
	buffer_append_string(out, declared->broken ? " broken" : "");
	buffer_append_string(out, declared->whole ? "" : " part");
	buffer_printf(out, " %u", declare_severity(declared));
}

/* In two pieces, or in pieces of `at` bytes. */
void declare_read_body(enum operation_declares declares, struct text body, size_t at, bool two,
		       struct buffer *out)
{
	const struct declared *declared;
	struct declare *declare;

	assert_int_equal(declare_new(declares, &declare), 0);
	for (size_t i = 0, part; i < body.length; i += part) {
		char *copy;

		part = two && i > 0 ? body.length : at;
		if (part > body.length - i)
			part = body.length - i;
		copy = malloc(part);
		assert_non_null(copy);
		memcpy(copy, body.data + i, part);
		assert_int_equal(declare_feed(declare, copy, part), 0);
		free(copy);
	}
	assert_int_equal(declare_finish(declare, &declared), 0);
	buffer_clear(out);
	declare_show(out, declared);
	declare_free(declare);
}

void declare_expect(enum operation_declares declares, const char *body, const char *expected)
{
	_cleanup_buffer_ struct buffer out = {};

	for (size_t at = 1; at <= strlen(body); at++) {
		declare_read_body(declares, text_of(body), at, true, &out);
		assert_string_equal(buffer_string(&out), expected);
	}
	for (size_t at = 1; at < 4; at++) {
		declare_read_body(declares, text_of(body), at, false, &out);
		assert_string_equal(buffer_string(&out), expected);
	}
}
