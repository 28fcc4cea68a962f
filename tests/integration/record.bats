# SPDX-License-Identifier: Apache-2.0
# A real engine, a real docker, a real recorder: who did what, what was asked, what came of it.
load helpers
load trail

setup_file() {
	engine_start
	engine_image
}

setup() {
	engine_needed
}

teardown() {
	recorder_kill
}

teardown_file() {
	engine_stop
}

# bats test_tags=vm
@test "docker run: one story with the caller, the request, the container and each status" {
	recorder_start
	docker run --rm --net none --pid host -v /:/host busybox:test id
	wait_for 10 has 'docktrail.api.operation == "ContainerWait"'
	recorder_stop
	run "$DOCKTRAIL" replay --trail "$TRAIL" --format story
	echo "$output"
	[ "$status" = 0 ]
	[[ $output == *"docker run --rm --net none --pid host -v /:/host busybox:test id"* ]]
	[[ $output =~ bash\[[0-9]+\]\ \>\ docker\[[0-9]+\] ]]
	[[ $output =~ ContainerCreate\ +201.*pid=host ]]
	[[ $output == *"/ -> /host"* ]]
	for operation in 'ContainerAttach +101' 'ContainerWait +200' 'ContainerStart +204'; do
		[[ $output =~ $operation ]]
	done
}

@test "ContainerCreate is one line with who asked, the answer, the id and what was declared" {
	recorder_start
	docker run --rm --net none --pid host -v /:/host:ro --name "named" busybox:test true
	recorder_stop
	events 'docktrail.api.operation == "ContainerCreate"' >"$BATS_TEST_TMPDIR/create"
	cat "$BATS_TEST_TMPDIR/create"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/create")" = 1 ]
	jq -e --arg docker "$(readlink -f "$(command -v docker)")" '
		.process.name == "docker" and .process.executable == $docker
		and (.process.args | index("named")) != null
		and (.process.ancestry | length) >= 2
		and .process.parent.name == "bash"
		and .user.id == "0" and .user.name == "root"
		and .http.response.status_code == 201 and .http.request.method == "POST"
		and .docktrail.api.state == "complete"
		and (.docktrail.target.id | test("^[0-9a-f]{64}$"))
		and .docktrail.target.name == "named"
		and .docktrail.declared.image == "busybox:test"
		and .docktrail.declared.command == ["true"]
		and .docktrail.declared.namespaces.pid == "host"
		and .docktrail.declared.namespaces.net == "none"
		and (.docktrail.declared.mounts | length) == 1
		and .docktrail.declared.mounts[0].source == "/" and .docktrail.declared.mounts[0].target == "/host"
		and .docktrail.declared.mounts[0].mode == "ro"
		and .event.severity >= 75 and .event.outcome == "success"
		and (.event.id | test("^[0-9a-f]{16}-[0-9]+$"))
		and .docktrail.witness == "bpf"' "$BATS_TEST_TMPDIR/create"
}

@test "zstd and jq count the same requests as replay" {
	recorder_start
	docker version
	docker ps -a
	docker run --rm --net none busybox:test true
	recorder_stop
	stock=$(zstd -dcq "$TRAIL"/*.zst | jq -c 'select(.event.action == "api-request")' | wc -l)
	ours=$(events 'event.action == "api-request"' | wc -l)
	echo "zstd and jq: $stock, replay: $ours"
	[ "$ours" -ge 8 ]
	[ "$stock" = "$ours" ]
}

# bats test_tags=vm
@test "connect, send, close at once, twenty times: twenty requests with their sender" {
	recorder_start
	python3 - "$ENGINE_SOCKET" <<'P'
import socket, sys
for i in range(20):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.connect(sys.argv[1])
    s.sendall(b"GET /_ping?once=%d HTTP/1.1\r\nHost: x\r\n\r\n" % i)
    s.close()
P
	twenty() { [ "$(events 'url.path == "/_ping" and process.name == "python3"' | wc -l)" = 20 ]; }
	wait_for 15 twenty
	recorder_stop
	count 20 'docktrail.api.operation == "SystemPing" and process.name == "python3" and user.id == "0" and exists process.ancestry'
}

@test "a request of 9 KB in one send is there whole, once" {
	recorder_start
	python3 - "$ENGINE_SOCKET" <<'P'
import json, socket, sys
labels = {"filler": "x" * 8800}
body = json.dumps({"Image": "busybox:test", "Labels": labels, "User": "last-of-all", "Cmd": ["true"], "HostConfig": {"NetworkMode": "none"}}).encode()
s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
s.connect(sys.argv[1])
s.sendall(b"POST /v1.41/containers/create?name=nine HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
while s.recv(65536):
    pass
P
	recorder_stop
	docker rm nine
	count 1 'docktrail.api.operation == "ContainerCreate"'
	count 1 'docktrail.target.name == "nine" and docktrail.declared.user == "last-of-all" and http.request.body.bytes > 8900 and docktrail.api.state == "complete"'
}

@test "the recorder never holds a connection to the socket that it watches" {
	recorder_start
	docker ps
	# Its own unix sockets, by inode, against those that are bound or connected to the engine's path.
	held=$(readlink /proc/"$RECORDER"/fd/* | sed -n 's/^socket:\[\([0-9]*\)\]$/\1/p')
	for inode in $held; do
		! grep -E "^[0-9a-f]+: .* $inode .*$ENGINE_SOCKET" /proc/net/unix
	done
	# And nothing that the engine answered was asked by it.
	recorder_stop
	count 0 "process.pid == $BASHPID or process.name == \"docktrail\""
}

@test "an engine that restarts, and one that starts later, is found again" {
	recorder_start
	docker version
	engine_down
	wait_for 10 has 'event.action == "recorder-sockets"'
	engine_up
	docker info >/dev/null
	recorder_stop
	count 1 'docktrail.api.operation == "SystemInfo"'
}

@test "a socket that does not exist yet is announced and watched as soon as it appears" {
	engine_down
	rm -f "$ENGINE_SOCKET"
	recorder_start
	grep -q 'is not there yet' "$RECORDER_LOG"
	engine_up
	docker info >/dev/null
	recorder_stop
	count 1 'docktrail.api.operation == "SystemInfo" and process.name == "docker"'
}

@test "a connection that was open before recording is named, and what it asks is recorded" {
	coproc CLIENT { socat -t 5 - "UNIX-CONNECT:$ENGINE_SOCKET" 2>/dev/null 3>&-; }
	printf 'GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n' >&"${CLIENT[1]}"
	read -r -t 20 line <&"${CLIENT[0]}"
	[[ $line == "HTTP/1.1 200 OK"* ]]
	recorder_start
	printf 'GET /info HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n' >&"${CLIENT[1]}"
	wait_for 15 has 'http.response.status_code == 200'
	recorder_stop
	count 1 'event.action == "socket-present"'
	# A guest may take longer for the answer than a request is kept for it: the answer is an event of its own then.
	request=$(events 'docktrail.api.operation == "SystemInfo" and process.name == "socat"' | jq -r .docktrail.request.id)
	[[ $request =~ ^[^[:space:]]+$ ]]
	count 1 "docktrail.request.id == \"$request\" and http.response.status_code == 200"
}

@test "an answer that takes long: the request is written as pending, the answer when it comes" {
	docker run -d --net none --name slow busybox:test sh -c 'trap "" TERM; while :; do sleep 1; done'
	recorder_start
	docker stop -t 4 slow
	wait_for 10 has 'event.action == "api-answer"'
	recorder_stop
	docker rm slow
	request=$(events 'docktrail.api.operation == "ContainerStop" and docktrail.api.state == "pending"' | jq -r .docktrail.request.id)
	[ -n "$request" ]
	count 1 "event.action == \"api-answer\" and docktrail.request.id == \"$request\" and http.response.status_code == 204"
}

@test "secrets of a real client are not in the trail, nor in what the recorder printed" {
	recorder_start
	docker run --rm --net none -e PASSWORD=marker-env-value busybox:test true
	docker login -u somebody -p marker-login-password 127.0.0.1:1 || true
	curl -s --unix-socket "$ENGINE_SOCKET" -X POST -K - >/dev/null <<<'url = "http://x/v1.41/images/create?fromImage=127.0.0.1:1/x&unknown=marker-query-value"
		header = "X-Registry-Auth: marker-registry-auth"'
	curl -s --unix-socket "$ENGINE_SOCKET" -H 'Content-Type: application/json' -d '{"username":"u","password":"marker-auth-body"}' http://x/v1.41/auth >/dev/null
	recorder_stop
	count 1 'docktrail.api.operation == "ContainerCreate" and docktrail.declared.environment == "PASSWORD"'
	count 1 'docktrail.api.operation == "ImageCreate"'
	zstd -dcq "$TRAIL"/*.zst >"$BATS_TEST_TMPDIR/lines"
	! grep -o 'marker-[a-z-]*' "$BATS_TEST_TMPDIR/lines" "$RECORDER_LOG" "$TRAIL/status.json"
}

@test "two people with two requests: each has its own" {
	recorder_start
	chmod 0711 "$ENGINE_DIR"
	chmod 0666 "$ENGINE_SOCKET"
	setpriv --reuid 65534 --regid 65534 --clear-groups docker ps
	docker images
	recorder_stop
	count 1 'docktrail.api.operation == "ContainerList" and user.id == 65534 and user.name == "nobody"'
	count 1 'docktrail.api.operation == "ImageList" and user.id == 0'
}

@test "a refused connect is recorded with who tried, where the rung can see it" {
	recorder_start
	chmod 0711 "$ENGINE_DIR"
	chmod 0600 "$ENGINE_SOCKET"
	run setpriv --reuid 65534 --regid 65534 --clear-groups docker ps
	[ "$status" != 0 ]
	if grep -q 'rung fentry' "$RECORDER_LOG"; then
		refused() { [ "$(events 'event.action == "socket-connect" and error.code == "EACCES" and user.id == 65534' | wc -l)" -ge 1 ]; }
		wait_for 10 refused
		recorder_stop
	else
		recorder_stop
		# Blind here, and it says so in the trail.
		count 0 'exists error.code'
		count 1 'event.action == "recorder-start" and docktrail.recorder.blind == "a connect that was refused"'
	fi
}

@test "container names come from the engine's files, also of the one that acts" {
	docker run -d --net none --name inside -v "$ENGINE_SOCKET:/docker.sock" busybox:test sleep 1000
	id=$(docker inspect -f '{{.Id}}' inside)
	recorder_start
	docker exec inside sh -c 'printf "GET /_ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" | busybox nc local:/docker.sock' || true
	docker restart -t 0 inside
	recorder_stop
	docker rm -f inside
	count 1 "docktrail.api.operation == \"ContainerRestart\" and docktrail.target.id == \"$id\" and docktrail.target.name == \"inside\""
	[ "$("$DOCKTRAIL" replay --trail "$TRAIL" --format json --container inside | jq -r 'select(.docktrail.api.operation == "ContainerRestart") | .docktrail.target.id')" = "$id" ]
}

warned() {
	grep -q "a container was made that is not in $1: .*--engine-root DIR" "$RECORDER_LOG"
}

@test "an engine's folder that is not there, or is not the engine's: the recorder says what is missing" {
	id=$(docker create --net none busybox:test true)
	recorder_start
	docker create --net none --name known busybox:test true
	wait_for 10 has 'docktrail.target.name == "known" and docktrail.api.operation == "ContainerCreate"'
	recorder_stop
	[ "$(grep -c "engine-root" "$RECORDER_LOG")" = 0 ]
	TRAIL=$TRAIL.2 ENGINE_DATA=$BATS_TEST_TMPDIR/none recorder_start
	grep -F "$BATS_TEST_TMPDIR/none has no containers so far" "$RECORDER_LOG"
	recorder_stop
	# A folder of another engine has containers too.
	mkdir -p "$BATS_TEST_TMPDIR/other/containers/$id"
	cp "$ENGINE_DATA/containers/$id/config.v2.json" "$BATS_TEST_TMPDIR/other/containers/$id/"
	TRAIL=$TRAIL.3 ENGINE_DATA=$BATS_TEST_TMPDIR/other recorder_start
	[ "$(grep -c "engine-root" "$RECORDER_LOG")" = 0 ]
	docker create --net none --name strange busybox:test true
	wait_for 10 warned "$BATS_TEST_TMPDIR/other"
	docker create --net none busybox:test true
	recorder_stop
	[ "$(grep -c "engine-root" "$RECORDER_LOG")" = 1 ]
	docker rm -f "$id" known strange
}
