// SPDX-License-Identifier: Apache-2.0
#include "output/format.h"

#include <errno.h>

#include "base/cleanup.h"

static const struct format table[] = {
#define FORMAT_ROW(name, summary)                                                                  \
	{ #name,                                                                                   \
	  summary,                                                                                 \
	  format_##name##_new,                                                                     \
	  format_##name##_write,                                                                   \
	  format_##name##_finish,                                                                  \
	  format_##name##_free },
	FORMATS(FORMAT_ROW)
#undef FORMAT_ROW
};

const struct format *format_at(size_t i)
{
	return i < ARRAY_SIZE(table) ? &table[i] : NULL;
}

const struct format *format_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (strcmp(table[i].name, name) == 0)
			return &table[i];
	return NULL;
}

int format_put(FILE *out, struct text text)
{
	if (text.length == 0)
		return 0;
	errno = 0;
	if (fwrite(text.data, 1, text.length, out) != text.length)
		return errno ? -errno : -EIO;
	return 0;
}
