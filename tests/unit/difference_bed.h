/* SPDX-License-Identifier: Apache-2.0 */
/* What a container's first process was given, laid beside what was declared. */
#pragma once

/* The id of a container that requests call "other", and of which nothing is declared. */
#define OTHER "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

/*
 * Compare what a request declared with what a start shows; an update comes between, if it is not
 * NULL. All three are members of "docktrail". `expected` is how docktrail.difference begins, or
 * NULL for none.
 */
void difference_expect(const char *declared, const char *update, const char *actual,
		       const char *expected, unsigned int severity);

/* What another container declared. */
void difference_declare_peer(const char *id, const char *declared);

/* For a teardown. */
int difference_forget_peers(void **state);
