// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/cleanup.h"
#include "correlate/declare_private.h"

/* The first value of a parameter, decoded, as url.Values.Get() of Go gives it: "" is one too. */
static bool find_value(struct text query, const char *name, struct buffer *value)
{
	buffer_clear(value);
	while (query.length > 0) {
		const char *stop = memchr(query.data, '&', query.length);
		size_t length = stop ? (size_t)(stop - query.data) : query.length;
		const char *equals = memchr(query.data, '=', length);
		size_t key = equals ? (size_t)(equals - query.data) : length;

		buffer_clear(value);
		operation_decode(value, (struct text){ query.data, key }, true);
		if (text_equal((struct text){ value->data, value->length }, text_of(name))) {
			buffer_clear(value);
			if (equals)
				operation_decode(
					value, (struct text){ equals + 1, length - key - 1 }, true);
			return true;
		}
		length += stop ? 1 : 0;
		query = (struct text){ query.data + length, query.length - length };
	}
	buffer_clear(value);
	return false;
}

/* The value into a text that is owned, unless there is none or it is empty. */
static int set_from(struct text *text, struct text query, const char *name)
{
	_cleanup_buffer_ struct buffer value = {};

	if (!find_value(query, name, &value) || value.length == 0)
		return value.error;
	return value.error ?: declare_set_text(text, (struct text){ value.data, value.length });
}

/* "name:tag", or "name@digest" where the tag is one. */
static int set_reference(struct text *text, struct text name, struct text query)
{
	_cleanup_buffer_ struct buffer tag = {}, reference = {};

	if (name.length == 0)
		return 0;
	buffer_append(&reference, name.data, name.length);
	if (find_value(query, "tag", &tag) && tag.length > 0) {
		buffer_append_char(&reference, memchr(tag.data, ':', tag.length) ? '@' : ':');
		buffer_append(&reference, tag.data, tag.length);
	}
	if (tag.error || reference.error)
		return -ENOMEM;
	return declare_set_text(text, (struct text){ reference.data, reference.length });
}

static int set_repository(struct text *text, struct text query, const char *name)
{
	_cleanup_buffer_ struct buffer value = {};

	find_value(query, name, &value);
	return value.error ?: set_reference(text, (struct text){ value.data, value.length }, query);
}

/* A pull, or where nothing is to be pulled an import (postImagesCreate() of the engine). */
static int declare_image(struct declare *declare, struct text target, struct text query)
{
	int r = set_repository(&declare->image, query, "fromImage");

	if (r < 0 || declare->image.data)
		return r;
	r = set_repository(&declare->image, query, "repo");
	return r ?: set_from(&declare->declared.source, query, "fromSrc");
}

static int declare_push(struct declare *declare, struct text target, struct text query)
{
	return set_reference(&declare->image, target, query);
}

static int declare_tag(struct declare *declare, struct text target, struct text query)
{
	return set_repository(&declare->image, query, "repo");
}

static int declare_commit(struct declare *declare, struct text target, struct text query)
{
	return set_repository(&declare->image, query, "repo")
		       ?: set_from(&declare->declared.container, query, "container");
}

static int declare_build(struct declare *declare, struct text target, struct text query)
{
	return set_from(&declare->image, query, "t") ?:
	       set_from(&declare->declared.source, query, "remote") ?:
	       set_from(&declare->inner.namespaces[DECLARED_NET], query, "networkmode");
}

static int declare_name(struct declare *declare, struct text target, struct text query)
{
	return set_from(&declare->declared.name, query, "name");
}

static int declare_plugin(struct declare *declare, struct text target, struct text query)
{
	return declare_name(declare, target, query) ?: set_from(&declare->image, query, "remote");
}

int declare_query(struct declare *declare, const struct operation *operation, struct text target,
		  struct text query)
{
	static const struct {
		const char *id;
		int (*declare)(struct declare *declare, struct text target, struct text query);
	} readers[] = {
		{ "ContainerCreate", declare_name }, { "ContainerRename", declare_name },
		{ "ImageBuild", declare_build },     { "ImageCommit", declare_commit },
		{ "ImageCreate", declare_image },    { "ImagePush", declare_push },
		{ "ImageTag", declare_tag },         { "PluginCreate", declare_name },
		{ "PluginPull", declare_plugin },    { "PluginUpgrade", declare_plugin },
	};

	for (size_t i = 0; i < ARRAY_SIZE(readers); i++)
		if (strcmp(operation->id, readers[i].id) == 0)
			return readers[i].declare(declare, target, query);
	return 0;
}
