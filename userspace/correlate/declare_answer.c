// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "correlate/declare_private.h"

struct declare_answer_reader {
	struct json_reader json;
	enum declare_answer answer;
	bool wanted;    /* the value of this key is what is looked for */
	bool aux;       /* within {"aux": {...}} */
	bool aux_comes; /* its key was the last one */
	bool stopped;
	size_t length;
	char found[DECLARE_MOST_ID_BYTES];
};

enum declare_answer declare_answer_of(const struct operation *operation)
{
	static const struct {
		const char *id;
		enum declare_answer answer;
	} answers[] = {
		{ "ContainerCreate", DECLARE_ANSWER_ID }, { "ContainerExec", DECLARE_ANSWER_ID },
		{ "ImageCommit", DECLARE_ANSWER_ID },     { "NetworkCreate", DECLARE_ANSWER_ID },
		{ "SecretCreate", DECLARE_ANSWER_ID },    { "ConfigCreate", DECLARE_ANSWER_ID },
		{ "ServiceCreate", DECLARE_ANSWER_ID },   { "VolumeCreate", DECLARE_ANSWER_NAME },
		{ "ImageBuild", DECLARE_ANSWER_AUX },
	};

	for (size_t i = 0; operation && i < ARRAY_SIZE(answers); i++)
		if (strcmp(operation->id, answers[i].id) == 0)
			return answers[i].answer;
	return DECLARE_ANSWER_NONE;
}

int declare_answer_new(enum declare_answer answer, struct declare_answer_reader **ret)
{
	struct declare_answer_reader *reader = calloc(1, sizeof(*reader));

	if (!reader)
		return -ENOMEM;
	json_init(&reader->json, DECLARE_MOST_ID_BYTES);
	reader->answer = answer;
	*ret = reader;
	return 0;
}

static void take(struct declare_answer_reader *reader, enum json_event event)
{
	const char *name = reader->answer == DECLARE_ANSWER_NAME ? "Name" : "Id";
	const struct json_reader *json = &reader->json;
	bool aux = reader->answer == DECLARE_ANSWER_AUX;

	switch (event) {
	case JSON_KEY:
		if (json->depth == 1)
			reader->aux_comes = aux && declare_is_field("aux", json->text);
		reader->wanted = json->depth == (aux ? 2 : 1) && reader->aux == aux &&
				 declare_is_field(name, json->text);
		return;
	case JSON_OBJECT:
		if (json->depth == 2)
			reader->aux = reader->aux_comes;
		break;
	case JSON_OBJECT_END:
		if (json->depth == 1)
			reader->aux = reader->aux_comes = false;
		break;
	case JSON_STRING:
		if (reader->wanted && !json->text_cut) {
			memcpy(reader->found, json->text.data, json->text.length);
			reader->length = json->text.length;
		}
		break;
	case JSON_DONE:
		reader->stopped = !aux;
		break;
	default:
		break;
	}
	reader->wanted = false;
}

int declare_answer_feed(struct declare_answer_reader *reader, const char *data, size_t length)
{
	enum json_event event = JSON_MORE;

	if (reader->stopped)
		return 0;
	json_feed(&reader->json, data, length);
	while (!reader->stopped && (event = json_next(&reader->json)) > JSON_MORE)
		take(reader, event);
	if (event == JSON_ERROR) {
		reader->stopped = true;
		if (reader->json.error == -ENOMEM)
			return -ENOMEM;
	}
	return 0;
}

void declare_answer_gap(struct declare_answer_reader *reader)
{
	reader->stopped = true;
}

struct text declare_answer_found(const struct declare_answer_reader *reader)
{
	return (struct text){ reader->found, reader->length };
}

void declare_answer_free(struct declare_answer_reader *reader)
{
	if (!reader)
		return;
	json_free(&reader->json);
	free(reader);
}
