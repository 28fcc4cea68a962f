# SPDX-License-Identifier: Apache-2.0
# A container from the request to its end: what it was given, who had it made, who started it, who came in.
load helpers
load trail

setup_file() {
	engine_start
	engine_image
	engine_for_users
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
@test "docker run: what the container was given, how it ended, who is behind it" {
	local id
	recorder_start
	id=$(docker create --net none --name given -m 64m --pids-limit 50 --cpus 0.5 busybox:test sh -c 'exit 3')
	docker start "$id"
	wait_for 20 ended "$id"
	recorder_stop
	[ ${#id} = 64 ]
	[ "$(told container-start "$id" '[.container.name, .container.image.name, .process.args[0], .docktrail.seccomp] | join(" ")')" = "given busybox:test sh filter" ]
	[ "$(told container-start "$id" '.docktrail.namespaces | [.mnt, .pid, .net, .ipc, .uts, .user, .time] | join(" ")')" = "private private private private private host host" ]
	[ "$(told container-start "$id" '.docktrail.capabilities.effective | length')" = 14 ]
	[ "$(told container-start "$id" '.docktrail.limits | [.memory, .pids, .nano_cpus] | join(" ")')" = "67108864 50 500000000" ]
	[ "$(told container-start "$id" .event.severity)" = 0 ]
	[ "$(told container-start "$id" '.docktrail | has("difference") or has("doubts")')" = false ]
	[ "$(told container-start "$id" .docktrail.created_by.sequence)" = "$(sequence_of ContainerCreate "$id")" ]
	[ "$(told container-start "$id" .docktrail.started_by.sequence)" = "$(sequence_of ContainerStart "$id")" ]
	[ "$(told container-start "$id" '.docktrail | .created_by.process.pid == .started_by.process.pid')" = false ]
	[ "$(told container-start "$id" .docktrail.created_by.process.name)" = docker ]
	[ "$(told container-exit "$id" .docktrail.exit.code)" = 3 ]
	[ "$(told container-exit "$id" '.process.args[0]')" = sh ]
	[ "$(told container-exit "$id" '.event.duration > 0 and .docktrail.exit.out_of_memory == false')" = true ]
	[ "$(told container-exit "$id" .docktrail.created_by.sequence)" = "$(sequence_of ContainerCreate "$id")" ]
	docker rm "$id"
}

@test "twenty containers of four users, started in reverse order by a fifth" {
	local i id uid ids=()
	recorder_start
	for i in {0..19}; do
		ids[i]=$(as $((2001 + i % 4)) docker create --net none busybox:test true)
	done
	for i in {19..0}; do
		as 2005 docker start "${ids[i]}"
	done
	for i in {0..19}; do
		wait_for 20 ended "${ids[i]}"
	done
	recorder_stop
	for i in {0..19}; do
		id=${ids[i]} uid=$((2001 + i % 4))
		[ "$(told container-start "$id" '.docktrail | [.created_by.user.id, .started_by.user.id] | join(" ")')" = "$uid 2005" ]
		[ "$(told container-start "$id" .docktrail.created_by.sequence)" = "$(sequence_of ContainerCreate "$id")" ]
		[ "$(told container-start "$id" .docktrail.started_by.sequence)" = "$(sequence_of ContainerStart "$id")" ]
		[ "$(told container-exit "$id" '.docktrail | [.created_by.user.id, .started_by.user.id] | join(" ")')" = "$uid 2005" ]
	done
	docker rm "${ids[@]}"
}

# bats test_tags=vm
@test "an exec is told with who asked for it, and is not taken for the creator's" {
	local id
	id=$(as 2001 docker run -d --net none busybox:test sleep 600)
	recorder_start
	as 2002 docker exec "$id" sh -c 'true; id' # one entry, whatever it runs
	wait_for 20 has "event.action == \"container-exec\" and container.id == \"$id\""
	docker rm -f "$id"
	wait_for 20 ended "$id"
	recorder_stop
	[ "$(told container-present "$id" .docktrail.created_by.reason)" = "made before recording began" ]
	[ "$(told container-present "$id" '.docktrail.namespaces.pid')" = private ]
	[ "$(told container-present "$id" '.docktrail | has("doubts")')" = false ]
	# Where the kernel has AppArmor, the engine gives it a profile.
	[ ! -d /sys/kernel/security/apparmor ] || [ "$(told container-present "$id" .docktrail.lsm_label)" = "docker-default (enforce)" ]
	[ "$(told container-exec "$id" .docktrail.entered_by.user.id)" = 2002 ]
	[ "$(told container-exec "$id" '.process.args | join(" ")')" = "sh -c true; id" ]
	[ "$(told container-exec "$id" .docktrail.exec.how)" = runtime ]
	[ "$(told container-exec "$id" .event.severity)" = 50 ]
	[ "$(told container-exec "$id" .docktrail.exec.id)" = "$(events 'docktrail.api.operation == "ContainerExec"' | jq -r .docktrail.exec.id)" ]
	[ "$(told container-exec "$id" .docktrail.entered_by.sequence)" = "$(sequence_of ContainerExec "$id")" ]
	[ "$(told container-exit "$id" .docktrail.exit.signal)" = SIGKILL ]
}

@test "who takes a container's namespaces by himself has entered it" {
	local id pid
	recorder_start
	id=$(docker run -d --net none busybox:test sleep 600)
	pid=$(docker inspect -f '{{.State.Pid}}' "$id")
	nsenter -m -t "$pid" /bin/echo here
	wait_for 20 has "event.action == \"container-exec\" and container.id == \"$id\""
	docker rm -f "$id"
	recorder_stop
	[ "$(told container-exec "$id" .docktrail.exec.how)" = namespaces ]
	[ "$(told container-exec "$id" '.docktrail.entered_by | has("user")')" = false ]
	[ "$(told container-exec "$id" '.process.args | join(" ")')" = "/bin/echo here" ]
	run "$DOCKTRAIL" replay --trail "$TRAIL"
	says "by the container's namespaces"
}

@test "a container that the engine starts again by itself" {
	local id
	recorder_start
	id=$(docker run -d --net none --restart on-failure:1 busybox:test sh -c 'exit 1')
	twice() { [ "$(events "event.action == \"container-exit\" and container.id == \"$id\"" | wc -l)" = 2 ]; }
	wait_for 30 twice
	recorder_stop
	starts() { events "event.action == \"container-start\" and container.id == \"$id\""; }
	[ "$(starts | jq -r '.docktrail.started_by | .sequence // .reason' | sed -n 2p)" = "the engine, by its restart policy" ]
	[ "$(starts | jq -r .docktrail.started_by.sequence | head -n 1)" = "$(sequence_of ContainerStart "$id")" ]
	[ "$(starts | jq .docktrail.created_by.sequence | sort -u)" = "$(sequence_of ContainerCreate "$id")" ]
	docker rm "$id"
}

@test "docker restart: the end is of whom it was started by, the new start of who restarts" {
	local id
	recorder_start
	id=$(as 2001 docker run -d --net none busybox:test sleep 600)
	as 2002 docker restart -t 0 "$id"
	docker rm -f "$id"
	twice() { [ "$(events "event.action == \"container-exit\" and container.id == \"$id\"" | wc -l)" = 2 ]; }
	wait_for 20 twice
	recorder_stop
	[ "$(events "event.action in (\"container-start\", \"container-exit\") and container.id == \"$id\"" | jq -r .docktrail.started_by.user.id | tr '\n' ' ')" = "2001 2001 2002 2002 " ]
}

@test "each namespace that is the host's is told as the host's, and weighs" {
	local name option id
	recorder_start
	for option in pid ipc uts; do
		id=$(docker create --net none "--$option" host busybox:test true)
		docker start "$id"
		wait_for 20 ended "$id"
		[ "$(told container-start "$id" ".docktrail.namespaces.$option")" = host ]
		[ "$(told container-start "$id" .event.severity)" = 75 ]
		docker rm "$id"
	done
	id=$(docker create --net host busybox:test true)
	docker start "$id"
	wait_for 20 ended "$id"
	[ "$(told container-start "$id" '.docktrail.namespaces | [.net, .pid] | join(" ")')" = "host private" ]
	docker rm "$id"
	recorder_stop
}

@test "a namespace that is another container's is told with that one's id" {
	local one two
	recorder_start
	one=$(docker run -d --net none busybox:test sleep 600)
	two=$(docker create --net none --pid "container:$one" busybox:test true)
	docker start "$two"
	wait_for 20 ended "$two"
	docker rm -f "$one" "$two"
	recorder_stop
	[ "$(told container-start "$two" .docktrail.namespaces.pid)" = "container:$one" ]
	[ "$(told container-start "$two" .docktrail.namespaces.uts)" = private ]
	[ "$(told container-start "$one" .docktrail.namespaces.pid)" = private ]
}

@test "capabilities and seccomp, as they were given" {
	local id
	recorder_start
	id=$(docker create --net none --cap-drop ALL busybox:test true)
	docker start "$id"
	wait_for 20 ended "$id"
	[ "$(told container-start "$id" '.docktrail.capabilities | [.effective, .bounding, .permitted] | map(length) | join(" ")')" = "0 0 0" ]
	docker rm "$id"
	id=$(docker create --net none --cap-add SYS_ADMIN --security-opt no-new-privileges busybox:test true)
	docker start "$id"
	wait_for 20 ended "$id"
	[ "$(told container-start "$id" '.docktrail.capabilities.effective | index("CAP_SYS_ADMIN") != null')" = true ]
	[ "$(told container-start "$id" '[.event.severity, .docktrail.no_new_privileges] | join(" ")')" = "75 true" ]
	docker rm "$id"
	id=$(docker create --net none --security-opt seccomp=unconfined busybox:test true)
	docker start "$id"
	wait_for 20 ended "$id"
	[ "$(told container-start "$id" .docktrail.seccomp)" = off ]
	docker rm "$id"
	recorder_stop
}

# bits HEX: how many are set.
bits() {
	local left=$((16#$1)) count=0
	for (( ; left; left &= left - 1)); do
		count=$((count + 1))
	done
	echo "$count"
}

# bats test_tags=vm
@test "docker run --privileged: every capability, no seccomp, and who had it made" {
	local id all set
	all=$(printf '%016x' $(((1 << ($(cat /proc/sys/kernel/cap_last_cap) + 1)) - 1)))
	grep -q "^CapBnd:.*$all" /proc/self/status || skip "root lacks capabilities here, which a privileged container is given: the engine starts none"
	recorder_start
	id=$(as 2001 docker create --net none --privileged busybox:test cat /proc/self/status)
	docker start -a "$id" >"$BATS_TEST_TMPDIR/status"
	wait_for 20 ended "$id"
	recorder_stop
	# As many as the kernel says that it has: an old engine does not know the newest.
	for set in Prm:permitted Eff:effective Bnd:bounding; do
		all=$(awk -v name="Cap${set%:*}:" '$1 == name { print $2 }' "$BATS_TEST_TMPDIR/status")
		[ "$((16#$all & 1 << 21))" != 0 ]
		[ "$(told container-start "$id" ".docktrail.capabilities.${set#*:} | length")" = "$(bits "$all")" ]
	done
	[ "$(bits "$all")" -ge 38 ]
	[ "$(told container-start "$id" '[.docktrail.seccomp, .event.severity, .docktrail.namespaces.pid] | join(" ")')" = "off 75 private" ]
	[ "$(told container-start "$id" '.docktrail | has("doubts") or has("difference")')" = false ]
	[ "$(told container-start "$id" '.docktrail | [.created_by.user.id, .started_by.user.id] | join(" ")')" = "2001 0" ]
	[ "$(told container-start "$id" .docktrail.created_by.sequence)" = "$(sequence_of ContainerCreate "$id")" ]
	[ "$(told container-exit "$id" .docktrail.exit.code)" = 0 ]
	docker rm "$id"
}

# A runtime that gives the host's pid namespace to whoever is started by it.
leaky_runtime() {
	cat >"$ENGINE_DIR/leaky" <<-'EOF'
		#!/bin/sh
		bundle=
		for word; do
			[ "$last" != --bundle ] || bundle=$word
			last=$word
		done
		if [ -n "$bundle" ]; then
			jq '.linux.namespaces |= map(select(.type != "pid")) |
				.mounts += [{"destination": "/mnt/x", "source": "/etc", "type": "bind", "options": ["rbind", "ro"]}]' \
				"$bundle/config.json" >"$bundle/config.new"
			mv "$bundle/config.new" "$bundle/config.json"
		fi
		exec runc "$@"
	EOF
	chmod +x "$ENGINE_DIR/leaky"
	echo "{\"runtimes\": {\"leaky\": {\"path\": \"$ENGINE_DIR/leaky\"}}}" >"$ENGINE_DIR/daemon.json"
	kill -HUP "$(cat "$ENGINE_DIR/dockerd")"
	wait_for 20 grep -q 'Reloaded configuration' "$ENGINE_DIR/log"
}

@test "what nobody asked for: a runtime that gives a namespace and a folder of the host away" {
	local id
	leaky_runtime
	recorder_start
	id=$(docker create --net none --runtime leaky busybox:test true)
	docker start "$id"
	wait_for 20 ended "$id"
	recorder_stop
	[ "$(told container-start "$id" '.docktrail.difference | length')" = 2 ]
	[ "$(told container-start "$id" '.docktrail.difference[0] | [.field, .declared, .actual] | join(" ")')" = "namespaces.pid private host" ]
	[ "$(told container-start "$id" '.docktrail.difference[1] | [.field, .declared, .actual] | join(" ")')" = "mounts without it /etc:/mnt/x:ro" ]
	[ "$(told container-start "$id" .event.severity)" = 75 ]
	run "$DOCKTRAIL" replay --trail "$TRAIL"
	says "NOT AS DECLARED: namespaces.pid is host, declared private"
	docker rm "$id"
}

@test "what was asked for is no difference: folders of the host, its memory, an engine's socket, a first process of the engine's" {
	local id
	recorder_start
	id=$(docker create --net none --init --ipc host -v /etc:/mnt/x:ro -v /:/host:ro -v "$ENGINE_SOCKET:/var/run/docker.sock" \
		--device /dev/null:/dev/other busybox:test true)
	docker start "$id"
	wait_for 20 ended "$id"
	recorder_stop
	told container-start "$id" '.docktrail | [.mounts, .difference]'
	[ "$(told container-start "$id" '.docktrail.difference | length')" = 0 ]
	# Of what was mounted each is told, but for the engine's own.
	for target in /mnt/x /host /var/run/docker.sock; do
		[ "$(told container-start "$id" '[.docktrail.mounts[].target] | any(. == "'$target'")')" = true ]
	done
	# By stat(2) files of an overlay have other numbers than the kernel's own: there it is told.
	[ "$(stat -f -c %T /usr/bin)" = overlayfs ] ||
		[ "$(told container-start "$id" '[.docktrail.mounts[].target] | any(. == "/sbin/docker-init")')" = false ]
	docker rm "$id"
}

@test "what was asked for later: docker update stands beside what was declared" {
	local id
	recorder_start
	id=$(docker create --net none -m 64m busybox:test true)
	docker update -m 96m --memory-swap 200m "$id"
	docker start "$id"
	wait_for 20 ended "$id"
	recorder_stop
	[ "$(told container-start "$id" '.docktrail.difference[0] | [.field, .declared, .actual] | join(" ")')" = "limits.memory 67108864 100663296" ]
	[ "$(told container-start "$id" '.docktrail.difference[0].request')" = "$(sequence_of ContainerUpdate "$id")" ]
	[ "$(told container-start "$id" .event.severity)" = 50 ]
	docker rm "$id"
}

@test "one docker run after the other: each with its start, its end, its names and its creator, none swapped" {
	local runs=${RUNS:-20} i
	[ -z "${TEST_ALL:-}" ] || [ "${TIME_FACTOR:-1}" != 1 ] || runs=${RUNS:-200}
	recorder_start
	for ((i = 0; i < runs; i++)); do
		docker run --rm --net none --name "run-$i" --cidfile "$BATS_TEST_TMPDIR/id-$i" busybox:test true
	done
	wait_for 30 count "$runs" 'event.action == "container-exit" and container.name ~ "run-*"'
	recorder_stop
	count 0 'event.action == "recorder-loss"'
	# What each start and end says of its container is what docker said, and its create's number.
	for ((i = 0; i < runs; i++)); do
		echo "$(cat "$BATS_TEST_TMPDIR/id-$i") run-$i busybox:test"
	done | sort >"$BATS_TEST_TMPDIR/expected"
	for action in container-start container-exit; do
		events "event.action == \"$action\" and container.name ~ \"run-*\"" | jq -r '[.container.id, .container.name, .container.image.name] | join(" ")' |
			sort | diff "$BATS_TEST_TMPDIR/expected" -
		events "event.action == \"$action\" and container.name ~ \"run-*\"" | jq -r '[.container.id, .docktrail.created_by.sequence] | join(" ")' | sort |
			diff <(events 'docktrail.api.operation == "ContainerCreate"' | jq -r '[.docktrail.target.id, .event.sequence] | join(" ")' | sort) -
	done
}

@test "who had a container made is known for ever: over a restart of the recorder, and its end" {
	local id
	recorder_start
	id=$(as 2001 docker create --net none busybox:test sleep 600)
	recorder_stop
	recorder_start
	as 2002 docker start "$id"
	wait_for 20 has "event.action == \"container-start\" and container.id == \"$id\""
	recorder_kill
	recorder_start
	docker rm -f "$id"
	wait_for 20 ended "$id"
	recorder_stop
	[ "$(told container-start "$id" '.docktrail | [.created_by.user.id, .started_by.user.id] | join(" ")')" = "2001 2002" ]
	[ "$(told container-start "$id" .docktrail.created_by.sequence)" = "$(sequence_of ContainerCreate "$id")" ]
	# Who started it may have been somebody else, while nobody recorded.
	[ "$(told container-present "$id" '.docktrail | [.created_by.user.id, has("started_by")] | join(" ")')" = "2001 false" ]
	[ "$(told container-exit "$id" .docktrail.created_by.user.id)" = 2001 ]
}

# A bundle for runc in $1: busybox that runs the rest.
bundle() {
	local folder=$1
	shift
	mkdir -p "$folder/rootfs/bin"
	cp /bin/busybox "$folder/rootfs/bin/"
	ln -sf busybox "$folder/rootfs/bin/true"
	runc spec --bundle "$folder"
	jq --args '.process.terminal = false | .process.args = $ARGS.positional | .linux.resources = {}' "$@" \
		<"$folder/config.json" >"$folder/config.new"
	mv "$folder/config.new" "$folder/config.json"
}

@test "runc by hand: seen, with the process that ran it" {
	recorder_start
	bundle "$BATS_TEST_TMPDIR/bundle" true
	runc --root "$BATS_TEST_TMPDIR/runc" run --bundle "$BATS_TEST_TMPDIR/bundle" by-hand
	wait_for 20 ended by-hand
	recorder_stop
	[ "$(told container-start by-hand .docktrail.created_by.reason)" = "by no engine's request: its ancestors show who made it" ]
	told container-start by-hand '.process.ancestry | join(" ")' | grep -qE '^runc\S* (runc\S* )*bash'
	[ "$(told container-exit by-hand .docktrail.exit.code)" = 0 ]
}

@test "containerd by hand: seen, with its own name" {
	local containerd=$ENGINE_DIR/exec/containerd/containerd.sock
	[ -S "$containerd" ] || skip "this engine's containerd has no socket of its own"
	docker save busybox:test | ctr -a "$containerd" image import --base-name local - || skip "ctr cannot import the image"
	recorder_start
	ctr -a "$containerd" run --rm "$(ctr -a "$containerd" image ls -q | head -n 1)" by-ctr /bin/true
	wait_for 20 ended by-ctr
	recorder_stop
	told container-start by-ctr '.process.ancestry | join(" ")' | grep -q containerd-shim
}

@test "a create whose answer nobody reads: who asked is known by the name" {
	local id body='{"Image":"busybox:test","Cmd":["true"],"HostConfig":{"NetworkMode":"none"}}'
	recorder_start
	printf 'POST /v1.41/containers/create?name=unread HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s' \
		${#body} "$body" | socat -u - "UNIX-CONNECT:$ENGINE_SOCKET"
	wait_for 20 docker inspect unread
	id=$(docker inspect -f '{{.Id}}' unread)
	docker start unread
	wait_for 20 ended "$id"
	recorder_stop
	[ "$(told container-start "$id" .docktrail.created_by.process.name)" = socat ]
	[[ $(told container-start "$id" .docktrail.created_by.reason) == "by its name: "* ]]
	[ "$(told container-exit "$id" .docktrail.created_by.process.name)" = socat ]
	docker rm unread
}

@test "what a container has of the host is found in its mount table" {
	local id
	recorder_start
	id=$(docker create --net none -v /etc:/x:ro -v /:/host -v "$ENGINE_SOCKET:/s.sock" -v /etc/passwd:/p -v /dev/null:/n -v "$BATS_TEST_TMPDIR:/harmless" busybox:test sleep 600)
	docker start "$id"
	wait_for 20 has "event.action == \"container-start\" and container.id == \"$id\""
	docker rm -f "$id"
	plain=$(docker create --net host --pid host --ipc host --uts host busybox:test sleep 600)
	docker start "$plain"
	wait_for 20 has "event.action == \"container-start\" and container.id == \"$plain\""
	docker rm -f "$plain"
	recorder_stop
	told container-start "$id" .docktrail.mounts | tee "$BATS_TEST_TMPDIR/mounts"
	for mount in '{"source":"/etc","target":"/x","mode":"ro"}' '{"source":"/","target":"/host","mode":"rw"}' \
		'{"source":"/etc/passwd","target":"/p","mode":"rw"}'; do
		[ "$(told container-start "$id" ".docktrail.mounts | index($mount) != null")" = true ]
	done
	[ "$(told container-start "$id" '[.docktrail.mounts[] | select(.target == "/s.sock")] | length')" = 1 ]
	[ "$(told container-start "$id" '[.docktrail.mounts[] | select(.target == "/harmless" or .target == "/n")] | length')" = 0 ]
	[ "$(told container-start "$id" .event.severity)" = 75 ]
	# Its own /proc and /sys are of the host's namespaces here, and nothing of the host's.
	[ "$(told container-start "$plain" '.docktrail | has("mounts")')" = false ]
}
