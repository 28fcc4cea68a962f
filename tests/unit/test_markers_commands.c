// SPDX-License-Identifier: Apache-2.0
/* Markers in command lines, of processes and of containers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "markers_bed.h"

/* clang-format off */
/* Arguments apart by '|', of a shell '%': in the command line of a process, and in a container's. */
static const char *const commands[] = {
	"mysql|-u|root|-p" M,	"mysqladmin|--password=" M "|ping", "sshpass|-p|" M "|ssh|h",
	"curl|-u|me:" M "|h",	"curl|-H|Authorization: Basic " M,  "curl|-HX-Registry-Auth: " M,
	"curl|https://me:" M "@h/", "git|clone|https://" M "@h/a",  "env|DB_PASSWORD=" M "|a",
	"a|--db-token|" M,	"a|--api-key=" M,		    "a|{\"password\": \"" M "\"}",
	"redis-cli|-a|" M,	"openssl|-passin|pass:" M,	    "docker|swarm|join|--token|" M "|h",
	"psql|postgres://me:" M "@h/a",				    "docker|pull|me:" M "@h/a",
	"docker|import|http://me:" M "@h/a",			    "docker|build|https://me:" M "@h/a.git",
	"sudo|-u|me|docker|run|-itde|A=" M "|a",		    "docker|-H|unix:///x|login|-u|me|-p|" M,
	"sh|-c|docker run -e 'A=" M "' a; mysql -p" M,		    "bash|-lc|TOKEN=" M " a",
	"docker|exec|a|sh|-c|curl -u me:" M " h",		    "docker|service|update|--env-add|A=" M "|a",
	"docker|run|--health-cmd=curl -u me:" M " h|a",		    "docker|compose|-f|a|run|-e|A=" M "|a",
	"buildctl|build|--opt|build-arg:A=" M,			    "nginx: worker PASSWORD=" M,
	"docker|commit|-c|ENV A=" M "|a", "podman|import|--change=ENV A " M "|a",
	"redis-server|--requirepass|" M,	"redis-cli|config|set|masterauth|" M,
	"sh|-c|export PW=" M,	"a|{\"pw\":\"" M "\"}",	    "aws|configure|set|aws_secret_access_key|" M,
	"vault|login|" M,	"openssl|enc|-k|" M,		    "htpasswd|-b|f|u|" M,
	"rabbitmqctl|add_user|u|" M,				    "kubectl|create|--from-literal=k=" M,
	"sh|-c|chpasswd <<< u:" M,		"sh|-c|echo u:" M " % chpasswd -e",
	"sh|-c|printf " M "%docker login --password-stdin h",
	"sh|-c|(id; echo " M ") % gh auth login --with-token",
	"sh|-c|vault login - <<E\n" M "\nE\nid",	"sh|-c|echo " M " % sudo -S id",
	"mysql|-e|CREATE USER u IDENTIFIED BY '" M "'",		    "psql|-c|Alter Role r Password \"" M "\"",
	"sh|-c|mysql -e \"SET PASSWORD FOR u = PASSWORD('" M "')\"",
	"redis-cli|-h|h|AUTH|u|" M,	"redis-cli|ACL|SETUSER|u|>" M,
	"sh|-c|redis-cli CONFIG SET requirepass " M,		    "sh|-c|echo AUTH " M "%redis-cli",
	"docker|run|hashicorp/vault:1|login|" M,
	"sh|-c|docker ps && docker commit -c \"ENV A=" M "\" a", "sh|-c|docker ps; ctr i pull -u a:" M " a",
	"docker|exec|a|docker|commit|-c|ENV A=" M "|a",		    "docker|run|docker:cli|commit|-c|ENV A=" M,
	"sh|-c|export \"PASSWORD=" M " " M "\"",		    "sh|-c|curl -d 'password=" M " " M "' h",
	"sh|-c|# it's\ndocker run -e \"A=" M " " M "\" a",	    "sh|-c|docker login -u a -p $(echo " M ")",
	"sh|-c|docker run -e A=`echo " M "` a",			    "sh|-c|PASSWORD=${P:-" M " " M "} a",
	"sh|-c|docker login -u a \\\n -p \\\n " M " a",	    "sh|-c|PASSWORD=(a " M ")",
	"sh|-c|ssh h \"docker run -e \\\"A=" M " " M "\\\" a\"",	    "sh|-c|PASSWORD=$'a\\' " M "'",
	"docker|run|--entrypoint=htpasswd|httpd:2|-Bbn|u|" M,	    "docker|service|create|-l|a=" M "|a",
	"docker|run|curlimages/curl:8|-u|a:" M "|h",		    "skopeo|copy|--src-creds|u:" M "|a",
	"docker|volume|create|-o|o=username=u,password=" M,	    "buildctl|build|--opt=build-arg:A=" M,
	"docker|run|--network|name=a,driver-opt=k=" M "|a",	    "docker|commit|-c|LABEL a=" M "|a",
	"sh|-c|echo " M " % docker config create a -",		    "a|os.environ[\"DB_PASSWORD\"]=\"" M "\"",
	"curl|-d|user[password]=" M "|h",			    "a|'password' => '" M "'",
	"sh|-c|PASSWORD+=" M,	"sh|-c|a ${PASSWORD:-" M "}",	    "sh|-c|: ${PASSWORD:=" M "}",
	"npm|config|set|//h/:_authToken|" M,			    "crudini|--set|f|DEFAULT|password|" M,
	"jq|--arg|password|" M,	"valkey-cli|-a|" M,		    "vault|operator|unseal|" M,
	"kubectl|run|--env=K=" M "|a",				    "a|--encryption-key|" M,
	"curl|-d|{\"Env\":[\"A=" M "\",\"B=" M "\"]}|h",	    "curl|-d|{\"Name\":\"a\",\"Data\":\"" M "\"}|h",
	"curl|http://d/build?buildargs={\"A\":\"" M "\"}",	    "curl|http://d/commit?changes=ENV%20A=" M,
	"curl|http://h/?X-Amz-Signature=" M,			    "oras|login|-u|a|-p|" M,
	"wpa_passphrase|a|" M,	"docker|commit|-c|ENV A=b\\|-c|USER " M "|a",
	"docker|commit|-c|CMD [\"curl\",\"-H\",\"X-Key: " M "\"]|a", "sh|-c|[ \"$PASSWORD\" == " M " ]",
	"sh|-c|docker run -e A=b\\\n" M " a",			    "a|-----BEGIN PGP PRIVATE KEY BLOCK-----\n" M,
	"sh|-c|-----BEGIN a\nx X-Auth: " M,
	"docker|exec|db|mysql|-e|update u set password=password('" M "') where a",
	"sh|-c|--env=a\nx docker login --password " M,	    "a|--env|docker login --password " M,
	"a|--pin|" M,		"a|PIN=" M,			    "a|say internal-" M,
};
/* clang-format on */

static const char *const engines[] = {
	"docker",         "podman",         "nerdctl",        "ctr", "buildx", "docker|buildx",
	"docker-compose", "docker|compose", "/usr/bin/docker"
};
static const char *const engine_flags[] = {
	"-e|A=" M,
	"-eA=" M,
	"-e=A=" M,
	"-e|" M,
	"--env|A=" M,
	"--env=A=" M,
	"-p|" M,
	"-p" M,
	"-p=" M,
	"--secret|" M,
	"--secret=" M,
	"--secret|id=a,src=" M,
	"--build-arg|A=" M,
	"--build-arg=A=" M,
	"--password|" M,
	"--password=" M,
};
static const char *const engine_words[] = { "run|", "login|", "build|", "" };

/* A process that runs it, of which `kept` bytes are known, asks something. */
static void runs(struct markers *markers, const char *line, size_t kept)
{
	static const struct place ping = { "", { "GET /_ping" HOST "\r\n" } };
	struct {
		struct wire_process_exec exec;
		char tail[WIRE_ARGS_MOST];
	} message = { .exec = { .task = { .pid = ++markers->pid,
					  .start = markers->now,
					  .login_uid = WIRE_UNSET,
					  .session = WIRE_UNSET,
					  .name = "client" },
				.args_length = (uint32_t)strlen(line) + 1,
				.args = { .length = (uint16_t)kept } } };
	struct wire_socket_sender sender = { .task = message.exec.task, .inode = INODE };

	for (size_t i = 0; i < kept; i++)
		message.tail[i] = line[i] == '|' ? '\0' : line[i] == '%' ? '|' : line[i];
	message.exec.header.length = (uint32_t)kept;
	markers_say(markers, &message.exec.header, WIRE_process_exec, sizeof(message.exec));
	sender.connection = markers->connection + 1;
	markers_say(markers, &sender.header, WIRE_socket_sender, sizeof(sender));
	markers_converse(markers, &ping, 0, WHOLE, 0);
}

/* The same as a container's command, and as an exec's. */
static void declares(struct markers *markers, const char *line, bool everything)
{
	_cleanup_buffer_ struct buffer create = {};
	struct place place = { .what = "a command" };

	buffer_append_string(&create, CREATE "{\"Entrypoint\":[],\"Cmd\":[\"");
	for (; *line; line++)
		if (*line == '|')
			buffer_append_string(&create, "\",\"");
		else if (*line == '"' || *line == '\\')
			buffer_printf(&create, "\\%c", *line);
		else if (*line == '\n')
			buffer_append_string(&create, "\\n");
		else if (*line == '%')
			buffer_append_char(&create, '|');
		else
			buffer_append_char(&create, *line);
	buffer_append_string(&create, "\"]}");
	place.turns[0] = buffer_string(&create);
	assert_non_null(place.turns[0]);
	if (everything)
		markers_try_everything(markers, &place);
	else
		markers_converse(markers, &place, 0, WHOLE, 0);
}

static void test_command_lines(void **state)
{
	struct markers *markers = *state;

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		for (size_t kept = 0; kept <= strlen(commands[i]) + 1; kept++)
			runs(markers, commands[i], kept);
		declares(markers, commands[i], true);
	}
	markers_expect_no_leak(markers);
}

static void test_engines(void **state)
{
	struct markers *markers = *state;

	for (size_t i = 0; i < ARRAY_SIZE(engines); i++)
		for (size_t j = 0; j < ARRAY_SIZE(engine_flags); j++)
			for (size_t k = 0; k < ARRAY_SIZE(engine_words); k++) {
				_cleanup_buffer_ struct buffer line = {};

				/* The project's name. */
				if (!*engine_words[k] && strstr(engines[i], "compose") &&
				    strncmp(engine_flags[j], "-p", 2) == 0)
					continue;
				buffer_printf(&line, "%s|%s%s|a", engines[i], engine_words[k],
					      engine_flags[j]);
				for (size_t kept = 0; kept <= line.length + 1; kept++)
					runs(markers, buffer_string(&line), kept);
				declares(markers, buffer_string(&line), false);
			}
	markers_expect_no_leak(markers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_command_lines, markers_set_up,
						markers_tear_down),
		cmocka_unit_test_setup_teardown(test_engines, markers_set_up, markers_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
