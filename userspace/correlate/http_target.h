/* SPDX-License-Identifier: Apache-2.0 */
/* What stands between method and version in a request line, as Go's server and router take it. */
#pragma once

#include <stdbool.h>

#include "base/text.h"

struct http_target {
	struct text path;  /* as received, slices of what was given; empty: none */
	struct text query; /* without its '?' */
};

/*
 * Split a target as net/url does (parse with viaRequest, getScheme, parseAuthority, parseHost,
 * unescape; net/http: readRequest for CONNECT): origin form, absolute form with an authority or
 * without one, opaque ("x:y", no path), "*". Returns false for what Go answers with 400;
 * *ret_target then holds what could be read of it.
 */
bool http_target_split(struct text method, struct text target, struct http_target *ret_target);

/* The value of a hexadecimal digit, or -1. */
int http_hex_digit(char c);
