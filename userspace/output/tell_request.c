// SPDX-License-Identifier: Apache-2.0
#include <ctype.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "output/quantity.h"
#include "output/tell.h"

#define S(text) (int)(text).length, (text).data ? (text).data : ""

struct text tell_short_id(struct text id)
{
	struct text digits = id;

	if (digits.length == 71 && memcmp(digits.data, "sha256:", 7) == 0) {
		digits.data += 7;
		digits.length -= 7;
	}
	if (digits.length != 64)
		return id;
	for (size_t i = 0; i < digits.length; i++)
		if (!isxdigit((unsigned char)digits.data[i]))
			return id;
	return (struct text){ digits.data, 12 };
}

void tell_operation(const struct record *record, enum style style, struct spans *spans)
{
	struct text operation = record_text(record, FIELD_api_operation);
	struct text query = record_text(record, FIELD_url_query);

	if (operation.length) {
		spans_add(spans, style, 1, operation);
		return;
	}
	spans_add(spans, style, 1, record_text(record, FIELD_http_request_method));
	spans_add(spans, style, 1, record_text(record, FIELD_url_path));
	if (query.length)
		spans_printf(spans, style, 0, "?%.*s", S(query));
	if (spans->count == 0)
		spans_add(spans, style, 1, TEXT("request"));
}

void tell_status(const struct record *record, struct spans *spans)
{
	uint64_t status = record_number(record, FIELD_http_response_status_code);

	if (!record_has(record, FIELD_http_response_status_code))
		return;
	spans_printf(spans,
		     status >= 500   ? STYLE_alarm
		     : status >= 400 ? STYLE_notice
				     : STYLE_good,
		     1, "%" PRIu64, status);
}

/* "ImageCreate busybox" needs no "image"; "ContainerExec" that answers with an exec does. */
static bool type_is_told(const struct record *record, struct text type)
{
	struct text operation = record_text(record, FIELD_api_operation);

	return text_equal(type, TEXT("container")) ||
	       (operation.length >= type.length &&
		strncasecmp(operation.data, type.data, type.length) == 0);
}

void tell_target(const struct record *record, struct spans *spans)
{
	struct text type = record_text(record, FIELD_target_type);
	struct text name = record_text(record, FIELD_target_name);
	struct text id = tell_short_id(record_text(record, FIELD_target_id));
	unsigned int gap = 2;

	struct text short_name = tell_short_id(name);

	/* A client may name a thing by its whole id, and does for an exec. */
	if (short_name.length < name.length) {
		id = id.length ? id : short_name;
		name = (struct text){};
	}
	if (!id.length && !name.length)
		return;
	if (type.length && !type_is_told(record, type)) {
		spans_add(spans, STYLE_plain, gap, type);
		gap = 1;
	}
	if (id.length) {
		spans_add(spans, STYLE_id, gap, id);
		gap = 2;
	}
	if (name.length && !text_equal(name, record_text(record, FIELD_target_id)))
		spans_printf(spans, STYLE_plain, gap, "\"%.*s\"", S(name));
}

static bool gives_away(struct text mode)
{
	return text_equal(mode, TEXT("host")) ||
	       (mode.length > 10 && memcmp(mode.data, "container:", 10) == 0);
}

static void tell_namespaces(const struct record *record, struct spans *spans)
{
	static const struct {
		enum field field;
		const char *name;
	} namespaces[] = {
		{ FIELD_declared_namespaces_pid, "pid" },
		{ FIELD_declared_namespaces_net, "net" },
		{ FIELD_declared_namespaces_ipc, "ipc" },
		{ FIELD_declared_namespaces_uts, "uts" },
		{ FIELD_declared_namespaces_user, "user" },
		{ FIELD_declared_namespaces_cgroup, "cgroup" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(namespaces); i++) {
		struct text mode = record_text(record, namespaces[i].field);

		if (!gives_away(mode))
			continue;
		if (text_equal(mode, TEXT("host"))) {
			spans_printf(spans, STYLE_alarm, 2, "%s=host", namespaces[i].name);
			continue;
		}
		mode = tell_short_id((struct text){ mode.data + 10, mode.length - 10 });
		spans_printf(spans, STYLE_notice, 2, "%s=container:%.*s", namespaces[i].name,
			     S(mode));
	}
}

/* Whoever has it has the host. */
static bool is_engine_socket(const struct record *record, struct text path)
{
	static const char *const names[] = { "docker.sock", "containerd.sock", "podman.sock",
					     "crio.sock", "docker-raw.sock" };
	const char *slash = path.length ? memrchr(path.data, '/', path.length) : NULL;
	struct text name = path;

	if (!slash)
		return false;
	name.data = slash + 1;
	name.length -= (size_t)(slash + 1 - path.data);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (text_equal(name, text_of(names[i])))
			return true;
	return text_equal(path, record_text(record, FIELD_socket_path));
}

static void tell_mounts(const struct record *record, struct spans *spans)
{
	size_t count = record_has(record, FIELD_declared_mounts_target)
			       ? record->values[FIELD_declared_mounts_target].list.count
			       : 0;

	for (size_t i = 0; i < count; i++) {
		struct text type = record_item(record, FIELD_declared_mounts_type, i);
		struct text source = record_item(record, FIELD_declared_mounts_source, i);
		struct text target = record_item(record, FIELD_declared_mounts_target, i);
		struct text mode = record_item(record, FIELD_declared_mounts_mode, i);
		bool bind = !type.length || text_equal(type, TEXT("bind"));
		enum style style = bind && is_engine_socket(record, source) ? STYLE_alarm
				   : bind                                   ? STYLE_notice
									    : STYLE_plain;

		/* Of a volume that is made its driver's options tell. */
		if (text_equal(type, TEXT("tmpfs")) || !target.length)
			continue;
		spans_add(spans, style, 2, bind ? TEXT("mount") : type);
		spans_add(spans, style, 1, source);
		spans_add(spans, style, 1, TEXT("->"));
		spans_add(spans, style, 1, target);
		if (mode.length && !text_equal(mode, TEXT("rw")))
			spans_printf(spans, style, 1, "(%.*s)", S(mode));
	}
}

static void tell_each(const struct record *record, enum field field, enum style style,
		      const char *before, struct spans *spans)
{
	const struct value *value = &record->values[field];

	if (!record_has(record, field))
		return;
	for (size_t i = 0; i < value->list.count; i++) {
		spans_add(spans, style, 2, text_of(before));
		spans_add(spans, style, *before ? 0 : 2, value->list.items[i]);
	}
}

/* That a container joins the network which everyone joins says nothing. */
static void tell_networks(const struct record *record, struct spans *spans)
{
	static const char *const usual[] = { "default", "bridge", "none" };
	const struct value *networks = &record->values[FIELD_declared_networks];
	struct text mode = record_text(record, FIELD_declared_namespaces_net);

	if (!record_has(record, FIELD_declared_networks))
		return;
	for (size_t i = 0; i < networks->list.count; i++) {
		struct text name = networks->list.items[i];
		/* Told as net=host. */
		bool told = text_equal(name, TEXT("host")) && text_equal(mode, name);

		for (size_t j = 0; !told && j < ARRAY_SIZE(usual); j++)
			told = text_equal(name, text_of(usual[j]));
		if (!told)
			spans_printf(spans,
				     text_equal(name, TEXT("host")) ? STYLE_alarm : STYLE_plain, 2,
				     "network %.*s", S(name));
	}
}

/* What takes rights away from nobody: where things come from and go to, by which names. */
static void tell_surroundings(const struct record *record, struct spans *spans)
{
	static const struct {
		enum field field;
		const char *before;
	} lists[] = {
		{ FIELD_declared_volumes_from, "volumes from " },
		{ FIELD_declared_ports, "port " },
		{ FIELD_declared_secrets, "secret " },
		{ FIELD_declared_configs, "config " },
	};
	struct text container = record_text(record, FIELD_declared_container);
	struct text source = record_text(record, FIELD_declared_source);
	struct text driver = record_text(record, FIELD_declared_driver);

	if (container.length)
		spans_printf(spans, STYLE_plain, 2, "container %.*s", S(tell_short_id(container)));
	if (source.length)
		spans_printf(spans, STYLE_plain, 2, "from %.*s", S(source));
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		tell_each(record, lists[i].field, STYLE_plain, lists[i].before, spans);
	tell_networks(record, spans);
	if (driver.length)
		spans_printf(spans, STYLE_plain, 2, "driver %.*s", S(driver));
	tell_each(record, FIELD_declared_driver_options, STYLE_plain, "", spans);
}

/* "Memory=67108864", which nobody reads. */
static bool tell_memory(struct text setting, struct spans *spans)
{
	char amount[QUANTITY_MOST];
	uint64_t bytes = 0;

	if (setting.length <= 7 || memcmp(setting.data, "Memory=", 7) != 0)
		return false;
	for (size_t i = 7; i < setting.length; i++) {
		uint64_t digit = (uint64_t)setting.data[i] - '0';

		if (digit > 9 || __builtin_mul_overflow(bytes, 10, &bytes) ||
		    __builtin_add_overflow(bytes, digit, &bytes))
			return false;
	}
	spans_printf(spans, STYLE_plain, 2, "memory %s", quantity_bytes(bytes, amount));
	return true;
}

/* Of a container and an exec the trail has them: their command line mostly tells the same. */
static void tell_settings(const struct record *record, struct spans *spans)
{
	const struct value *settings = &record->values[FIELD_declared_settings];
	bool few = tell_is(record, FIELD_api_operation, TEXT("ContainerCreate")) ||
		   tell_is(record, FIELD_api_operation, TEXT("ContainerExec"));

	if (!record_has(record, FIELD_declared_settings))
		return;
	for (size_t i = 0; i < settings->list.count; i++) {
		struct text setting = settings->list.items[i];

		if (text_equal(setting, TEXT("MaskedPaths=")) ||
		    text_equal(setting, TEXT("ReadonlyPaths=")))
			spans_printf(spans, STYLE_alarm, 2, "no %.*s", (int)setting.length - 1,
				     setting.data);
		else if (!tell_memory(setting, spans) && !few)
			spans_add(spans, STYLE_plain, 2, setting);
	}
}

static bool is_true(const struct record *record, enum field field)
{
	return record_has(record, field) && record->values[field].boolean;
}

static void tell_security(const struct record *record, struct spans *spans)
{
	const struct value *options = &record->values[FIELD_declared_security_options];

	if (!record_has(record, FIELD_declared_security_options))
		return;
	for (size_t i = 0; i < options->list.count; i++) {
		struct text option = options->list.items[i];

		/* The one that takes rights away; it comes with and without a value. */
		if (option.length >= 17 && memcmp(option.data, "no-new-privileges", 17) == 0)
			continue;
		spans_add(spans, STYLE_alarm, 2, option);
	}
}

/* The words of a `docker run` already stand in its command line; those of an API client do not. */
static bool command_is_told(const struct record *record)
{
	const struct value *args = &record->values[FIELD_process_args];
	const struct value *command = &record->values[FIELD_declared_command];
	size_t words = command->list.count;

	if (!record_has(record, FIELD_process_args) || args->list.count < words)
		return false;
	for (size_t i = 0; i < words; i++)
		if (!text_equal(args->list.items[args->list.count - words + i],
				command->list.items[i]))
			return false;
	return true;
}

static void tell_declared_command(const struct record *record, struct spans *spans)
{
	const struct value *command = &record->values[FIELD_declared_command];

	if (!record_has(record, FIELD_declared_command) || command->list.count == 0 ||
	    command_is_told(record))
		return;
	spans_add(spans, STYLE_dim, 2, TEXT("runs"));
	for (size_t i = 0; i < command->list.count; i++)
		spans_add_argument(spans, STYLE_plain, 1, command->list.items[i]);
}

void tell_declared(const struct record *record, struct spans *spans)
{
	struct text user = record_text(record, FIELD_declared_user);
	struct text image = record_text(record, FIELD_declared_image);

	/* Of an image that is made, its name is the target's. */
	if (!tell_is(record, FIELD_target_type, TEXT("image")) ||
	    !text_equal(image, record_text(record, FIELD_target_name)))
		spans_add(spans, STYLE_plain, 2, image);
	if (is_true(record, FIELD_declared_privileged))
		spans_add(spans, STYLE_alarm, 2, TEXT("privileged"));
	tell_namespaces(record, spans);
	tell_mounts(record, spans);
	tell_each(record, FIELD_declared_capabilities_add, STYLE_alarm, "+", spans);
	tell_each(record, FIELD_declared_devices, STYLE_alarm, "device ", spans);
	tell_security(record, spans);
	tell_each(record, FIELD_declared_sysctls, STYLE_alarm, "sysctl ", spans);
	tell_each(record, FIELD_declared_privileges, STYLE_alarm, "grants ", spans);
	if (user.length)
		spans_printf(spans, STYLE_plain, 2, "user %.*s", S(user));
	tell_surroundings(record, spans);
	tell_settings(record, spans);
	tell_declared_command(record, spans);
	if (is_true(record, FIELD_declared_repeated))
		spans_add(spans, STYLE_alarm, 2, TEXT("its body has a name twice"));
	if (is_true(record, FIELD_declared_cut))
		spans_add(spans, STYLE_notice, 2, TEXT("not all that it declared is kept"));
}
