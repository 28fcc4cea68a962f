/* SPDX-License-Identifier: Apache-2.0 */
/* tools/verify-trail.py, which shares nothing with trail/verify.h, asked for the same verdict. */
#pragma once

#include "trail/verify.h"

/* Its verdict; fails the test when it gives none. The process that answers ends with the test. */
enum trail_verdict_code second_verdict(const char *folder,
				       const struct trail_verify_options *options);
