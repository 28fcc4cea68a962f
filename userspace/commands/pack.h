/* SPDX-License-Identifier: Apache-2.0 */
/* `docktrail pack` as the recorder runs it: under the recorder's own lock. */
#pragma once

/* A hidden option: the recorder's pid, and the segment that it writes to, as PID:SEGMENT. */
#define PACK_FOR_RECORDER "for-recorder"
