/* SPDX-License-Identifier: Apache-2.0 */
/* What declare.c (reading), declare_finish.c (putting together) and declare_answer.c share. */
#pragma once

#include "base/json.h"
#include "correlate/declare.h"

/* What a host's part declares: at the top of a create, and in its HostConfig. */
struct host {
	bool present;
	bool masked_empty, readonly_empty;
	signed char privileged; /* -1: not declared */
	struct text namespaces[DECLARED_NAMESPACES];
	struct text_list binds, devices, requests, device_rules, add, drop, options, sysctls;
	struct text_list tmpfs, volumes_from;
	struct declared_mount *mounts;
	size_t mount_count;
	bool mounts_cut;
};

/* Of the array element that is being read. */
struct element {
	struct text type, source, target, device;
	signed char read_only; /* -1: not declared */
	struct text driver;
	struct text_list ids, capabilities;
};

struct frame {
	uint8_t context, row;
	uint64_t seen; /* rows that occurred in this object */
};

struct declare {
	struct json_reader json;
	struct frame frames[JSON_MOST_DEPTH + 1];
	unsigned depth;
	uint8_t row; /* that the next value belongs to, or ROW_NONE */
	bool is_volume;
	bool stopped; /* nothing more is read */
	struct host top, inner;
	struct element element;
	struct text_list entrypoint, volumes;
	struct buffer key; /* of a map */
	struct declared declared;
};

/* What is still open ends here, as far as it was read. Returns 0 or -ENOMEM. */
int declare_close(struct declare *declare);

/* Replace an owned text by a copy, zero-terminated. Returns 0 or -ENOMEM. */
int declare_set_text(struct text *text, struct text value);
void declare_clear_text(struct text *text);
void declare_clear_mount(struct declared_mount *mount);
void declare_clear_host(struct host *host);

/*
 * Is this key the field? As encoding/json folds: without regard to case, and the two letters that
 * Unicode folds into ASCII, the long s and the Kelvin sign.
 */
bool declare_is_field(const char *field, struct text key);

/* Append to a growing array of mounts; what of `mount` is owned moves. Beyond the bound *cut is
 * set. */
int declare_add_mount(struct declared_mount **mounts, size_t *count, struct declared_mount *mount,
		      bool *cut);
