// SPDX-License-Identifier: Apache-2.0
#include "output/format.h"

int format_json_new(FILE *out, const struct format_options *options, void **ret_state)
{
	*ret_state = out;
	return 0;
}

int format_json_write(void *state, const struct record *record, struct text line)
{
	return format_put(state, line) ?: format_put(state, TEXT("\n"));
}

int format_json_finish(void *state)
{
	return 0;
}

void format_json_free(void *state)
{
}
