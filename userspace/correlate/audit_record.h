/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One record of the kernel's audit as text: `audit(1700000000.123:456): name=value ...`, as the
 * kernel sends it (audit_log_format() and its kin) and as auditd writes it into its log, with
 * `type=NAME msg=` before it and, in the ENRICHED format, names behind a byte 0x1d. What stands in
 * it is hostile: bounded, never terminated, any byte may occur.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/text.h"

struct audit_record {
	uint32_t type;
	uint64_t time_ms; /* since 1970, UTC */
	uint64_t serial;
	struct text body;     /* behind the head */
	struct text enriched; /* names that auditd knew, behind the 0x1d; of a log alone */
	struct text node;     /* the host that a log names, mostly none */
};

/* A payload as the kernel sends it. Returns 0 or -EBADMSG. The texts lie in `payload`. */
int audit_record_parse(uint32_t type, struct text payload, struct audit_record *ret);

/* Whether it is a message of a program, which holds what that wrote (AUDIT_USER, user ranges). */
bool audit_record_is_user(uint32_t type);

/* A line of auditd's log, without its end. A type that libaudit does not know is UNKNOWN[N]. */
int audit_record_parse_line(struct text line, struct audit_record *ret);

/*
 * The next `name=value`. A value in quotes comes without them, and `quoted` tells; what stands
 * between without being one is passed over. False at the end.
 */
struct audit_fields {
	struct text rest;
	struct text name, value;
	char quoted; /* the quote, or 0 */
};

bool audit_fields_next(struct audit_fields *fields);

/* The first field of this name, as it stands; an empty text (data NULL) where there is none. */
struct text audit_record_field(const struct audit_record *record, struct text name);

/*
 * The bytes of a field that the kernel encodes where it has to: in quotes as they are, else
 * hexadecimal; `(null)`, `?` and what is neither as it stands. Appended to `bytes`. Returns whether
 * there was such a field.
 */
bool audit_record_untrusted(const struct audit_record *record, struct text name,
			    struct buffer *bytes);

/* A number of a field; false where there is none. `base` is 10, 16, 8, or 0 as in strtoull(3). */
bool audit_record_number(const struct audit_record *record, struct text name, int base,
			 int64_t *ret);
