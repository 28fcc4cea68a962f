// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "capture/audit_rule.h"

static struct audit_rule_data *parse(const char *text, bool folder)
{
	_cleanup_buffer_ struct buffer problem = {};
	struct audit_rule_data *rule = NULL;
	int r = audit_rule_parse(text, folder, &rule, &problem);

	if (r < 0)
		fail_msg("%s: %s", text, buffer_string(&problem));
	return rule;
}

/* As auditctl 3.0.9 -l lists what it was given like this. */
static void expect(const char *text, bool folder, const char *listed)
{
	_cleanup_free_ struct audit_rule_data *rule = parse(text, folder);
	_cleanup_buffer_ struct buffer words = {};

	audit_rule_append(rule, &words);
	assert_string_equal(buffer_string(&words), listed);
}

static void test_listed(void **state)
{
	expect("-w /etc/docker -p wa -k docktrail-config", true,
	       "-w /etc/docker -p wa -k docktrail-config");
	expect("-w  /usr/bin/docker\t-p rwxa -k k", false, "-w /usr/bin/docker -p rwxa -k k");
	expect("-a exit,always -F arch=b64 -S connect -F path=/run/docker.sock -k c", false,
	       "-a always,exit -F arch=b64 -S connect -F path=/run/docker.sock -k c");
	expect("-a always,exit -F dir=/run/containerd -F perm=wa -F auid!=unset -k s", false,
	       "-a always,exit -F dir=/run/containerd -F perm=wa -F auid!=unset -k s");
	expect("-a never,task", false, "-a never,task");
	expect("-a always,exit -F auid>=1000 -F success=0", false,
	       "-a always,exit -F auid>=1000 -F success=0");
}

static void test_watch(void **state)
{
	_cleanup_free_ struct audit_rule_data *file = parse("-w /etc/x -p wa -k k", false);
	_cleanup_free_ struct audit_rule_data *folder = parse("-w /etc/x -p wa -k k", true);

	assert_true(text_equal(audit_rule_text(file, AUDIT_WATCH), TEXT("/etc/x")));
	assert_null(audit_rule_text(file, AUDIT_DIR).data);
	assert_true(text_equal(audit_rule_text(folder, AUDIT_DIR), TEXT("/etc/x")));
	assert_true(text_equal(audit_rule_path(folder), TEXT("/etc/x")));
	assert_int_equal(audit_rule_permissions(file), AUDIT_PERM_WRITE | AUDIT_PERM_ATTR);
	assert_int_equal(file->flags, AUDIT_FILTER_EXIT);
	assert_int_equal(file->action, AUDIT_ALWAYS);
	assert_false(audit_rule_equal(file, folder));
}

static void test_calls(void **state)
{
	_cleanup_free_ struct audit_rule_data *rule =
		parse("-a always,exit -F arch=b64 -S setns,unshare -k n", false);
	int machine = audit_detect_machine();

	assert_true(audit_rule_has_call(rule, audit_name_to_syscall("setns", machine)));
	assert_true(audit_rule_has_call(rule, audit_name_to_syscall("unshare", machine)));
	assert_false(audit_rule_has_call(rule, audit_name_to_syscall("read", machine)));
	assert_false(audit_rule_has_call(rule, -1));
}

/* The kernel takes the classes of calls out of the mask, and sets its own bits. */
static void test_equal(void **state)
{
	_cleanup_free_ struct audit_rule_data *one = parse("-w /etc/x -p wa -k k", false);
	_cleanup_free_ struct audit_rule_data *same = parse("-w /etc/x -p wa -k k", false);
	_cleanup_free_ struct audit_rule_data *key = parse("-w /etc/x -p wa -k l", false);
	_cleanup_free_ struct audit_rule_data *path = parse("-w /etc/y -p wa -k k", false);
	_cleanup_free_ struct audit_rule_data *permissions = parse("-w /etc/x -p w -k k", false);

	same->mask[AUDIT_BITMASK_SIZE - 1] &= 0xffff;
	same->flags |= AUDIT_FILTER_PREPEND;
	assert_true(audit_rule_equal(one, same));
	same->mask[0] &= ~1u;
	assert_false(audit_rule_equal(one, same));
	assert_false(audit_rule_equal(one, key));
	assert_false(audit_rule_equal(one, path));
	assert_false(audit_rule_equal(one, permissions));
}

static void test_keys(void **state)
{
	_cleanup_free_ struct audit_rule_data *one = parse("-w /x -p w -k docktrail-a", false);
	_cleanup_free_ struct audit_rule_data *two =
		parse("-w /x -p w -k other\001docktrail-a", false);

	assert_true(audit_rule_has_key(one, TEXT("docktrail-")));
	assert_false(audit_rule_has_key(one, TEXT("trail-")));
	assert_true(audit_rule_has_key(two, TEXT("docktrail-")));
	assert_true(audit_rule_has_key(two, TEXT("other")));
	assert_false(audit_rule_has_key(two, TEXT("docktrail-ab")));
}

/* Hostile only in a test: the kernel's own lists come from the kernel. */
static void test_broken_list(void **state)
{
	_cleanup_free_ struct audit_rule_data *rule = parse("-w /etc/x -p wa -k k", false);

	rule->values[0] = 5000;
	assert_null(audit_rule_path(rule).data);
	assert_null(audit_rule_text(rule, AUDIT_FILTERKEY).data);
}

static void test_refused(void **state)
{
	static const struct {
		const char *text, *problem;
	} rows[] = {
		{ "", "neither a watch nor a list: " },
		{ "-k key", "neither a watch nor a list: " },
		{ "-w", "not an option with a value: -w" },
		{ "-w /x -p wz", "permissions are letters of rwxa: wz" },
		{ "-a always", "not a list and an action: always" },
		{ "-a always,nowhere", "not a list and an action: always,nowhere" },
		{ "-a always,exit -F", "not an option with a value: -F" },
		{ "-a always,exit -F nothing", "not a field, an operator and a value: nothing" },
		{ "-a always,exit -F colour=red",
		  "not a field, an operator and a value: colour=red" },
		{ "-a always,exit -F auid=me", "not a number of 32 bits: me" },
		{ "-a always,exit -F auid=", "not a field, an operator and a value: auid=" },
		{ "-a always,exit -F arch=b16",
		  "an architecture is b64 or b32, where this kernel has it: b16" },
		{ "-a always,exit -S teleport", "there is no such system call: teleport" },
		{ "-x y", "not an option of a rule: -x" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_buffer_ struct buffer problem = {};
		struct audit_rule_data *rule = NULL;

		assert_int_equal(audit_rule_parse(rows[i].text, false, &rule, &problem), -EINVAL);
		assert_null(rule);
		assert_string_equal(buffer_string(&problem), rows[i].problem);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_listed),  cmocka_unit_test(test_watch),
		cmocka_unit_test(test_calls),   cmocka_unit_test(test_equal),
		cmocka_unit_test(test_keys),    cmocka_unit_test(test_broken_list),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests_name("rules of audit", tests, NULL, NULL);
}
