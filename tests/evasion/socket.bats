# SPDX-License-Identifier: Apache-2.0
# Hiding on the way to the engine's socket: its path, what is sent, and the crowd that it is sent in.
load ../integration/helpers
load ../integration/trail

setup_file() {
	engine_start
	engine_image
}

setup() {
	engine_needed
	ASK=$TOP/build/tests/actors/ask FLOOD=$TOP/build/tests/actors/flood
	FLOODERS=() HIDDEN=$ENGINE_DIR/hidden.sock
}

teardown() {
	local pid
	[ -z "${RECORDER:-}" ] || kill -CONT "$RECORDER" 2>/dev/null || true
	for pid in "${FLOODERS[@]}"; do
		kill "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	recorder_kill
	! mountpoint -q "$ENGINE_DIR" || umount "$ENGINE_DIR"
	[ ! -S "$HIDDEN" ] || mv -f "$HIDDEN" "$ENGINE_SOCKET"
	docker ps -aq 2>/dev/null | xargs -r docker rm -f >/dev/null 2>&1 || true
}

teardown_file() {
	engine_stop
}

# was_told TIMES PATTERN: that the watched file is absent, or which inode it is, was told so often.
was_told() {
	[ "$(events "event.action == \"recorder-sockets\" and docktrail.recorder.sockets =~ \"=$2\"" | wc -l)" = "$1" ]
}

# answered PATH: one request for it, by the actor and with the engine's 404, and no other.
answered() {
	wait_for 15 has "event.action == \"api-request\" and url.path == \"$1\""
	count 1 "event.action == \"api-request\" and url.path == \"$1\" and process.name == \"ask\" and http.response.status_code == 404 and docktrail.socket.path == \"$ENGINE_SOCKET\""
}

# bats test_tags=vm
@test "the socket's file is moved, or something is mounted over its folder: what is asked is still told" {
	recorder_start
	mv "$ENGINE_SOCKET" "$HIDDEN"
	wait_for 10 was_told 1 absent
	"$ASK" "$HIDDEN" /moved
	mv "$HIDDEN" "$ENGINE_SOCKET"
	wait_for 10 was_told 1 '[0-9]+'
	exec 8<"$ENGINE_DIR"
	mount -t tmpfs evasion "$ENGINE_DIR"
	wait_for 10 was_told 2 absent
	(cd /proc/self/fd/8 && "$ASK" docker.sock /mounted-over)
	exec 8<&-
	umount "$ENGINE_DIR"
	answered /moved
	answered /mounted-over
	recorder_stop
}

@test "a socket that was bound by another name than the watched one is moved: told as absent, and what is asked there is seen" {
	ln -s "$ENGINE_DIR" "$BATS_TEST_TMPDIR/alias"
	ENGINE_SOCKET=$BATS_TEST_TMPDIR/alias/docker.sock recorder_start
	mv "$ENGINE_SOCKET" "$HIDDEN"
	wait_for 10 was_told 1 absent
	"$ASK" "$HIDDEN" /moved
	mv "$HIDDEN" "$ENGINE_SOCKET"
	wait_for 10 was_told 1 '[0-9]+'
	"$ASK" "$ENGINE_SOCKET" /after
	wait_for 15 has 'event.action == "api-request" and url.path == "/after"'
	recorder_stop
	count 1 'event.action == "api-request" and url.path == "/moved"'
}

@test "what matters stands behind more than is kept of a request: truncated, and told by the container itself" {
	local id
	recorder_start
	python3 - "$ENGINE_SOCKET" <<'P'
import json, socket, sys
body = json.dumps({"Image": "busybox:test", "Cmd": ["true"], "Labels": {"filler": "x" * 300000},
    "HostConfig": {"NetworkMode": "none", "PidMode": "host", "CapAdd": ["SYS_ADMIN"], "Binds": ["/etc:/etc-of-the-host"]}}).encode()
s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
s.connect(sys.argv[1])
s.sendall(b"POST /v1.41/containers/create?name=padded HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n" % len(body) + body)
while s.recv(65536):
    pass
P
	docker start padded
	id=$(docker inspect -f '{{.Id}}' padded)
	wait_for 20 ended "$id"
	recorder_stop
	# Not seen: what was asked for.
	count 1 "docktrail.api.operation == \"ContainerCreate\" and docktrail.target.id == \"$id\" and docktrail.api.state == \"truncated\" and not exists docktrail.declared.namespaces.pid and not exists docktrail.declared.capabilities.add"
	# What it was given is, and is laid beside nothing: it may have been asked for.
	[ "$(told container-start "$id" '.docktrail | has("difference")')" = false ]
	[ "$(told container-start "$id" '[.docktrail.namespaces.pid, .event.severity, .docktrail.created_by.process.name] | join(" ")')" = "host 75 python3" ]
	[ "$(told container-start "$id" '.docktrail.capabilities.effective | index("CAP_SYS_ADMIN") != null')" = true ]
	[ "$(told container-start "$id" '[.docktrail.mounts[].source] | index("/etc") != null')" = true ]
}

# bats test_tags=vm
# hold_back METHOD PATH: all of it but the last byte of its body, which never comes.
hold_back() {
	python3 - "$ENGINE_SOCKET" "$@" 3>&- <<'P' &
import socket, sys, time
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.sendall(f"{sys.argv[2]} {sys.argv[3]} HTTP/1.1\r\nHost: d\r\nContent-Length: 1\r\n\r\n".encode())
time.sleep(600)
P
	FLOODERS+=($!)
}

@test "a client that holds back the last byte: told while it does, and the container knows who started it" {
	local id
	id=$(docker create --net none busybox:test sleep 600)
	recorder_start
	hold_back POST "/v1.41/containers/$id/start"
	wait_for 20 has "event.action == \"container-start\" and container.id == \"$id\""
	[ "$(told container-start "$id" .docktrail.started_by.process.pid)" = "${FLOODERS[0]}" ]
	hold_back POST "/v1.41/containers/$id/kill"
	wait_for 20 ended "$id"
	wait_for 20 has "docktrail.api.operation == \"ContainerKill\" and docktrail.api.state == \"pending\" and docktrail.api.reason == \"its body has not ended\" and process.pid == ${FLOODERS[1]}"
	# Neither has ended.
	kill -0 "${FLOODERS[@]}"
	recorder_stop
}

@test "pages that the client changes after it has sent them: what the engine read is told" {
	recorder_start
	# An engine that is stopped reads later: not the words that were sent first.
	[ "$(python3 "$BATS_TEST_DIRNAME/pages.py" after "$ENGINE_SOCKET" "$(cat "$ENGINE_DIR/dockerd")")" = other-name ]
	wait_for 15 has 'process.name == "python3" and event.action == "api-request"'
	recorder_stop
	count 1 'event.action == "api-request" and url.path == "/v1.41/containers/other-name/json" and process.name == "python3"'
	count 0 'url.path ~ "*first-name*"'
}

# lies FILE: how many of what the engine read, a line each in FILE, are recorded as something else.
lies() {
	paste -d ' ' "$1" <(events 'event.action == "api-request" and process.name == "python3"' | jq -r '.url.path | split("/")[3]') |
		awk '$1 != $2 { lies++ } END { print lies + 0 }'
}

@test "pages that the client changes while they are read: what is told may be another request than the engine's" {
	local round asked=0
	(($(nproc) > 1)) || skip "it takes two CPUs"
	recorder_start
	: >"$BATS_TEST_TMPDIR/read"
	# The probe copies them a moment before or after the engine does. One in ten differs; a busy machine takes longer.
	for round in {1..20}; do
		python3 "$BATS_TEST_DIRNAME/pages.py" while "$ENGINE_SOCKET" 500 >>"$BATS_TEST_TMPDIR/read"
		asked=$((asked + 500))
		all_told() { [ "$(events 'event.action == "api-request" and process.name == "python3"' | wc -l)" = "$asked" ]; }
		wait_for 15 all_told
		[ "$(lies "$BATS_TEST_TMPDIR/read")" = 0 ] || break
	done
	recorder_stop
	# Not seen: that they are not what the engine read. Each request is there, with who sent it.
	[ "$(lies "$BATS_TEST_TMPDIR/read")" -gt 0 ]
	count "$asked" 'event.action == "api-request" and process.name == "python3" and docktrail.api.state == "complete"'
	count 0 'event.action == "recorder-loss"'
}

# crowd_start: requests, connections and processes without end, of another user than the one who matters.
crowd_start() {
	chmod 0711 "$ENGINE_DIR"
	chmod 0666 "$ENGINE_SOCKET"
	local how
	for how in "requests 5000" "connections 200"; do
		setpriv --reuid 2001 --regid 2001 --clear-groups bash -c "while :; do '$FLOOD' '$ENGINE_SOCKET' $how; done" >/dev/null 2>&1 3>&- &
		FLOODERS+=($!)
	done
	setpriv --reuid 2001 --regid 2001 --clear-groups bash -c 'while :; do /bin/true; done' 3>&- &
	FLOODERS+=($!)
}

@test "one request that matters in a flood of others: told whole, with its container" {
	local id pid request
	recorder_start
	crowd_start
	wait_for 20 has 'user_agent.original == "flood"'
	docker run --name needle --net none --pid host busybox:test true
	id=$(docker inspect -f '{{.Id}}' needle)
	wait_for 20 ended "$id"
	for pid in "${FLOODERS[@]}"; do
		kill "$pid"
	done
	recorder_stop
	echo "around it: $(events 'user_agent.original == "flood"' | wc -l)"
	count 1 "docktrail.api.operation == \"ContainerCreate\" and docktrail.target.id == \"$id\" and docktrail.api.state == \"complete\" and docktrail.declared.namespaces.pid == \"host\" and user.id == 0 and process.name == \"docker\""
	# A guest may take longer for the answer than a request is kept for it: the answer is an event of its own then.
	request=$(events "docktrail.api.operation == \"ContainerStart\" and docktrail.target.id == \"$id\" and event.action == \"api-request\"" | jq -r .docktrail.request.id)
	count 1 "docktrail.request.id == \"$request\" and http.response.status_code == 204"
	[ "$(told container-start "$id" '[.docktrail.namespaces.pid, .docktrail.created_by.process.name] | join(" ")')" = "host docker" ]
}

# bats test_tags=vm
@test "one request that matters while the ring is full: not seen, its loss is, and its container" {
	local id client
	printf 'ring_api = 4096\n' >"$BATS_TEST_TMPDIR/config"
	recorder_start --config "$BATS_TEST_TMPDIR/config"
	kill -STOP "$RECORDER"
	"$FLOOD" "$ENGINE_SOCKET" requests 1000 >/dev/null
	docker run --name needle --net none --pid host busybox:test true 3>&- &
	client=$!
	wait "$client"
	id=$(docker inspect -f '{{.Id}}' needle)
	kill -CONT "$RECORDER"
	wait_for 20 ended "$id"
	recorder_stop
	count 0 'docktrail.api.operation == "ContainerCreate"'
	count 0 'docktrail.declared.namespaces.pid == "host"'
	events 'event.action == "recorder-loss"' | jq -c '[.process, .docktrail.loss]'
	has "event.action == \"recorder-loss\" and docktrail.loss.reason == \"socket_piece: ring_full\" and docktrail.loss.turns > 0 and process.pid == $client"
	# Containers and connects go through another ring.
	[ "$(told container-start "$id" '[.docktrail.namespaces.pid, .event.severity] | join(" ")')" = "host 75" ]
	told container-start "$id" '.docktrail.created_by'
	[ "$(told container-start "$id" '.docktrail.created_by | has("sequence")')" = false ]
	verified
	[ "$VERIFIED" = 1 ]
}
