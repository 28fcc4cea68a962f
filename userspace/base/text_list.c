// SPDX-License-Identifier: Apache-2.0
#include "base/text_list.h"

#include <stdint.h>

int text_list_append(struct text_list *list, struct text text)
{
	size_t length = text.length, room;
	uint32_t end;
	int r;

	room = TEXT_LIST_MOST_BYTES - list->bytes.length;
	if (list->cut || list->count >= TEXT_LIST_MOST_ITEMS || room < 1) {
		list->cut = true;
		return 0;
	}
	if (length > room - 1) {
		length = room - 1;
		list->cut = true;
	}
	r = buffer_reserve(&list->bytes, length + 1);
	if (r < 0)
		return r;
	r = buffer_reserve(&list->ends, sizeof(end));
	if (r < 0)
		return r;
	end = (uint32_t)(list->bytes.length + length);
	buffer_append(&list->bytes, text.data, length);
	buffer_append(&list->bytes, "", 1);
	buffer_append(&list->ends, &end, sizeof(end));
	list->count++;
	return 0;
}

int text_list_append_all(struct text_list *list, const struct text_list *from)
{
	for (size_t i = 0; i < from->count; i++) {
		int r = text_list_append(list, text_list_at(from, i));

		if (r < 0)
			return r;
	}
	list->cut |= from->cut;
	return 0;
}

int text_list_append_terminated(struct text_list *list, const char *data, size_t length)
{
	while (length > 0) {
		size_t part = strnlen(data, length);
		int r = text_list_append(list, (struct text){ data, part });

		if (r < 0)
			return r;
		part += part < length;
		data += part;
		length -= part;
	}
	return 0;
}

struct text text_list_at(const struct text_list *list, size_t index)
{
	uint32_t end, start = 0;

	memcpy(&end, list->ends.data + index * sizeof(end), sizeof(end));
	if (index > 0) {
		memcpy(&start, list->ends.data + (index - 1) * sizeof(start), sizeof(start));
		start++;
	}
	return (struct text){ list->bytes.data + start, end - start };
}

void text_list_clear(struct text_list *list)
{
	buffer_clear(&list->bytes);
	buffer_clear(&list->ends);
	list->count = 0;
	list->cut = false;
}

void text_list_free(struct text_list *list)
{
	if (!list)
		return;
	buffer_free(&list->bytes);
	buffer_free(&list->ends);
	*list = (struct text_list){};
}
