# SPDX-License-Identifier: Apache-2.0
# Who is behind what a container does, where that is not plain: others who came in, starts before recording, names that
# moved, requests that are never finished.
load helpers
load trail

setup_file() {
	engine_start
	engine_image
	engine_for_users
}

setup() {
	engine_needed
	ASK=$TOP/build/tests/actors/ask
}

teardown() {
	recorder_kill
	[ -z "${CLIENT:-}" ] || kill "$CLIENT" 2>/dev/null || true
}

teardown_file() {
	engine_stop
}

@test "what the processes of an exec do is of whom they came for, and not of the container's maker" {
	local id hooks used='event.action == "capability-use" and docktrail.capability.name == "CAP_SYS_CHROOT" and process.name == "chroot"'
	recorder_start
	hooks=$(attached_hooks)
	[[ $hooks == *capability* ]] || skip "this kernel has no hook for capabilities on this rung"
	id=$(as 2001 docker run -d --net none busybox:test sleep 600)
	as 2002 docker exec "$id" sh -c 'chroot / true; true'
	wait_for 20 has "$used"
	docker rm -f "$id"
	wait_for 20 ended "$id"
	recorder_stop
	[ "$(events "$used" | jq -r '.docktrail | [.created_by.user.id, .entered_by.user.id, .entered_by.sequence] | join(" ")')" = "2001 2002 $(sequence_of ContainerExec "$id")" ]
	has "$used and docktrail.entered_by.user.id == 2002"
	# Found for the one who did it.
	run "$DOCKTRAIL" replay --trail "$TRAIL" --user 2002 --where 'event.action == "capability-use"'
	[[ $output == *CAP_SYS_CHROOT* ]]
}

@test "what is asked of the engine from within an exec is of whom that was for" {
	local id asked
	recorder_start
	id=$(as 2001 docker run -d --net none -v "$ENGINE_SOCKET:/docker.sock" -v "$ASK:/ask" busybox:test sleep 600)
	as 2002 docker exec "$id" /ask /docker.sock /from-an-exec
	wait_for 20 has 'url.path == "/from-an-exec"'
	docker rm -f "$id"
	wait_for 20 ended "$id"
	recorder_stop
	asked=$(events 'event.action == "api-request" and url.path == "/from-an-exec"')
	[ "$(jq -r '.docktrail | [.created_by.user.id, .entered_by.user.id, .entered_by.sequence, .entered_by.exec_id] | join(" ")' <<<"$asked")" = "2001 2002 $(sequence_of ContainerExec "$id") $(told container-exec "$id" .docktrail.exec.id)" ]
	run "$DOCKTRAIL" replay --trail "$TRAIL" --format story --user 2002
	echo "$output"
	[[ $output == *"in container"*"made by 2001: "*"entered for 2002: "*"/from-an-exec"* ]]
}

@test "an exec whose id was not read by who asked for it: who has it started is told, and that it is so" {
	local id exec
	recorder_start
	id=$(docker run -d --net none -v "$ENGINE_SOCKET:/docker.sock" -v "$ASK:/ask" busybox:test sleep 600)
	python3 - "$ENGINE_SOCKET" "$id" 3>&- <<'P' &
import json, socket, sys, time
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
body = json.dumps({"Cmd": ["sh", "-c", "until [ -e /go ]; do sleep 0.1; done; (/ask /docker.sock /of-a-started-one)"]})
s.sendall((f"POST /v1.41/containers/{sys.argv[2]}/exec HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\n"
	f"Content-Length: {len(body)}\r\n\r\n{body}").encode())
time.sleep(600)
P
	CLIENT=$!
	has_exec() { exec=$(docker inspect -f '{{range .ExecIDs}}{{.}}{{end}}' "$id") && [ -n "$exec" ]; }
	wait_for 20 has_exec
	as 2002 curl -s --unix-socket "$ENGINE_SOCKET" -H 'Content-Type: application/json' -d '{"Detach":true}' "http://d/v1.41/exec/$exec/start"
	# What it does before that is answered is nobody's.
	wait_for 20 has 'docktrail.api.operation == "ExecStart" and http.response.status_code == 200'
	docker exec "$id" sh -c ': >/go'
	wait_for 20 has 'url.path == "/of-a-started-one"'
	docker rm -f "$id"
	wait_for 20 ended "$id"
	recorder_stop
	count 1 'event.action == "api-request" and url.path == "/of-a-started-one" and docktrail.entered_by.user.id == 2002 and docktrail.entered_by.reason ~ "who started it*"'
}

@test "an exec from before the recording: that nobody knows for whom it came is said" {
	local id
	id=$(docker run -d --net none -v "$ENGINE_SOCKET:/docker.sock" -v "$ASK:/ask" busybox:test \
		sh -c 'until [ -e /go ]; do sleep 0.1; done; /ask /docker.sock /of-its-own; sleep 600')
	docker exec -d "$id" sh -c 'until [ -e /go ]; do sleep 0.1; done; (/ask /docker.sock /of-an-exec)'
	recorder_start
	docker exec "$id" sh -c ": >/go"
	wait_for 20 has 'url.path == "/of-its-own"'
	wait_for 20 has 'url.path == "/of-an-exec"'
	docker rm -f "$id"
	wait_for 20 ended "$id"
	recorder_stop
	count 1 'event.action == "api-request" and url.path == "/of-an-exec" and docktrail.entered_by.reason ~ "there when recording began*"'
	count 1 'event.action == "api-request" and url.path == "/of-its-own" and not exists docktrail.entered_by.reason'
}

@test "who came in by himself has no maker above his acts" {
	local id pid
	recorder_start
	id=$(docker run -d --net none busybox:test sleep 600)
	pid=$(docker inspect -f '{{.State.Pid}}' "$id")
	nsenter -m -t "$pid" /bin/sh -c 'echo here; true'
	wait_for 20 has "event.action == \"container-exec\" and container.id == \"$id\""
	docker rm -f "$id"
	wait_for 20 ended "$id"
	recorder_stop
	# Its own block, with the ancestors that its reason speaks of, and not in that of `docker run`.
	run "$DOCKTRAIL" replay --trail "$TRAIL" --format story
	echo "$output"
	[ "$(grep -B1 'container-exec' <<<"$output" | grep -c 'bash')" -ge 1 ]
}

@test "a container from before the recording: how long it lived, who restarted it" {
	local id
	id=$(as 2001 docker run -d --net none busybox:test sleep 600)
	recorder_start
	as 2002 docker restart -t 0 "$id"
	docker rm -f "$id"
	twice() { [ "$(events "event.action == \"container-exit\" and container.id == \"$id\"" | wc -l)" = 2 ]; }
	wait_for 20 twice
	recorder_stop
	told container-start "$id" .docktrail.started_by
	[ "$(told container-start "$id" .docktrail.started_by.user.id)" = 2002 ]
	exits() { events "event.action == \"container-exit\" and container.id == \"$id\""; }
	[ "$(exits | jq -r '.docktrail.started_by | .user.id // .reason' | tr '\n' ,)" = "no request for this start of it was recorded,2002," ]
	# It was made a moment ago, and the machine some time before.
	[ "$(exits | head -n 1 | jq '.event.duration < 300e9')" = true ]
}

@test "a request that is never finished withholds nothing for long" {
	local id
	id=$(docker create --net none busybox:test true)
	recorder_start
	python3 - "$ENGINE_SOCKET" "$id" <<'P' &
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
s.connect(sys.argv[1])
s.sendall(b"POST /v1.41/containers/%s/restart?t=0 HTTP/1.1\r\nHost: d\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    b"Content-Length: 100\r\n\r\nx=" % sys.argv[2].encode())
s.recv(1)
P
	CLIENT=$!
	wait_for 20 has 'event.action == "socket-connect" and process.name == "python3"'
	docker start "$id"
	wait_for 20 ended "$id"
	kill "$CLIENT"
	docker rm -f "$id"
	recorder_stop
	[ "$(told container-start "$id" .docktrail.started_by.sequence)" = "$(sequence_of ContainerStart "$id")" ]
}

@test "names that are given to another one: who starts it is told of that one" {
	local one other
	recorder_start
	one=$(docker create --net none --name one busybox:test true)
	other=$(docker create --net none --name other busybox:test true)
	docker inspect one other >/dev/null
	docker rename one gone
	docker rename other one
	as 2003 docker start one
	wait_for 20 ended "$other"
	recorder_stop
	[ "$(told container-start "$other" .docktrail.started_by.user.id)" = 2003 ]
	[ "$(told container-start "$other" .container.name)" = one ]
	# Whoever looks for the new name is told that there was another one.
	run "$DOCKTRAIL" replay --trail "$TRAIL" --container one --format text
	says "${other:0:12} was not always called so: --container ${other:0:12} shows what came before, too"
	run "$DOCKTRAIL" replay --trail "$TRAIL" --container "${other:0:12}" --format text
	[[ $output == *ContainerCreate* && $output != *"not always"* ]]
	docker rm "$one" "$other"
}

# unread NAME USER MOUNT: a create whose answer nobody reads.
unread() {
	local body="{\"Image\":\"busybox:test\",\"Cmd\":[\"true\"],\"HostConfig\":{\"NetworkMode\":\"none\",\"Binds\":[\"$3\"]}}"
	printf 'POST /v1.41/containers/create?name=%s HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s' \
		"$1" ${#body} "$body" | as "$2" socat -u - "UNIX-CONNECT:$ENGINE_SOCKET"
}

@test "two ask for one name, and nobody reads an answer: neither is taken for its maker" {
	local id
	recorder_start
	unread both 2001 /etc:/x
	wait_for 20 docker inspect both
	unread both 2002 /srv:/y
	wait_for 20 count 2 'event.action == "api-request" and docktrail.api.operation == "ContainerCreate"'
	id=$(docker inspect -f '{{.Id}}' both)
	docker start both
	wait_for 20 ended "$id"
	recorder_stop
	[ "$(told container-start "$id" '.docktrail.created_by | .user.id // .reason')" = "several asked for a container of this name, and no answer was read" ]
	[ "$(told container-start "$id" '.docktrail | has("difference")')" = false ]
	docker rm both
}
