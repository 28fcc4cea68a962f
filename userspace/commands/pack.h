/* SPDX-License-Identifier: Apache-2.0 */
/* `docktrail pack` as the recorder runs it: one segment at a time, under the recorder's own lock.
 */
#pragma once

#define PACK_FOR_RECORDER "for-recorder" /* a hidden option: the recorder's pid */
#define PACK_NOTHING_EXIT 100            /* there was nothing left to pack */
