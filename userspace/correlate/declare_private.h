/* SPDX-License-Identifier: Apache-2.0 */
/* What the files declare_*.c share: reading, values, options, putting together, answers. */
#pragma once

#include "base/json.h"
#include "correlate/declare.h"
#include "correlate/declare_table.h"

/* What a host's part declares: at the top of a create, and in its HostConfig. */
struct host {
	bool present;
	bool masked_empty, readonly_empty;
	signed char privileged; /* -1: not declared */
	struct text namespaces[DECLARED_NAMESPACES];
	struct text_list binds, devices, requests, device_rules, add, drop, options, sysctls;
	struct text_list tmpfs, volumes_from, ports, settings;
	struct declared_mount *mounts;
	size_t mount_count;
	bool mounts_cut;
};

/* Of the array element that is being read; of a volume, which is one in itself. */
struct element {
	struct text type, source, target;
	struct text driver, device, filesystem, options; /* what a volume's driver is told */
	struct text propagation, protocol;
	signed char read_only; /* -1: not declared */
	struct text_list values, capabilities;
};

struct frame {
	uint8_t context, row;
	uint64_t seen[(DECLARE_MOST_ROWS + 63) / 64]; /* rows that occurred in this object */
};

struct declare {
	struct json_reader json;
	struct frame frames[JSON_MOST_DEPTH + 1];
	unsigned depth;
	uint8_t row; /* that the next value belongs to, or ROW_NONE */
	bool is_volume;
	bool stopped;  /* nothing more is read */
	bool finished; /* put together: it is done once */
	struct host top, inner;
	struct element element;
	struct text image; /* that the query names: it counts, not that of the body */
	struct text_list entrypoint, volumes;
	struct buffer key; /* of a map */
	struct declared declared;
};

/* ---- declare.c */

static inline struct frame *declare_frame(struct declare *declare)
{
	return &declare->frames[declare->depth];
}

/* What is still open ends here, as far as it was read. Returns 0 or -ENOMEM. */
int declare_close(struct declare *declare);

/* ---- declare_value.c: each returns 0 or -ENOMEM */

/* A value that is neither object nor array. */
int declare_take_scalar(struct declare *declare, enum json_event event);
/* The beginning of a value in an object whose names are data. */
int declare_take_map_value(struct declare *declare, const struct row *row, enum json_event event);
/* An element of an array is whole, or as much of it as there will be. */
int declare_end_element(struct declare *declare, enum context context, const struct row *row);
/* What an array or a null replaces. */
void declare_clear_row(struct declare *declare, const struct row *row);
void declare_clear_element(struct element *element);
/* Where the row's value goes. */
void *declare_place(struct declare *declare, const struct row *row);

/* ---- declare_options.c */

/* "[redacted len=N]"; nothing for 0. */
void declare_mask(struct buffer *ret, size_t length);

/*
 * The options of a mount(2), separated by commas: known ones as they are, of the first other one
 * the name, of what follows it the length: a password may have commas in it. Appends to `ret`.
 */
void declare_mount_options(struct text options, struct buffer *ret);

/* Is the volume's driver told to mount what gives isolation away? Before anything is masked. */
bool declare_mounts_host(const struct element *element, struct text driver);

/* The device of a volume: without user information; of drivers that are none of the engine's own
 * only the length. Returns 0 or -ENOMEM. */
int declare_mask_device(struct element *element, struct text driver);

/* What a volume's driver is told, its device masked, into driver_options. Returns 0 or -ENOMEM. */
int declare_volume_options(const struct element *element, struct declared *declared);

/* Is it an option of Docker's own network drivers? */
bool declare_is_network_option(struct text name);

/*
 * NAME=value for a plugin: an environment variable, a path of a mount or a device, arguments. Its
 * beginning, and its whole length. Returns 0 or -ENOMEM.
 */
int declare_plugin_setting(struct declared *declared, struct text setting, size_t length);

/* ---- declare_finish.c */

/* Replace an owned text by a copy, zero-terminated. Returns 0 or -ENOMEM. */
int declare_set_text(struct text *text, struct text value);
void declare_clear_text(struct text *text);
void declare_clear_mount(struct declared_mount *mount);
void declare_clear_host(struct host *host);

/* Append to a growing array of mounts; what of `mount` is owned moves. Beyond the bound *cut is
 * set. */
int declare_add_mount(struct declared_mount **mounts, size_t *count, struct declared_mount *mount,
		      bool *cut);
