#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A login over the network, and what was asked from there: a real sshd on loopback, with PAM and the kernel's audit.

load helpers
load trail

setup_file() {
	engine_start
	engine_image
}

teardown_file() {
	engine_stop
}

setup() {
	engine_needed
	command -v auditctl >/dev/null || skip "auditctl is not installed"
	auditctl -s >/dev/null 2>&1 || skip "this kernel has no audit"
	[ -x /usr/sbin/sshd ] || skip "openssh-server is not installed"
	[ -r /etc/pam.d/sshd ] || skip "sshd has no PAM: no login uid is set"
	ENABLED=$(auditctl -s | awk '$1 == "enabled" { print $2 }')
	[ "$ENABLED" != 2 ] || { ENABLED= && skip "audit is immutable until the next boot"; }
	auditctl -e 1 >/dev/null
	RECORDER_AUDIT=auto
}

teardown() {
	[ -n "${ENABLED:-}" ] || return 0
	recorder_kill
	[ -z "${SSHD:-}" ] || kill "$SSHD"
	[ -z "${MADE_RUN:-}" ] || rmdir /run/sshd
	"$DOCKTRAIL" rules remove >/dev/null
	auditctl -e "$ENABLED" >/dev/null
}

# sshd_start: of keys of its own, on a port that nobody has; `ssh` in SSH_BIN asks it.
sshd_start() {
	local folder=$BATS_TEST_TMPDIR/ssh
	mkdir "$folder" "$folder/bin"
	[ -d /run/sshd ] || { mkdir /run/sshd && MADE_RUN=yes; }
	ssh-keygen -q -t ed25519 -N '' -f "$folder/host"
	ssh-keygen -q -t ed25519 -N '' -f "$folder/person"
	cp "$folder/person.pub" "$folder/authorized"
	chmod -R go-w "$BATS_TEST_TMPDIR"
	PORT=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
	cat >"$folder/sshd_config" <<-END
		Port $PORT
		ListenAddress 127.0.0.1
		HostKey $folder/host
		AuthorizedKeysFile $folder/authorized
		PermitRootLogin yes
		StrictModes no
		UsePAM yes
		PidFile none
		SetEnv DOCKER_HOST=unix://$ENGINE_SOCKET
	END
	printf '#!/bin/sh\nexec /usr/bin/ssh -F %s "$@"\n' "$folder/config" >"$folder/bin/ssh"
	chmod +x "$folder/bin/ssh"
	cat >"$folder/config" <<-END
		IdentityFile $folder/person
		UserKnownHostsFile $folder/known
		StrictHostKeyChecking accept-new
		LogLevel ERROR
	END
	/usr/sbin/sshd -D -e -f "$folder/sshd_config" >"$folder/log" 2>&1 3>&- &
	SSHD=$!
	SSH_BIN=$folder/bin
	answers() { grep -q 'Server listening' "$folder/log"; }
	wait_for 20 answers
}

@test "docker -H ssh://: the story begins with the address" {
	# Where the session was set already, nobody can set it anew: that of who runs the tests goes on.
	sshd_start
	recorder_start
	PATH=$SSH_BIN:$PATH docker -H "ssh://root@127.0.0.1:$PORT" run --rm --net none --name far busybox:test true
	asked() { has 'docktrail.api.operation == ContainerCreate and docktrail.api.state == complete'; }
	wait_for 10 asked
	wait_for 10 has 'event.action == "user-logout"'
	recorder_stop
	cat "$BATS_TEST_TMPDIR/ssh/log"
	events 'event.action == "user-login"' | jq -c '[.event.outcome, .source.ip, .docktrail.session, .user.audit, .docktrail.audit.types]'
	# The session's address, learnt from sshd, is that of everything that was asked in it.
	events 'docktrail.api.operation == ContainerCreate' | jq -e '.docktrail.session.source_ip == "127.0.0.1" and .user.audit.id == "0" and .process.args[0:3] == ["docker", "system", "dial-stdio"] and any(.process.ancestry[]; startswith("sshd["))'
	events 'event.action == "user-login"' | jq -e -s 'any(.source.ip == "127.0.0.1" and .event.outcome == "success" and .docktrail.audit.untrusted)'
	"$DOCKTRAIL" replay --trail "$TRAIL" >"$BATS_TEST_TMPDIR/story"
	cat "$BATS_TEST_TMPDIR/story"
	grep -q 'from 127.0.0.1)   docker system dial-stdio' "$BATS_TEST_TMPDIR/story"
}
