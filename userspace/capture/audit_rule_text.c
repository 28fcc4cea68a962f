// SPDX-License-Identifier: Apache-2.0
/* Rules as they are: looked at, compared, and written as auditctl(8) lists them. */
#include <inttypes.h>
#include <stdint.h>
#include <string.h>

#include "capture/audit_rule_private.h"

#define ALL_CALLS 0xffffffffu
/* The last bits of the mask choose classes of calls, not calls; the kernel lists them as clear. */
#define CLASS_BITS 16

bool audit_rule_holds_text(unsigned int field)
{
	switch (field) {
	case AUDIT_WATCH:
	case AUDIT_DIR:
	case AUDIT_EXE:
	case AUDIT_FILTERKEY:
	case AUDIT_SUBJ_USER:
	case AUDIT_SUBJ_ROLE:
	case AUDIT_SUBJ_TYPE:
	case AUDIT_SUBJ_SEN:
	case AUDIT_SUBJ_CLR:
	case AUDIT_OBJ_USER:
	case AUDIT_OBJ_ROLE:
	case AUDIT_OBJ_TYPE:
	case AUDIT_OBJ_LEV_LOW:
	case AUDIT_OBJ_LEV_HIGH:
		return true;
	default:
		return false;
	}
}

bool audit_rule_holds_user(unsigned int field)
{
	return field == AUDIT_LOGINUID || field == AUDIT_UID || field == AUDIT_EUID ||
	       field == AUDIT_SUID || field == AUDIT_FSUID || field == AUDIT_OBJ_UID;
}

int audit_rule_machine(struct text name)
{
	int native = audit_detect_machine();

	if (text_equal(name, TEXT("b64")))
		return native;
	if (!text_equal(name, TEXT("b32")))
		return -1;
	switch (native) {
	case MACH_86_64:
		return MACH_X86;
	case MACH_AARCH64:
		return MACH_ARM;
	case MACH_PPC64:
		return MACH_PPC;
	case MACH_S390X:
		return MACH_S390;
	default:
		return -1;
	}
}

/* ---- looking */

static bool is_watch(const struct audit_rule_data *rule)
{
	bool path = false;

	for (uint32_t i = 0; i < rule->field_count; i++) {
		if (rule->fieldflags[i] != AUDIT_EQUAL)
			return false;
		if (rule->fields[i] == AUDIT_WATCH || rule->fields[i] == AUDIT_DIR)
			path = true;
		else if (rule->fields[i] != AUDIT_PERM && rule->fields[i] != AUDIT_FILTERKEY)
			return false;
	}
	return path && rule->action == AUDIT_ALWAYS && rule->flags == AUDIT_FILTER_EXIT;
}

static struct text text_at(const struct audit_rule_data *rule, uint32_t index)
{
	size_t offset = 0;

	for (uint32_t i = 0; i < index; i++)
		offset += audit_rule_holds_text(rule->fields[i]) ? rule->values[i] : 0;
	if (!audit_rule_holds_text(rule->fields[index]) || offset > rule->buflen ||
	    rule->values[index] > rule->buflen - offset)
		return (struct text){};
	return (struct text){ rule->buf + offset, rule->values[index] };
}

struct text audit_rule_text(const struct audit_rule_data *rule, unsigned int field)
{
	for (uint32_t i = 0; i < rule->field_count && i < AUDIT_MAX_FIELDS; i++)
		if (rule->fields[i] == field)
			return text_at(rule, i);
	return (struct text){};
}

struct text audit_rule_path(const struct audit_rule_data *rule)
{
	struct text path = audit_rule_text(rule, AUDIT_WATCH);

	return path.length > 0 ? path : audit_rule_text(rule, AUDIT_DIR);
}

bool audit_rule_has_key(const struct audit_rule_data *rule, struct text beginning)
{
	struct text keys = audit_rule_text(rule, AUDIT_FILTERKEY);

	while (keys.length >= beginning.length && keys.length > 0) {
		const char *next = memchr(keys.data, AUDIT_KEY_SEPARATOR, keys.length);
		size_t passed = next ? (size_t)(next - keys.data) + 1 : keys.length;

		if (memcmp(keys.data, beginning.data, beginning.length) == 0)
			return true;
		keys.data += passed;
		keys.length -= passed;
	}
	return false;
}

unsigned int audit_rule_permissions(const struct audit_rule_data *rule)
{
	for (uint32_t i = 0; i < rule->field_count && i < AUDIT_MAX_FIELDS; i++)
		if (rule->fields[i] == AUDIT_PERM)
			return rule->values[i];
	return AUDIT_PERM_READ | AUDIT_PERM_WRITE | AUDIT_PERM_EXEC | AUDIT_PERM_ATTR;
}

bool audit_rule_has_call(const struct audit_rule_data *rule, int call)
{
	return call >= 0 && call < AUDIT_BITMASK_SIZE * 32 - CLASS_BITS &&
	       (rule->mask[AUDIT_WORD(call)] & AUDIT_BIT(call)) != 0;
}

static bool same_calls(const struct audit_rule_data *a, const struct audit_rule_data *b)
{
	const uint32_t last = ALL_CALLS >> CLASS_BITS;

	return memcmp(a->mask, b->mask, sizeof(a->mask) - sizeof(a->mask[0])) == 0 &&
	       (a->mask[AUDIT_BITMASK_SIZE - 1] & last) == (b->mask[AUDIT_BITMASK_SIZE - 1] & last);
}

/* But for these permissions. */
static bool is_equal(const struct audit_rule_data *a, const struct audit_rule_data *b,
		     uint32_t permissions)
{
	const uint32_t list = ~(uint32_t)AUDIT_FILTER_PREPEND;

	if ((a->flags & list) != (b->flags & list) || a->action != b->action ||
	    a->field_count != b->field_count || a->field_count > AUDIT_MAX_FIELDS ||
	    !same_calls(a, b))
		return false;
	for (uint32_t i = 0; i < a->field_count; i++) {
		uint32_t bits = a->fields[i] == AUDIT_PERM ? ~permissions : UINT32_MAX;

		if (a->fields[i] != b->fields[i] || a->fieldflags[i] != b->fieldflags[i] ||
		    (a->values[i] & bits) != (b->values[i] & bits) ||
		    !text_equal(text_at(a, i), text_at(b, i)))
			return false;
	}
	return true;
}

bool audit_rule_equal(const struct audit_rule_data *a, const struct audit_rule_data *b)
{
	return is_equal(a, b, 0);
}

bool audit_rule_equal_but_exec(const struct audit_rule_data *a, const struct audit_rule_data *b)
{
	return is_equal(a, b, AUDIT_PERM_EXEC);
}

/* ---- writing */

static void append_keys(struct text keys, struct buffer *text)
{
	for (;;) {
		const char *next = memchr(keys.data, AUDIT_KEY_SEPARATOR, keys.length);
		size_t length = next ? (size_t)(next - keys.data) : keys.length;

		buffer_printf(text, " -k %.*s", (int)length, keys.data);
		if (!next)
			return;
		keys.data += length + 1;
		keys.length -= length + 1;
	}
}

static void append_permissions(uint32_t bits, struct buffer *text)
{
	if (bits & AUDIT_PERM_READ)
		buffer_append_char(text, 'r');
	if (bits & AUDIT_PERM_WRITE)
		buffer_append_char(text, 'w');
	if (bits & AUDIT_PERM_EXEC)
		buffer_append_char(text, 'x');
	if (bits & AUDIT_PERM_ATTR)
		buffer_append_char(text, 'a');
}

/* Returns the machine whose calls are meant. */
static int append_architecture(uint32_t elf, struct buffer *text)
{
	int machine = audit_elf_to_machine(elf);

	if (machine == audit_detect_machine() && elf & __AUDIT_ARCH_64BIT)
		buffer_append_string(text, "b64");
	else if (machine == audit_rule_machine(TEXT("b32")))
		buffer_append_string(text, "b32");
	else
		buffer_printf(text, "0x%" PRIx32, elf);
	return machine;
}

static void append_calls(const struct audit_rule_data *rule, int machine, struct buffer *text)
{
	struct audit_rule_data all;
	bool first = true;

	memset(all.mask, 0xff, sizeof(all.mask));
	if (same_calls(rule, &all))
		return;
	for (int call = 0; call < AUDIT_BITMASK_SIZE * 32 - CLASS_BITS; call++) {
		const char *name;

		if (!audit_rule_has_call(rule, call))
			continue;
		name = audit_syscall_to_name(call, machine);
		buffer_append_string(text, first ? " -S " : ",");
		first = false;
		if (name)
			buffer_append_string(text, name);
		else
			buffer_append_signed(text, call);
	}
}

static void append_value(const struct audit_rule_data *rule, uint32_t index, struct buffer *text)
{
	uint32_t field = rule->fields[index], value = rule->values[index];
	struct text string = text_at(rule, index);

	if (string.data)
		buffer_append(text, string.data, string.length);
	else if (field == AUDIT_PERM)
		append_permissions(value, text);
	else if (audit_rule_holds_user(field) && value == UINT32_MAX)
		buffer_append_string(text, "unset");
	else
		buffer_append_signed(text, (int32_t)value);
}

static void append_watch(const struct audit_rule_data *rule, struct buffer *text)
{
	struct text path = audit_rule_path(rule);

	buffer_printf(text, "-w %.*s -p ", (int)path.length, path.data);
	append_permissions(audit_rule_permissions(rule), text);
}

static void append_fields(const struct audit_rule_data *rule, struct buffer *text)
{
	const char *list = audit_flag_to_name((int)(rule->flags & ~(uint32_t)AUDIT_FILTER_PREPEND));
	const char *action = audit_action_to_name((int)rule->action);
	int machine = audit_detect_machine();

	buffer_printf(text, "-a %s,%s", action ?: "?", list ?: "?");
	for (uint32_t i = 0; i < rule->field_count && i < AUDIT_MAX_FIELDS; i++)
		if (rule->fields[i] == AUDIT_ARCH) {
			buffer_printf(text, " -F arch%s",
				      audit_operator_to_symbol((int)rule->fieldflags[i]) ?: "=");
			machine = append_architecture(rule->values[i], text);
		}
	append_calls(rule, machine, text);
	for (uint32_t i = 0; i < rule->field_count && i < AUDIT_MAX_FIELDS; i++) {
		const char *name = audit_field_to_name((int)rule->fields[i]);

		if (rule->fields[i] == AUDIT_ARCH || rule->fields[i] == AUDIT_FILTERKEY)
			continue;
		buffer_printf(text, " -F %s%s", name ?: "?",
			      audit_operator_to_symbol((int)rule->fieldflags[i]) ?: "?");
		append_value(rule, i, text);
	}
}

void audit_rule_append(const struct audit_rule_data *rule, struct buffer *text)
{
	struct text keys = audit_rule_text(rule, AUDIT_FILTERKEY);

	if (is_watch(rule))
		append_watch(rule, text);
	else
		append_fields(rule, text);
	if (keys.length > 0)
		append_keys(keys, text);
}
