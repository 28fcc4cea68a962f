// SPDX-License-Identifier: Apache-2.0
#include "second_verifier.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static FILE *questions, *answers;

static void start(void)
{
	int ask[2], answer[2];
	pid_t child;

	assert_int_equal(pipe2(ask, O_CLOEXEC), 0);
	assert_int_equal(pipe2(answer, O_CLOEXEC), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		dup2(ask[0], STDIN_FILENO);
		dup2(answer[1], STDOUT_FILENO);
		execlp("python3", "python3", "tools/verify-trail.py", "--batch", NULL);
		_exit(127);
	}
	close(ask[0]);
	close(answer[1]);
	questions = fdopen(ask[1], "w");
	answers = fdopen(answer[0], "r");
}

static void ask_of_anchor(const struct trail_anchor *anchor)
{
	char text[TRAIL_ANCHOR_TEXT_MOST];

	fprintf(questions, "%s%s ",
		trail_anchor_text(anchor->trail_id, anchor->frame, anchor->hash, text),
		anchor->last ? ":last" : "");
}

enum trail_verdict_code second_verdict(const char *folder,
				       const struct trail_verify_options *options)
{
	char line[4096], *verdict;
	unsigned int code;

	if (!questions)
		start();
	fprintf(questions, "%s\t%s\t", folder,
		options && options->ignore_state ? "none"
		: options && options->state      ? options->state
						 : "");
	for (size_t i = 0; options && options->root && i < TRAIL_KEY_BYTES; i++)
		fprintf(questions, "%02x", options->root[i]);
	fputc('\t', questions);
	for (size_t i = 0; options && i < options->anchor_count; i++)
		ask_of_anchor(&options->anchors[i]);
	fputc('\n', questions);
	fflush(questions);
	if (!fgets(line, sizeof(line), answers))
		fail_msg("tools/verify-trail.py does not answer about %s", folder);
	verdict = strstr(line, "\"code\": ");
	assert_non_null(verdict);
	assert_int_equal(sscanf(verdict, "\"code\": %u", &code), 1);
	return (enum trail_verdict_code)code;
}
