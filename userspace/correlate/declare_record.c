// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "correlate/declare.h"
#include "correlate/redact.h"
#include "event/record.h"

static void set_if_any(struct record *record, enum field field, struct text text)
{
	if (text.length > 0)
		record_set_text(record, field, text);
}

static void add_list(struct record *record, enum field field, const struct text_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		record_add_text(record, field, text_list_at(list, i));
}

static void add_command(const struct redact *redact, enum field field, struct text image,
			const struct text_list *command, struct record *record)
{
	_cleanup_text_list_ struct text_list masked = {};

	if (command->count == 0)
		return;
	if (redact_command(redact, image, command, &masked) < 0)
		record->error = -ENOMEM;
	add_list(record, field, &masked);
}

/* A text in which a client may have put a secret where none belongs. */
static void add_masked(const struct redact *redact, enum field field, struct text text,
		       struct record *record)
{
	_cleanup_buffer_ struct buffer masked = {};

	if (!text.data) {
		record_add_text(record, field, text);
		return;
	}
	redact_text(redact, text, false, &masked);
	if (!buffer_string(&masked))
		record->error = -ENOMEM;
	else
		record_add_text(record, field, (struct text){ masked.data, masked.length });
}

static void add_masked_list(const struct redact *redact, enum field field,
			    const struct text_list *list, struct record *record)
{
	for (size_t i = 0; i < list->count; i++)
		add_masked(redact, field, text_list_at(list, i), record);
}

/* As the engine understands them, and container-start tells them: whoever asks for SYS_ADMIN finds
 * cap_sys_admin too. */
static void add_capabilities(enum field field, const struct text_list *list, struct record *record)
{
	for (size_t i = 0; i < list->count; i++) {
		struct text written = text_list_at(list, i);
		char name[DECLARE_CAPABILITY], whole[DECLARE_CAPABILITY + 4];

		if (!declare_capability(written, name) || strcmp(name, "ALL") == 0) {
			record_add_text(record, field,
					strcmp(name, "ALL") == 0 ? TEXT("ALL") : written);
			continue;
		}
		snprintf(whole, sizeof(whole), "CAP_%s", name);
		record_add_text(record, field, text_of(whole));
	}
}

static void fill_mounts(const struct declared *declared, const struct redact *redact,
			struct record *record)
{
	for (size_t i = 0; i < declared->mount_count; i++) {
		const struct declared_mount *mount = &declared->mounts[i];

		record_add_text(record, FIELD_declared_mounts_type, mount->type);
		add_masked(redact, FIELD_declared_mounts_source,
			   mount->source.data ? mount->source : mount->device, record);
		record_add_text(record, FIELD_declared_mounts_target, mount->target);
		add_masked(redact, FIELD_declared_mounts_mode, mount->mode, record);
	}
}

static void fill_namespaces(const struct declared *declared, struct record *record)
{
	static const enum field namespaces[DECLARED_NAMESPACES] = {
		[DECLARED_PID] = FIELD_declared_namespaces_pid,
		[DECLARED_NET] = FIELD_declared_namespaces_net,
		[DECLARED_IPC] = FIELD_declared_namespaces_ipc,
		[DECLARED_UTS] = FIELD_declared_namespaces_uts,
		[DECLARED_USER] = FIELD_declared_namespaces_user,
		[DECLARED_CGROUP] = FIELD_declared_namespaces_cgroup,
	};

	for (int i = 0; i < DECLARED_NAMESPACES; i++)
		set_if_any(record, namespaces[i], declared->namespaces[i]);
}

void declare_fill(const struct declared *declared, const struct redact *redact,
		  struct record *record)
{
	struct text image = declared->image;
	const struct {
		enum field field;
		const struct text_list *list;
		bool masked; /* by the patterns for text */
	} lists[] = {
		{ FIELD_declared_environment, &declared->environment, false },
		{ FIELD_declared_volumes_from, &declared->volumes_from, false },
		{ FIELD_declared_devices, &declared->devices, false },
		{ FIELD_declared_devices, &declared->device_rules, false },
		{ FIELD_declared_security_options, &declared->security_options, true },
		{ FIELD_declared_sysctls, &declared->sysctls, true },
		{ FIELD_declared_ports, &declared->ports, false },
		{ FIELD_declared_networks, &declared->networks, false },
		{ FIELD_declared_driver_options, &declared->driver_options, true },
		{ FIELD_declared_labels, &declared->labels, false },
		{ FIELD_declared_secrets, &declared->secrets, false },
		{ FIELD_declared_configs, &declared->configs, false },
		{ FIELD_declared_privileges, &declared->privileges, true },
		{ FIELD_declared_settings, &declared->settings, true },
	};

	/* It comes behind the command: where a body was cut it may have been any. */
	if (image.length == 0 || declared->cut || declared->broken)
		image = TEXT("vault");
	set_if_any(record, FIELD_declared_image, declared->image);
	set_if_any(record, FIELD_declared_source, declared->source);
	set_if_any(record, FIELD_declared_container, declared->container);
	set_if_any(record, FIELD_declared_user, declared->user);
	set_if_any(record, FIELD_declared_driver, declared->driver);
	add_command(redact, FIELD_declared_command, image, &declared->command, record);
	add_command(redact, FIELD_declared_healthcheck, TEXT(""), &declared->healthcheck, record);
	if (declared->privileged >= 0)
		record_set_boolean(record, FIELD_declared_privileged, declared->privileged);
	fill_namespaces(declared, record);
	add_capabilities(FIELD_declared_capabilities_add, &declared->capabilities_add, record);
	add_capabilities(FIELD_declared_capabilities_drop, &declared->capabilities_drop, record);
	fill_mounts(declared, redact, record);
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		if (lists[i].masked)
			add_masked_list(redact, lists[i].field, lists[i].list, record);
		else
			add_list(record, lists[i].field, lists[i].list);
	if (declared->cut || declared->broken)
		record_set_boolean(record, FIELD_declared_cut, true);
	if (declared->broken && !record_has(record, FIELD_api_reason))
		record_set_string(record, FIELD_api_reason, "its body is not JSON");
	if (declared->repeated)
		record_set_boolean(record, FIELD_declared_repeated, true);
	record_raise_severity(record, declare_severity(declared));
}
