# SPDX-License-Identifier: Apache-2.0
# For the .bats files: a real Docker engine that belongs to the test file alone, and the recorder.
#
#	setup_file()    { engine_start; engine_image; }
#	setup()         { engine_needed; }
#	teardown_file() { engine_stop; }
#
# engine_start sets and exports ENGINE_DIR, ENGINE_SOCKET, ENGINE_DATA and DOCKER_HOST: plain `docker`
# talks to this engine. Containers need `--net none`: the engine has neither bridge nor iptables.
# bats 1.8 cannot skip in setup_file, so what is missing is noted there and skipped in setup.
#
# In a guest without hardware help everything takes five to ten times as long: TIME_FACTOR, which the
# VM runner sets, stretches every bound below. A bound is only ever waited out by a test that fails.

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
DOCKTRAIL=${DOCKTRAIL:-$TOP/build/docktrail}
export TOP DOCKTRAIL

# wait_for SECONDS COMMAND...: until COMMAND succeeds; fails, and says so, when the time is over.
wait_for() {
	local bound=$(($1 * ${TIME_FACTOR:-1})) start=$SECONDS
	shift
	until "$@" >/dev/null 2>&1; do
		if ((SECONDS - start >= bound)); then
			echo "not within $bound s: $*" >&2
			return 1
		fi
		sleep 0.1
	done
}

is_gone() {
	! kill -0 "$1" 2>/dev/null
}

# --- the engine ---------------------------------------------------------------------------------

engine_missing_reason() {
	[ "$(id -u)" = 0 ] || { echo "root is needed to start a Docker engine"; return; }
	command -v dockerd >/dev/null || { echo "dockerd is not installed"; return; }
	[ -x /usr/bin/docker ] || { echo "the docker client is not installed"; return; }
	[ -x /bin/busybox ] || echo "busybox-static is not installed"
}

# engine_needed: in setup(); skips the test where engine_start found that no engine can be had.
engine_needed() {
	[ -z "${ENGINE_MISSING:-}" ] || skip "$ENGINE_MISSING"
}

# engine_start [DOCKERD-ARGS...]: a new folder, and an engine in it. The folder's name is short, since
# the path of a socket is limited to 107 bytes, and unlike any other, since engine_stop goes by it.
engine_start() {
	ENGINE_MISSING=$(engine_missing_reason)
	export ENGINE_MISSING
	[ -z "$ENGINE_MISSING" ] || return 0
	ENGINE_DIR=$(mktemp -d /tmp/engine.XXXXXXXX)
	ENGINE_SOCKET=$ENGINE_DIR/docker.sock ENGINE_DATA=$ENGINE_DIR/data
	DOCKER_HOST=unix://$ENGINE_SOCKET DOCKER_CONFIG=$ENGINE_DIR/client
	export ENGINE_DIR ENGINE_SOCKET ENGINE_DATA DOCKER_HOST DOCKER_CONFIG
	mkdir "$DOCKER_CONFIG"
	echo '{}' >"$ENGINE_DIR/daemon.json"
	engine_up "$@"
}

# engine_up [DOCKERD-ARGS...]: starts the daemon in ENGINE_DIR, again after engine_down. Descriptor 3
# is bats' own: a daemon that holds it would keep bats from ending.
engine_up() {
	: >"$ENGINE_DIR/log"
	dockerd --config-file "$ENGINE_DIR/daemon.json" --data-root "$ENGINE_DATA" \
		--exec-root "$ENGINE_DIR/exec" --pidfile "$ENGINE_DIR/pid" --host "$DOCKER_HOST" \
		--iptables=false --ip-forward=false --bridge=none --userland-proxy=false "$@" \
		>"$ENGINE_DIR/log" 2>&1 </dev/null 3>&- &
	echo $! >"$ENGINE_DIR/dockerd"
	if ! wait_for 30 engine_answers_or_is_gone || ! engine_answers; then
		echo "dockerd did not start:" >&2
		tail -n 20 "$ENGINE_DIR/log" >&2
		engine_stop
		return 1
	fi
}

engine_answers() {
	grep -q 'msg="API listen on' "$ENGINE_DIR/log"
}

engine_answers_or_is_gone() {
	engine_answers || is_gone "$(cat "$ENGINE_DIR/dockerd")"
}

# engine_image: busybox:test, one static busybox with links, without a registry.
engine_image() {
	[ -z "${ENGINE_MISSING:-}" ] || return 0
	local image=$ENGINE_DIR/image name
	mkdir -p "$image"/{bin,etc,tmp}
	cp /bin/busybox "$image/bin/busybox"
	for name in sh id true false sleep cat ls echo dd tail mount unshare ps kill; do
		ln -sf busybox "$image/bin/$name"
	done
	tar -c -C "$image" . | docker import - busybox:test >/dev/null
}

# engine_for_users: several users ask it.
engine_for_users() {
	[ -z "${ENGINE_MISSING:-}" ] || return 0
	chmod 0711 "$ENGINE_DIR"
	chmod 0666 "$ENGINE_SOCKET"
}

# engine_down: ends the daemon (its containers too) and leaves its folder, for engine_up.
engine_down() {
	local pid containers
	pid=$(cat "$ENGINE_DIR/dockerd")
	if ! is_gone "$pid" && engine_answers; then
		containers=$(timeout 60 docker ps -aq) || true
		[ -z "$containers" ] || timeout 120 docker rm -f $containers >/dev/null || true
	fi
	kill -TERM "$pid" 2>/dev/null || true
	wait_for 20 is_gone "$pid" || kill -KILL "$pid" 2>/dev/null || true
	wait "$pid" 2>/dev/null || true
	rm -f "$ENGINE_DIR/pid"
}

# Processes that name this engine's folder in their arguments: its containerd and its shims.
engine_processes() {
	local file
	for file in /proc/[0-9]*/cmdline; do
		if tr '\0' ' ' 2>/dev/null <"$file" | grep -qE "^[^ ]*(dockerd|containerd|containerd-shim[^ ]*|runc) .*$ENGINE_DIR/"; then
			file=${file%/cmdline}
			echo "${file#/proc/}"
		fi
	done
}

# engine_stop: ends all that engine_start began and removes its folder. Nothing else is touched.
engine_stop() {
	local pid mounted
	[ -n "${ENGINE_DIR:-}" ] && [ -d "$ENGINE_DIR" ] || return 0
	engine_down
	for pid in $(engine_processes); do
		kill -KILL "$pid" 2>/dev/null || true
		wait_for 5 is_gone "$pid" || true
	done
	awk '{ print $5 }' /proc/self/mountinfo | grep -F "$ENGINE_DIR/" | sort -r | while read -r mounted; do
		umount -l "$mounted" || true
	done
	rm -rf "$ENGINE_DIR"
}

# --- the recorder -------------------------------------------------------------------------------

# recorder_start [ARGS...]: records ENGINE_SOCKET into TRAIL (default: a new folder of this test) and
# returns once the recorder says that its hooks are in force. Its stderr is in RECORDER_LOG. A shell
# starts what it puts in the background with SIGINT ignored, which a person's shell does not. The kernel's
# audit, which is on in the guests and not here, is asked where RECORDER_AUDIT says so.
recorder_start() {
	TRAIL=${TRAIL:-$BATS_TEST_TMPDIR/trail}
	RECORDER_LOG=$BATS_TEST_TMPDIR/recorder.stderr RECORDER_OUTPUT=$BATS_TEST_TMPDIR/recorder.stdout
	: >"$RECORDER_LOG" # what the one before said must not be taken for this one's word
	env --default-signal=INT "$DOCKTRAIL" record --trail "$TRAIL" --socket "$ENGINE_SOCKET" --engine-root "$ENGINE_DATA" \
		--audit "${RECORDER_AUDIT:-off}" "$@" \
		>"$RECORDER_OUTPUT" 2>"$RECORDER_LOG" </dev/null 3>&- &
	RECORDER=$!
	if ! wait_for 20 recorder_speaks_or_is_gone || ! recorder_speaks; then
		echo "the recorder did not start:" >&2
		cat "$RECORDER_LOG" >&2
		recorder_kill
		return 1
	fi
}

recorder_speaks() {
	grep -q '^recording' "$RECORDER_LOG"
}

recorder_speaks_or_is_gone() {
	recorder_speaks || is_gone "$RECORDER"
}

# recorder_stop [SIGNAL]: SIGINT unless told otherwise, waits, and returns the recorder's exit status.
# Not through bats' `run`: only the shell that started the recorder can wait for it.
recorder_stop() {
	local status=0
	[ -n "${RECORDER:-}" ] || return 0
	kill -"${1:-INT}" "$RECORDER" 2>/dev/null || true
	if ! wait_for 20 is_gone "$RECORDER"; then
		recorder_kill
		return 124
	fi
	wait "$RECORDER" 2>/dev/null || status=$?
	RECORDER=
	return "$status"
}

# recorder_kill: kill -9, for tests of recovery and for teardown().
recorder_kill() {
	[ -n "${RECORDER:-}" ] || return 0
	kill -KILL "$RECORDER" 2>/dev/null || true
	wait "$RECORDER" 2>/dev/null || true
	RECORDER=
}

# as UID COMMAND...: as somebody who is not in /etc/passwd either.
as() {
	local uid=$1
	shift
	DOCKER_CONFIG=/nonexistent setpriv --reuid "$uid" --regid "$uid" --clear-groups "$@"
}
