// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "correlate/declare_private.h"

int declare_set_text(struct text *text, struct text value)
{
	char *copy = malloc(value.length + 1);

	if (!copy)
		return -ENOMEM;
	if (value.length)
		memcpy(copy, value.data, value.length);
	copy[value.length] = '\0';
	declare_clear_text(text);
	text->data = copy;
	text->length = value.length;
	return 0;
}

void declare_clear_text(struct text *text)
{
	free((char *)text->data);
	*text = (struct text){};
}

void declare_clear_mount(struct declared_mount *mount)
{
	declare_clear_text(&mount->type);
	declare_clear_text(&mount->source);
	declare_clear_text(&mount->target);
	declare_clear_text(&mount->mode);
	declare_clear_text(&mount->device);
}

static void free_mounts(struct declared_mount *mounts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		declare_clear_mount(&mounts[i]);
	free(mounts);
}

void declare_clear_host(struct host *host)
{
	struct text_list *const lists[] = { &host->binds,        &host->devices, &host->requests,
					    &host->device_rules, &host->add,     &host->drop,
					    &host->options,      &host->sysctls, &host->tmpfs,
					    &host->volumes_from, &host->ports,   &host->settings };

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		text_list_free(lists[i]);
	for (size_t i = 0; i < DECLARED_NAMESPACES; i++)
		declare_clear_text(&host->namespaces[i]);
	free_mounts(host->mounts, host->mount_count);
	*host = (struct host){ .privileged = -1 };
}

int declare_add_mount(struct declared_mount **mounts, size_t *count, struct declared_mount *mount,
		      bool *cut)
{
	struct declared_mount *grown;

	if (*count == DECLARED_MOST_MOUNTS) {
		*cut = true;
		return 0;
	}
	/* Doubled at each power of two. */
	if ((*count & (*count - 1)) == 0) {
		grown = reallocarray(*mounts, *count ? 2 * *count : 1, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		*mounts = grown;
	}
	(*mounts)[(*count)++] = *mount;
	*mount = (struct declared_mount){};
	return 0;
}

static int add_mount(struct declared *declared, const char *type, struct text source,
		     struct text target, struct text mode)
{
	struct declared_mount mount = {};
	int r = declare_set_text(&mount.type, text_of(type));

	if (r == 0 && source.data)
		r = declare_set_text(&mount.source, source);
	if (r == 0 && target.data)
		r = declare_set_text(&mount.target, target);
	if (r == 0 && mode.data)
		r = declare_set_text(&mount.mode, mode);
	if (r == 0)
		r = declare_add_mount(&declared->mounts, &declared->mount_count, &mount,
				      &declared->cut);
	declare_clear_mount(&mount);
	return r;
}

/*
 * "source:target[:mode]", or a target alone (volume/mounts/linux_parser.go): what begins with a
 * slash is a path on the host, anything else the name of a volume.
 */
static int add_bind(struct declared *declared, struct text bind)
{
	struct text parts[3] = {};
	size_t count = 0;

	while (count < ARRAY_SIZE(parts)) {
		const char *colon =
			count < 2 && bind.length ? memchr(bind.data, ':', bind.length) : NULL;
		size_t length = colon ? (size_t)(colon - bind.data) : bind.length;

		parts[count++] = (struct text){ bind.data, length };
		if (!colon)
			break;
		bind.data += length + 1;
		bind.length -= length + 1;
	}
	if (count == 1)
		return add_mount(declared, "volume", (struct text){}, parts[0], (struct text){});
	return add_mount(declared, parts[0].length && parts[0].data[0] == '/' ? "bind" : "volume",
			 parts[0], parts[1], parts[2]);
}

static int add_targets(struct declared *declared, const char *type, const struct text_list *list)
{
	int r = 0;

	declared->cut |= list->cut;
	for (size_t i = 0; r == 0 && i < list->count; i++)
		r = add_mount(declared, type, (struct text){}, text_list_at(list, i),
			      (struct text){});
	return r;
}

static int finish_mounts(struct declare *declare, struct host *host)
{
	struct declared *declared = &declare->declared;
	int r = 0;

	declared->cut |= host->binds.cut | host->mounts_cut;
	for (size_t i = 0; r == 0 && i < host->binds.count; i++)
		r = add_bind(declared, text_list_at(&host->binds, i));
	for (size_t i = 0; r == 0 && i < host->mount_count; i++)
		r = declare_add_mount(&declared->mounts, &declared->mount_count, &host->mounts[i],
				      &declared->cut);
	if (r == 0)
		r = add_targets(declared, "volume", &declare->volumes);
	if (r == 0)
		r = add_targets(declared, "tmpfs", &host->tmpfs);
	return r;
}

/* A volume whose driver is told what to mount. */
static int finish_volume(struct declare *declare)
{
	struct declared *declared = &declare->declared;
	struct element *element = &declare->element;
	struct declared_mount mount = {};
	int r;

	declared->mounts_host |= declare_mounts_host(element, declared->driver);
	r = declare_mask_device(element, declared->driver);
	if (r == 0)
		r = declare_volume_options(element, declared);
	if (r == 0 && element->device.data)
		r = declare_set_text(&mount.type, TEXT("volume"));
	if (r == 0 && element->device.data) {
		mount.device = element->device;
		element->device = (struct text){};
		r = declare_add_mount(&declared->mounts, &declared->mount_count, &mount,
				      &declared->cut);
	}
	declare_clear_mount(&mount);
	return r;
}

static void move_list(struct text_list *to, struct text_list *from)
{
	text_list_free(to);
	*to = *from;
	*from = (struct text_list){};
}

static int join_lists(struct declare *declare, struct host *host)
{
	struct declared *declared = &declare->declared;
	_cleanup_text_list_ struct text_list command = {};
	int r;

	r = text_list_append_all(&command, &declare->entrypoint);
	if (r == 0)
		r = text_list_append_all(&command, &declared->command);
	if (r == 0)
		r = text_list_append_all(&host->devices, &host->requests);
	if (r == 0)
		r = text_list_append_all(&declared->settings, &host->settings);
	if (r == 0 && host->masked_empty)
		r = text_list_append(&declared->settings, TEXT("MaskedPaths="));
	if (r == 0 && host->readonly_empty)
		r = text_list_append(&declared->settings, TEXT("ReadonlyPaths="));
	if (r < 0)
		return r;
	text_list_clear(&declare->entrypoint);
	text_list_clear(&host->requests);
	text_list_clear(&host->settings);
	host->masked_empty = host->readonly_empty = false;
	move_list(&declared->command, &command);
	return 0;
}

static void take_host(struct declared *declared, struct host *host)
{
	move_list(&declared->devices, &host->devices);
	move_list(&declared->device_rules, &host->device_rules);
	move_list(&declared->capabilities_add, &host->add);
	move_list(&declared->capabilities_drop, &host->drop);
	move_list(&declared->security_options, &host->options);
	move_list(&declared->sysctls, &host->sysctls);
	move_list(&declared->volumes_from, &host->volumes_from);
	move_list(&declared->ports, &host->ports);
	declared->privileged = host->privileged;
	for (size_t i = 0; i < DECLARED_NAMESPACES; i++) {
		declare_clear_text(&declared->namespaces[i]);
		declared->namespaces[i] = host->namespaces[i];
		host->namespaces[i] = (struct text){};
	}
}

int declare_finish(struct declare *declare, const struct declared **ret)
{
	struct declared *declared = &declare->declared;
	struct host *host;
	int r;

	if (declare->finished) {
		*ret = declared;
		return 0;
	}
	declare->stopped = declare->finished = true;
	r = declare_close(declare);
	if (r < 0)
		return r;
	host = declare->inner.present ? &declare->inner : &declare->top;
	declared->paths_unmasked = host->masked_empty || host->readonly_empty;
	r = finish_mounts(declare, host);
	if (r == 0 && declare->is_volume)
		r = finish_volume(declare);
	if (r == 0)
		r = join_lists(declare, host);
	if (r < 0)
		return r;
	take_host(declared, host);
	if (declare->image.data) {
		declare_clear_text(&declared->image);
		declared->image = declare->image;
		declare->image = (struct text){};
	}
#define CUT(name) declared->cut |= declared->name.cut;
	DECLARED_LISTS(CUT)
#undef CUT
	*ret = declared;
	return 0;
}

struct text declare_object_name(const struct declare *declare)
{
	return declare->declared.name;
}

void declare_free(struct declare *declare)
{
	struct declared *declared;

	if (!declare)
		return;
	declared = &declare->declared;
	declare_clear_host(&declare->top);
	declare_clear_host(&declare->inner);
	declare_clear_element(&declare->element);
	text_list_free(&declare->element.values);
	text_list_free(&declare->element.capabilities);
	text_list_free(&declare->entrypoint);
	text_list_free(&declare->volumes);
	declare_clear_text(&declare->image);
	buffer_free(&declare->key);
	json_free(&declare->json);
#define CLEAR(name) declare_clear_text(&declared->name);
	DECLARED_TEXTS(CLEAR)
#undef CLEAR
#define FREE(name) text_list_free(&declared->name);
	DECLARED_LISTS(FREE)
#undef FREE
	for (size_t i = 0; i < DECLARED_NAMESPACES; i++)
		declare_clear_text(&declared->namespaces[i]);
	free_mounts(declared->mounts, declared->mount_count);
	free(declare);
}
