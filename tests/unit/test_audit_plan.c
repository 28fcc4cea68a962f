// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "capture/audit_plan.h"
#include "capture/audit_rule.h"
#include "fake_proc.h"

struct host {
	char *root;
	struct audit_plan *plan;
};

static int set_up(void **state)
{
	struct host *host = calloc(1, sizeof(*host));

	host->root = fake_folder();
	*state = host;
	return 0;
}

static int tear_down(void **state)
{
	struct host *host = *state;

	audit_plan_free(host->plan);
	fake_remove(host->root);
	free(host);
	return 0;
}

static void has_file(struct host *host, const char *path, const char *contents)
{
	fake_file(host->root, path, contents, strlen(contents));
}

static void has_folder(struct host *host, const char *path)
{
	char name[512];

	snprintf(name, sizeof(name), "%s/.made", path);
	fake_file(host->root, name, "", 0);
}

static void has_link(struct host *host, const char *path, const char *to)
{
	char name[512];

	snprintf(name, sizeof(name), "%s/%s", host->root, path);
	assert_int_equal(symlink(to, name), 0);
}

static void plan(struct host *host, const char *socket, bool no_exec)
{
	const char *sockets[] = { socket, NULL };
	const struct audit_plan_options options = { .sockets = sockets,
						    .no_exec = no_exec,
						    .root = host->root };
	_cleanup_buffer_ struct buffer problem = {};

	audit_plan_free(host->plan);
	host->plan = NULL;
	if (audit_plan_new(&options, &host->plan, &problem) < 0)
		fail_msg("%s", buffer_string(&problem));
}

static const struct audit_plan_rule *find(struct host *host, const char *text)
{
	const struct audit_plan_rule *rules;
	size_t count = audit_plan_rules(host->plan, &rules);

	for (size_t i = 0; i < count; i++)
		if (strcmp(rules[i].text, text) == 0)
			return &rules[i];
	return NULL;
}

static void loads(struct host *host, const char *text)
{
	const struct audit_plan_rule *rule = find(host, text);

	if (!rule || !rule->data)
		fail_msg("%s: %s", text, rule ? rule->waits : "no such rule");
}

static void waits(struct host *host, const char *text, const char *why)
{
	const struct audit_plan_rule *rule = find(host, text);

	if (!rule)
		fail_msg("no such rule: %s", text);
	assert_null(rule->data);
	assert_string_equal(rule->waits, why);
}

static void test_programs(void **state)
{
	struct host *host = *state;

	has_file(host, "usr/bin/docker", "");
	has_file(host, "usr/bin/docker-compose", "");
	has_file(host, "usr/sbin/dockerd", "");
	has_file(host, "opt/runc-1.1", "");
	has_link(host, "usr/sbin/runc", "/opt/runc-1.1");
	has_link(host, "bin", "usr/bin");
	plan(host, "/run/docker.sock", false);
	loads(host, "-w /usr/bin/docker -p wax -k docktrail-program");
	loads(host, "-w /usr/bin/docker-compose -p wax -k docktrail-program");
	loads(host, "-w /usr/sbin/dockerd -p wax -k docktrail-program");
	assert_string_equal(find(host, "-w /usr/sbin/dockerd -p wax -k docktrail-program")->cis,
			    "1.1.3");
	/* The link, and what it leads to. */
	loads(host, "-w /usr/sbin/runc -p wax -k docktrail-program");
	loads(host, "-w /opt/runc-1.1 -p wax -k docktrail-program");
	/* One file by two names is one rule. */
	assert_null(find(host, "-w /bin/docker -p wax -k docktrail-program"));
	waits(host, "-w @program:podman -p wax -k docktrail-program",
	      "there is no program podman on this host");
	plan(host, "/run/docker.sock", true);
	loads(host, "-w /usr/bin/docker -p wa -k docktrail-program");
	assert_null(find(host, "-w /usr/bin/docker -p wax -k docktrail-program"));
}

static void test_units(void **state)
{
	struct host *host = *state;

	has_folder(host, "etc/systemd/system/docker.service.d");
	has_file(host, "usr/lib/systemd/system/docker.service", "");
	has_file(host, "usr/lib/systemd/system/docker.socket", "");
	plan(host, "/run/docker.sock", false);
	loads(host, "-w /usr/lib/systemd/system/docker.service -p wa -k docktrail-unit");
	loads(host, "-w /etc/systemd/system/docker.service.d -p wa -k docktrail-unit");
	assert_true(audit_rule_text(find(host, "-w /etc/systemd/system/docker.service.d -p wa "
					       "-k docktrail-unit")
					    ->data,
				    AUDIT_DIR)
			    .length > 0);
	/* Where a person would put one it is awaited. */
	loads(host, "-w /etc/systemd/system/docker.service -p wa -k docktrail-unit");
	loads(host, "-w /etc/systemd/system/docker.socket.d -p wa -k docktrail-unit");
}

static void test_daemon(void **state)
{
	struct host *host = *state;

	has_file(host, "etc/docker/daemon.json",
		 "{\"data-root\": \"/srv/docker\", \"tlskey\": \"/etc/keys/key.pem\", "
		 "\"tlscert\": 5}");
	has_file(host, "etc/keys/key.pem", "");
	has_folder(host, "srv/docker");
	plan(host, "/run/docker.sock", false);
	loads(host,
	      "-a always,exit -F dir=/srv/docker -F perm=wa -F auid!=unset -k docktrail-state");
	loads(host, "-w /etc/keys/key.pem -p rwa -k docktrail-tls");
	waits(host, "-w @daemon:tlscert -p wa -k docktrail-tls",
	      "/etc/docker/daemon.json names no tlscert");
	has_file(host, "etc/docker/daemon.json", "{");
	plan(host, "/run/docker.sock", false);
	waits(host,
	      "-a always,exit -F dir=/var/lib/docker -F perm=wa -F auid!=unset -k docktrail-state",
	      "there is no folder /var/lib");
	waits(host, "-w @daemon:tlskey -p rwa -k docktrail-tls",
	      "/etc/docker/daemon.json cannot be read: it is no JSON; "
	      "/etc/docker/daemon.json names no tlskey");
}

static void test_homes(void **state)
{
	struct host *host = *state;

	has_file(
		host, "etc/passwd",
		"root:x:0:0::/root:/bin/bash\nalice:x:1000:1000::/home/alice:/bin/sh\n"
		"daemon:x:1:1::/usr/sbin:/usr/sbin/nologin\nci:x:999:999::/srv/ci:/bin/false\n"
		"bob:x:1001:1001::/home/bob builder:/bin/sh\ngone:x:1002:1002::/home/gone:/bin/sh\n");
	has_folder(host, "root");
	has_folder(host, "home/alice/.docker");
	has_folder(host, "home/bob builder");
	has_folder(host, "usr/sbin");
	has_folder(host, "srv/ci/.docker");
	plan(host, "/run/docker.sock", false);
	loads(host, "-w /root/.docker -p wa -k docktrail-client");
	loads(host, "-w /home/alice/.docker -p wa -k docktrail-client");
	/* Nobody logs in as it, and it has used the client. */
	loads(host, "-w /srv/ci/.docker -p wa -k docktrail-client");
	assert_null(find(host, "-w /usr/sbin/.docker -p wa -k docktrail-client"));
	assert_null(find(host, "-w /home/gone/.docker -p wa -k docktrail-client"));
	waits(host, "-w /home/bob builder/.docker -p wa -k docktrail-client",
	      "no rule can have a blank or a quote in its path");
}

static void test_sockets(void **state)
{
	struct host *host = *state;

	has_folder(host, "run");
	has_link(host, "var-run", "run");
	plan(host, "/var-run/docker.sock", false);
	loads(host, "-a always,exit -F arch=b64 -S connect -F path=/run/docker.sock "
		    "-k docktrail-connect");
	has_file(host, "run/user/1000/docker.sock", "");
	has_folder(host, "run/user/1001");
	plan(host, "/run/user/*/docker.sock", false);
	loads(host, "-a always,exit -F arch=b64 -S connect -F path=/run/user/1000/docker.sock "
		    "-k docktrail-connect");
	assert_null(find(host, "-a always,exit -F arch=b64 -S connect "
			       "-F path=/run/user/1001/docker.sock -k docktrail-connect"));
	plan(host, "/nowhere/docker.sock", false);
	waits(host, "-a always,exit -F arch=b64 -S connect -F path=@socket -k docktrail-connect",
	      "no folder is there for any socket that is watched");
}

/* Links that lead to one another, and out of the host's root. */
static void test_links(void **state)
{
	struct host *host = *state;

	has_folder(host, "etc/default");
	has_link(host, "etc/default/docker", "docker");
	has_link(host, "etc/subuid", "../../../../../etc/subgid");
	has_link(host, "etc/subgid", "/etc/real");
	has_file(host, "etc/real", "");
	plan(host, "/run/docker.sock", false);
	loads(host, "-w /etc/default/docker -p wa -k docktrail-config");
	loads(host, "-w /etc/subuid -p wa -k docktrail-config");
	loads(host, "-w /etc/subgid -p wa -k docktrail-config");
	loads(host, "-w /etc/real -p wa -k docktrail-config");
}

/* A user chooses neither what the host's audit watches, nor what stands in its files of rules. */
static void test_users_links(void **state)
{
	struct host *host = *state;
	_cleanup_buffer_ struct buffer file = {};
	const struct audit_plan_rule *rules;
	size_t count;

	has_file(host, "etc/passwd",
		 "alice:x:1000:1000::/home/alice:/bin/sh\nbob:x:1001:1001::/home/bob:/bin/sh\n");
	has_folder(host, "home/alice");
	has_folder(host, "home/bob/.docker");
	has_folder(host, "srv/everything");
	has_file(host, "run/journal/docker.sock", "");
	has_link(host, "home/alice/.docker", "/srv/everything");
	has_link(host, "home/bob/.docker/run", "/run/journal");
	plan(host, "/home/*/.docker/run/docker.sock", false);
	loads(host, "-a always,exit -F path=/home/alice/.docker -F perm=wa -k docktrail-client");
	loads(host, "-w /home/bob/.docker -p wa -k docktrail-client");
	count = audit_plan_rules(host->plan, &rules);
	for (size_t i = 0; i < count; i++)
		if (strstr(rules[i].text, "everything") || strstr(rules[i].text, "journal"))
			fail_msg("%s", rules[i].text);
	/* A socket that is a link itself. */
	has_folder(host, "home/alice2/.docker/run");
	has_link(host, "home/alice2/.docker/run/docker.sock", "/run/journal/docker.sock");
	plan(host, "/home/*/.docker/run/docker.sock", false);
	waits(host,
	      "-a always,exit -F arch=b64 -S connect -F path=/home/alice2/.docker/run/docker.sock "
	      "-k docktrail-connect",
	      "it is a user's link, and is not followed");
	/* Lines in a name. */
	has_folder(host, "usr/bin");
	has_link(host, "usr/bin/docker", "/opt/x\n-e 0\n#");
	plan(host, "/run/docker.sock", false);
	audit_plan_print(host->plan, NULL, &file);
	assert_null(strstr(buffer_string(&file), "\n-e 0"));
}

/* Neither looked at, nor watched: an automount, and what a server has. */
static void test_far(void **state)
{
	static const char why[] = "it is an automount's, or a file server's, and is not touched";
	struct host *host = *state;

	has_file(host, "proc/self/mounts",
		 "/dev/sda / ext4 rw 0 0\nauto /home autofs rw 0 0\n"
		 "server:/carol /home/carol nfs4 rw 0 0\n/dev/sdb /home/dave ext4 rw 0 0\n"
		 "sshfs /srv/eve/.docker fuse.sshfs rw 0 0\n");
	has_file(host, "etc/passwd",
		 "bob:x:1:1::/home/bob:/bin/sh\ncarol:x:2:2::/home/carol:/bin/sh\n"
		 "dave:x:3:3::/home/dave:/bin/sh\neve:x:4:4::/srv/eve:/bin/sh\n");
	has_folder(host, "home/bob");
	has_folder(host, "home/dave");
	has_folder(host, "srv/eve/.docker");
	plan(host, "/run/docker.sock", false);
	waits(host, "-w /home/bob/.docker -p wa -k docktrail-client", why);
	waits(host, "-w /home/carol/.docker -p wa -k docktrail-client", why);
	waits(host, "-w /srv/eve/.docker -p wa -k docktrail-client", why);
	loads(host, "-w /home/dave/.docker -p wa -k docktrail-client");
}

/* What is printed is what auditctl takes, and says what is left out. */
static void test_printed(void **state)
{
	struct host *host = *state;
	_cleanup_buffer_ struct buffer file = {};
	const char *text;

	has_file(host, "usr/sbin/dockerd", "");
	plan(host, "/run/docker.sock", false);
	audit_plan_print(host->plan, NULL, &file);
	text = buffer_string(&file);
	assert_non_null(strstr(text, "\n# CIS 1.1.3: the engine's program\n"
				     "-w /usr/sbin/dockerd -p wax -k docktrail-program\n"));
	assert_non_null(strstr(text, "\n# there is no program runc on this host: "
				     "-w @program:runc -p wax -k docktrail-program\n"));
	for (const char *line = text; *line; line += strcspn(line, "\n") + 1) {
		_cleanup_free_ char *rule = strndup(line, strcspn(line, "\n"));
		_cleanup_free_ struct audit_rule_data *data = NULL;
		_cleanup_buffer_ struct buffer problem = {};

		if (*rule && *rule != '#')
			assert_int_equal(audit_rule_parse(rule, false, &data, &problem), 0);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)
	const struct CMUnitTest tests[] = { TEST(programs),    TEST(units),   TEST(daemon),
					    TEST(homes),       TEST(sockets), TEST(links),
					    TEST(users_links), TEST(far),     TEST(printed) };

	return cmocka_run_group_tests_name("plan of rules", tests, NULL, NULL);
}
