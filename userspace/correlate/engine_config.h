/* SPDX-License-Identifier: Apache-2.0 */
/* The file in which an engine keeps a container (moby, container/container.go: config.v2.json). */
#pragma once

#include <sys/stat.h>

#include "base/buffer.h"

#define ENGINE_CONFIG_MOST (4u << 20)

struct engine_config {
	struct buffer name, image; /* empty: not there; zeroed before the first use */
};

/* A descriptor of <root>/containers, or -errno. */
int engine_open(const char *root);

/* Look at a container's file without reading it; a symbolic link is none. Returns 0 or -errno. */
int engine_config_stat(int folder, const char *id, struct stat *ret_status);

/* Read it. Returns 0; -EBADMSG when it is not what it should be; -EFBIG; -ENOMEM or -errno. */
int engine_config_read(int folder, const char *id, struct engine_config *ret);

void engine_config_clear(struct engine_config *config);
