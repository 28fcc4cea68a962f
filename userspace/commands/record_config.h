/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration file of `docktrail record`: `key = value`, one to a line, read by inih. */
#pragma once

#include "commands/record_options.h"

/*
 * Put what the file says into the options, and its name. One that is not there is an error only if
 * it is `required`. Prints what is wrong, with the file and line, and returns -EINVAL; 0; or
 * -ENOMEM.
 */
int record_config_read(struct record_options *options, const char *file, bool required);
