/* SPDX-License-Identifier: Apache-2.0 */
/* A descriptor through a socket: SCM_RIGHTS. */
#pragma once

/* Returns 0 or -1. */
int descriptor_pass(int through, int fd);
/* Waits for one. Returns it or -1. */
int descriptor_take(int through);
