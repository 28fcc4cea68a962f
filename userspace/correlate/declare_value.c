// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "correlate/declare_private.h"

#define MOST_OPTION_BYTES 256 /* of a security option; a longer one is a profile */
#define MOST_NAME_BYTES   256 /* of an environment variable */

/* The fields of a host at the top of a create count only where there is no HostConfig. */
static struct host *host_of(struct declare *declare)
{
	for (unsigned i = declare->depth; i > 0; i--)
		if (declare->frames[i].context == CONTEXT_HOST)
			return &declare->inner;
	return declare->frames[1].context == CONTEXT_CONTAINER ? &declare->top : &declare->inner;
}

void *declare_place(struct declare *declare, const struct row *row)
{
	switch (row->where) {
	case IN_DECLARED:
		return (char *)&declare->declared + row->offset;
	case IN_HOST:
		return (char *)host_of(declare) + row->offset;
	case IN_ELEMENT:
		return (char *)&declare->element + row->offset;
	default:
		return (char *)declare + row->offset;
	}
}

void declare_clear_element(struct element *element)
{
	struct text *const texts[] = { &element->type,    &element->source,
				       &element->target,  &element->driver,
				       &element->device,  &element->filesystem,
				       &element->options, &element->propagation,
				       &element->protocol };

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		declare_clear_text(texts[i]);
	text_list_clear(&element->values);
	text_list_clear(&element->capabilities);
	element->read_only = -1;
}

static void clear_mounts(struct host *host)
{
	for (size_t i = 0; i < host->mount_count; i++)
		declare_clear_mount(&host->mounts[i]);
	host->mount_count = 0;
	host->mounts_cut = false;
}

void declare_clear_row(struct declare *declare, const struct row *row)
{
	switch (row->keep) {
	case KEEP_KEYS:
	case KEEP_LENGTHS:
		/* With a label they share a list with others. */
		if (row->label)
			break;
		/* fall through */
	case KEEP_LIST:
	case KEEP_OPTIONS:
	case KEEP_NAMES:
	case KEEP_PAIRS:
	case KEEP_NETWORK_OPTIONS:
	case KEEP_PORTS:
		text_list_clear(declare_place(declare, row));
		break;
	case KEEP_OBJECTS:
		if (row->next == CONTEXT_MOUNT)
			clear_mounts(host_of(declare));
		else
			text_list_clear(declare_place(declare, row));
		break;
	case KEEP_VOLUME_OPTIONS:
		declare_clear_text(&declare->element.device);
		declare_clear_text(&declare->element.filesystem);
		declare_clear_text(&declare->element.options);
		break;
	case KEEP_EMPTY:
		*(bool *)declare_place(declare, row) = false;
		break;
	case KEEP_OBJECT:
		if (row->next == CONTEXT_HOST)
			declare_clear_host(&declare->inner);
		break;
	default:
		break;
	}
}

static int append_pair(struct text_list *list, struct text name, struct text value)
{
	_cleanup_buffer_ struct buffer pair = {};

	buffer_append(&pair, name.data, name.length);
	buffer_append_char(&pair, '=');
	buffer_append(&pair, value.data, value.length);
	return pair.error ?: text_list_append(list, (struct text){ pair.data, pair.length });
}

static int append_length(struct text_list *list, struct text name, size_t length)
{
	_cleanup_buffer_ struct buffer mask = {};

	declare_mask(&mask, length);
	return mask.error ?: append_pair(list, name, (struct text){ mask.data, mask.length });
}

/* What encoding/json has anyway where a field is absent says nothing, unless the field is a pointer
 * and something was set before. */
static bool zero_counts(const struct declare *declare, const struct row *row)
{
	return row->keep == KEEP_LIMIT && declare->frames[1].context == CONTEXT_HOST;
}

static int take_setting(struct declare *declare, const struct row *row, enum json_event event)
{
	struct text_list *list = declare_place(declare, row);
	struct text name = text_of(row->label ?: row->name), value = declare->json.text;

	if (event == JSON_TRUE)
		return append_pair(list, name, TEXT("true"));
	if ((event != JSON_STRING && event != JSON_NUMBER) || value.length == 0 ||
	    (event == JSON_NUMBER && text_equal(value, TEXT("0")) && !zero_counts(declare, row)))
		return 0;
	if (row->keep == KEEP_LENGTH)
		return append_length(list, name, declare->json.text_length);
	declare->declared.cut |= declare->json.text_cut;
	return append_pair(list, name, value);
}

static int append_option(struct declare *declare, struct text_list *list, struct text option)
{
	size_t length = declare->json.text_length, name = 0;
	char whole[80];

	/* A client reads the file of a profile and sends what is in it. */
	if (length <= MOST_OPTION_BYTES && !(length && memchr(option.data, '{', option.length)))
		return text_list_append(list, option);
	while (name < 32 && name < option.length && !strchr("=:{", option.data[name]))
		name++;
	if (name < option.length && option.data[name] != '{')
		length--;
	snprintf(whole, sizeof(whole), "%.*s=[profile len=%zu]", (int)name, option.data,
		 length - name);
	return text_list_append(list, text_of(whole));
}

static int append_name(struct text_list *list, struct text pair)
{
	const char *equals = pair.length ? memchr(pair.data, '=', pair.length) : NULL;

	if (equals)
		pair.length = (size_t)(equals - pair.data);
	/* Without '=' it is a name to be taken from somewhere, unless it is none. */
	if (pair.length > MOST_NAME_BYTES) {
		pair.length = MOST_NAME_BYTES;
		list->cut |= !equals;
		return 0;
	}
	return text_list_append(list, pair);
}

static int take_string(struct declare *declare, const struct row *row, bool element)
{
	struct text text = declare->json.text;
	void *place = declare_place(declare, row);

	/* Of variables only the name is kept, of profiles the length. */
	declare->declared.cut |= declare->json.text_cut && row->keep != KEEP_NAMES &&
				 row->keep != KEEP_OPTIONS && row->keep != KEEP_PLUGIN_SETTING;
	switch (row->keep) {
	case KEEP_TEXT:
	case KEEP_NUMBER:
		return element ? 0 : declare_set_text(place, text);
	case KEEP_LIST:
	case KEEP_OPTIONS:
		if (!element)
			text_list_clear(place);
		return row->keep == KEEP_LIST ? text_list_append(place, text)
					      : append_option(declare, place, text);
	case KEEP_ITEM:
		return element ? 0 : text_list_append(place, text);
	case KEEP_NAMES:
		return element ? append_name(place, text) : 0;
	case KEEP_PLUGIN_SETTING:
		return element ? declare_plugin_setting(&declare->declared, text,
							declare->json.text_length)
			       : 0;
	default:
		return 0;
	}
}

int declare_take_scalar(struct declare *declare, enum json_event event)
{
	struct frame *frame = declare_frame(declare);
	bool element = frame->context == CONTEXT_ELEMENTS;
	const struct row *row = declare_row(element ? frame->row : declare->row);

	if (!row)
		return 0;
	if (row->keep == KEEP_SETTING || row->keep == KEEP_LIMIT || row->keep == KEEP_LENGTH)
		return take_setting(declare, row, event);
	if (element && row->keep == KEEP_EMPTY)
		*(bool *)declare_place(declare, row) = false;
	if (event == JSON_STRING || (event == JSON_NUMBER && row->keep == KEEP_NUMBER))
		return take_string(declare, row, element);
	if (row->keep == KEEP_FLAG && !element && (event == JSON_TRUE || event == JSON_FALSE))
		*(signed char *)declare_place(declare, row) = event == JSON_TRUE;
	if (row->keep == KEEP_WORD && event == JSON_TRUE)
		return text_list_append(declare_place(declare, row), text_of(row->label));
	if (event == JSON_NULL && !element)
		declare_clear_row(declare, row);
	return 0;
}

/* Until the driver is known, and it may come last, these wait in the element. */
static int take_volume_option(struct declare *declare, struct text_list *list, struct text name)
{
	struct element *element = &declare->element;
	struct text *text = text_equal(name, TEXT("device")) ? &element->device
			    : text_equal(name, TEXT("type")) ? &element->filesystem
			    : text_equal(name, TEXT("o"))    ? &element->options
							     : NULL;

	if (!text)
		return append_length(list, name, declare->json.text_length);
	declare->declared.cut |= declare->json.text_cut;
	return declare_set_text(text, declare->json.text);
}

int declare_take_map_value(struct declare *declare, const struct row *row, enum json_event event)
{
	struct text name = { declare->key.data, declare->key.length }, value = {};
	struct text_list *list = declare_place(declare, row);
	_cleanup_buffer_ struct buffer labelled = {};
	bool plain = row->keep == KEEP_PAIRS ||
		     (row->keep == KEEP_NETWORK_OPTIONS && declare_is_network_option(name));

	if (declare->key.error)
		return declare->key.error;
	if (row->keep == KEEP_PORTS)
		return 0;
	if (row->keep == KEEP_VOLUME_OPTIONS)
		return event == JSON_STRING ? take_volume_option(declare, list, name) : 0;
	if (row->label) {
		buffer_printf(&labelled, "%s%s", row->label, row->keep == KEEP_KEYS ? "=" : "");
		buffer_append(&labelled, name.data, name.length);
		if (labelled.error)
			return labelled.error;
		name = (struct text){ labelled.data, labelled.length };
	}
	if (row->keep == KEEP_KEYS)
		return text_list_append(list, name);
	if (event == JSON_STRING)
		value = declare->json.text;
	if (!plain)
		return append_length(list, name, value.data ? declare->json.text_length : 0);
	declare->declared.cut |= value.data && declare->json.text_cut;
	return append_pair(list, name, value);
}

/* "base:value" or "base=value" for each, base alone where there are none. */
static int append_each(struct text_list *list, struct text base, char between,
		       const struct text_list *values)
{
	int r = values->count == 0 ? text_list_append(list, base) : 0;

	for (size_t i = 0; r == 0 && i < values->count; i++) {
		_cleanup_buffer_ struct buffer text = {};
		struct text value = text_list_at(values, i);

		buffer_append(&text, base.data, base.length);
		buffer_append_char(&text, between);
		buffer_append(&text, value.data, value.length);
		r = text.error ?: text_list_append(list, (struct text){ text.data, text.length });
	}
	list->cut |= values->cut;
	return r;
}

/* A request for devices: "driver:id", or what the driver has to be able to do. */
static int end_device_request(struct element *element, struct text_list *list)
{
	struct text base = element->driver;

	if (base.length == 0)
		base = element->capabilities.count ? text_list_at(&element->capabilities, 0)
						   : TEXT("any");
	return append_each(list, base, ':', &element->values);
}

/* "address:port:port/protocol", as `docker run -p` has it. */
static int end_port(struct declare *declare, struct text_list *list, bool service)
{
	struct element *element = &declare->element;
	struct text inside = { declare->key.data, declare->key.length };
	struct text address = element->source, outside = element->target;
	_cleanup_buffer_ struct buffer port = {};
	bool bracket;

	if (service) {
		inside = element->target;
		outside = element->source;
		address.length = 0;
	}
	bracket = address.length && memchr(address.data, ':', address.length);
	if (address.length > 0)
		buffer_printf(&port, "%s%.*s%s:", bracket ? "[" : "", (int)address.length,
			      address.data, bracket ? "]" : "");
	buffer_append(&port, outside.data, outside.length);
	buffer_append_char(&port, ':');
	buffer_append(&port, inside.data, inside.length);
	if (service)
		buffer_printf(&port, "/%s",
			      element->protocol.length ? element->protocol.data : "tcp");
	return port.error ?: text_list_append(list, (struct text){ port.data, port.length });
}

static int mount_mode(const struct element *element, struct buffer *mode)
{
	if (element->read_only == 1)
		buffer_append_string(mode, "ro");
	if (element->propagation.length > 0) {
		buffer_append_string(mode, mode->length ? "," : "");
		buffer_append(mode, element->propagation.data, element->propagation.length);
	}
	if (element->options.length > 0) {
		buffer_append_string(mode, mode->length ? "," : "");
		declare_mount_options(element->options, mode);
	}
	return mode->error;
}

static int end_mount(struct declare *declare)
{
	struct element *element = &declare->element;
	struct host *host = host_of(declare);
	_cleanup_buffer_ struct buffer mode = {};
	struct declared_mount mount = {};
	int r = mount_mode(element, &mode);

	declare->declared.mounts_host |= declare_mounts_host(element, element->driver);
	if (r == 0)
		r = declare_mask_device(element, element->driver);
	mount = (struct declared_mount){ .type = element->type,
					 .source = element->source,
					 .target = element->target,
					 .device = element->device };
	element->type = element->source = element->target = element->device = (struct text){};
	if (r == 0 && mode.length > 0)
		r = declare_set_text(&mount.mode, (struct text){ mode.data, mode.length });
	if (r == 0)
		r = declare_add_mount(&host->mounts, &host->mount_count, &mount, &host->mounts_cut);
	declare_clear_mount(&mount);
	return r;
}

/* Of a privilege that no engine asks for, the value may be anything. */
static int append_privilege(struct declare *declare)
{
	/* Of computePrivileges() (moby, daemon/pkg/plugin). */
	static const char *const known[] = { "network",
					     "mount",
					     "device",
					     "capabilities",
					     "allow-all-devices",
					     "host pid namespace",
					     "host ipc namespace" };
	struct element *element = &declare->element;
	struct text name = element->type.data ? element->type : TEXT("");
	struct text_list *list = &declare->declared.privileges;
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (text_equal(name, text_of(known[i])))
			return append_each(list, name, '=', &element->values);
	if (element->values.count == 0)
		return text_list_append(list, name);
	for (size_t i = 0; r == 0 && i < element->values.count; i++)
		r = append_length(list, name, text_list_at(&element->values, i).length);
	list->cut |= element->values.cut;
	return r;
}

int declare_end_element(struct declare *declare, enum context context, const struct row *row)
{
	struct element *element = &declare->element;
	struct host *host = host_of(declare);

	switch (context) {
	case CONTEXT_MOUNT:
		return end_mount(declare);
	case CONTEXT_DEVICE:
		return text_list_append(declare_place(declare, row),
					element->source.data ? element->source : TEXT(""));
	case CONTEXT_REQUEST:
		return end_device_request(element, declare_place(declare, row));
	case CONTEXT_PORT:
	case CONTEXT_SERVICE_PORT:
		return end_port(declare, &host->ports, context == CONTEXT_SERVICE_PORT);
	case CONTEXT_PRIVILEGE:
		return append_privilege(declare);
	default:
		return 0;
	}
}
