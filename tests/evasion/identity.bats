# SPDX-License-Identifier: Apache-2.0
# Passing for somebody else, or for nobody: names of control groups, numbers that are used again, processes that are gone.
load ../integration/helpers
load ../integration/trail

setup_file() {
	engine_start
	engine_image
}

setup() {
	engine_needed
	ACTORS=$TOP/build/tests/actors GROUPS_OF=/sys/fs/cgroup PIDS=
	[ ! -d "$GROUPS_OF/unified" ] || GROUPS_OF=$GROUPS_OF/unified
	FALSE=$GROUPS_OF/docktrail-evasion-$$
}

teardown() {
	recorder_kill
	[ -z "${CROWD:-}" ] || kill "$CROWD" 2>/dev/null || true
	[ -z "$PIDS" ] || echo "$PIDS" >/proc/sys/kernel/pid_max
	docker ps -aq 2>/dev/null | xargs -r docker rm -f >/dev/null 2>&1 || true
	[ ! -d "$FALSE" ] || find "$FALSE" -depth -type d -exec rmdir {} +
}

teardown_file() {
	engine_stop
}

# ask_in GROUP PATH: a process of the host that has gone into this control group asks.
ask_in() {
	bash -c "echo \$\$ >'$1/cgroup.procs' && '$ACTORS/ask' '$ENGINE_SOCKET' '$2' && :"
}

# asked PATH [EXPRESSION]: one request for it, of which this is true.
asked() {
	count 1 "event.action == \"api-request\" and url.path == \"$1\"${2:+ and $2}"
}

# bats test_tags=vm
@test "a control group that is called like a container, or is one's: a name alone makes nobody a container's" {
	local id invented=000000000000000000000000000000000000000000000000000000000000e5ca own
	recorder_start
	docker run -d --name running --net none busybox:test sleep 600
	id=$(docker inspect -f '{{.Id}}' running)
	own=$GROUPS_OF$(sed -n 's/^0:://p' "/proc/$(docker inspect -f '{{.State.Pid}}' running)/cgroup")
	mkdir -p "$FALSE/$invented" "$FALSE/$id" || skip "no control group can be made here"
	ask_in "$FALSE/$invented" /of-an-invented-one
	ask_in "$FALSE/$id" /called-like-a-running-one
	ask_in "$own" /in-a-running-ones
	wait_for 15 has 'url.path == "/in-a-running-ones" and event.action == "api-request"'
	recorder_stop
	asked /of-an-invented-one 'not exists container.id and docktrail.namespaces.mnt == "host"'
	asked /called-like-a-running-one 'not exists container.id and docktrail.namespaces.mnt == "host"'
	# Root can put a process into the container's own group: it is told as the container's, in the host's namespaces.
	asked /in-a-running-ones "container.id == \"$id\" and docktrail.namespaces.mnt == \"host\" and docktrail.namespaces.pid == \"host\""
	count 1 'event.action == "container-start"'
	count 0 "event.action == \"container-exec\" and container.id == \"$id\""
}

# crowd SECONDS: 700 containers of a user's own, each of which sleeps so long.
crowd() {
	cp "$ACTORS/guests" "$BATS_TEST_TMPDIR/runc"
	chmod 0755 "$BATS_TEST_TMPDIR" "$BATS_TEST_TMPDIR/runc"
	setpriv --reuid 2001 --regid 2001 --clear-groups "$BATS_TEST_TMPDIR/runc" 700 /bin/sleep "$1" >"$BATS_TEST_TMPDIR/there" 2>&1 3>&- &
	CROWD=$!
	all_are() { grep -q there "$BATS_TEST_TMPDIR/there" || is_gone "$CROWD"; }
	wait_for 60 all_are
	grep -q there "$BATS_TEST_TMPDIR/there" || skip "no user may make so many namespaces here: $(cat "$BATS_TEST_TMPDIR/there")"
}

@test "a user's containers with long command lines, while nobody reads: the engine's find room" {
	local i
	recorder_start
	kill -STOP "$RECORDER"
	crowd "$(printf '%04000d' 600)"
	# More than fits behind the last of his that did.
	for i in {1..8}; do docker run --rm --name "after$i" --net none busybox:test true; done
	kill -CONT "$RECORDER"
	wait_for 30 has 'event.action == "container-exit" and container.name == "after8"'
	recorder_stop
	count 8 'event.action == "container-start" and container.name =~ "^after" and event.severity == 0 and process.executable =~ "busybox$"'
	# What of his found none is counted.
	has 'event.action == "recorder-loss" and docktrail.loss.reason == "container_start: ring_full"'
}

@test "a user makes more containers of his own than are kept: the engine's are seen as before, and what is not is counted" {
	local id
	recorder_start
	id=$(docker run -d --name before --net none busybox:test sleep 600)
	crowd 600
	docker exec "$id" true
	nsenter -m -t "$(docker inspect -f '{{.State.Pid}}' "$id")" /bin/echo here
	docker run --rm --name after --net none busybox:test true
	wait_for 30 has 'event.action == "container-exit" and container.name == "after"'
	recorder_stop
	count 2 "event.action == \"container-exec\" and container.id == \"$id\""
	count 1 'event.action == "container-start" and container.name == "after" and event.severity == 0 and docktrail.namespaces.pid == "private"'
	# 512 of his are told, and that there are others.
	count 512 'event.action == "container-start" and user.id == 2001'
	[ "$(events 'event.action == "recorder-loss" and docktrail.loss.reason == "container_start: no_place"' | jq -s 'map(.docktrail.loss.records) | add')" = 188 ]
}

# ask_again PID PATH: asks as this pid, or skips where the kernel does not let that be chosen.
ask_again() {
	local status=0
	"$ACTORS/again" "$1" "$ACTORS/ask" "$ENGINE_SOCKET" "$2" || status=$?
	[ "$status" != 77 ] || skip "no pid can be chosen here (clone3)"
	[ "$status" != 75 ] || skip "somebody else has pid $1 by now"
	return "$status"
}

# bats test_tags=vm
@test "a pid that is used again: each request has its own process" {
	local first containers
	recorder_start
	"$ACTORS/ask" "$ENGINE_SOCKET" /first 3>&- &
	first=$!
	wait "$first"
	ask_again "$first" /again
	# And one that was a container's first process.
	docker run -d --name over --net none busybox:test sleep 600
	containers=$(docker inspect -f '{{.State.Pid}}' over)
	id=$(docker inspect -f '{{.Id}}' over)
	docker kill over
	wait_for 20 ended "$id"
	docker wait over
	ask_again "$containers" /as-the-containers-pid
	wait_for 15 has 'event.action == "api-request" and url.path == "/as-the-containers-pid"'
	recorder_stop
	asked /first "process.pid == $first"
	asked /again "process.pid == $first"
	[ "$(events 'url.path in ("/first", "/again")' | jq -r .process.entity_id | sort -u | wc -l)" = 2 ]
	[ "$(events 'url.path == "/first"' | jq -r '.process.ancestry[0] | sub("\\[.*"; "")')" = bash ]
	[ "$(events 'url.path == "/again"' | jq -r '.process.ancestry[0] | sub("\\[.*"; "")')" = again ]
	asked /as-the-containers-pid "process.pid == $containers and not exists container.id and process.executable == \"$ACTORS/ask\""
	told container-exit "$id" .process.executable | grep -q busybox
}

# bats test_tags=vm
@test "pids that go round: with a small pid_max each request has its own process" {
	local i asks=200 pid
	[ -e /.vm/guest ] || skip "pid_max is that of the whole host: only in a VM"
	PIDS=$(cat /proc/sys/kernel/pid_max)
	# Below 300 none is given a second time (RESERVED_PIDS): fewer are left than there are requests.
	echo 480 >/proc/sys/kernel/pid_max
	recorder_start
	for ((i = 0; i < asks; i++)); do
		"$ACTORS/ask" "$ENGINE_SOCKET" "/round-$i" >/dev/null 3>&- &
		pid=$!
		wait "$pid"
		echo "/round-$i $pid"
	done | sort >"$BATS_TEST_TMPDIR/asked"
	all() { [ "$(events 'url.path ~ "/round-*" and event.action == "api-request"' | wc -l)" = "$asks" ]; }
	wait_for 20 all
	recorder_stop
	events 'url.path ~ "/round-*" and event.action == "api-request" and process.name == "ask"' >"$BATS_TEST_TMPDIR/lines"
	jq -r '[.url.path, .process.pid] | join(" ")' "$BATS_TEST_TMPDIR/lines" | sort | diff "$BATS_TEST_TMPDIR/asked" -
	echo "$(cut -d ' ' -f 2 "$BATS_TEST_TMPDIR/asked" | sort -u | wc -l) pids"
	[ "$(cut -d ' ' -f 2 "$BATS_TEST_TMPDIR/asked" | sort -u | wc -l)" -lt "$asks" ] # some were used again
	[ "$(jq -r .process.entity_id "$BATS_TEST_TMPDIR/lines" | sort -u | wc -l)" = "$asks" ]
}

# bats test_tags=vm
@test "gone before anybody looks: parents gone first, the program's file removed, the answer not read" {
	local i
	recorder_start
	for i in {1..10}; do
		cp "$ACTORS/ask" "$BATS_TEST_TMPDIR/gone-$i"
		# Its parent and that one's parent end without waiting for it.
		(bash -c "bash -c '\"$BATS_TEST_TMPDIR/gone-$i\" \"$ENGINE_SOCKET\" /gone-$i - \"$BATS_TEST_TMPDIR/gone-$i\" &' &" 3>&- &)
	done
	all() { [ "$(events 'url.path ~ "/gone-*" and event.action == "api-request"' | wc -l)" = 10 ]; }
	wait_for 20 all
	recorder_stop
	for i in {1..10}; do
		asked "/gone-$i" "process.name == \"gone-$i\" and process.executable == \"$BATS_TEST_TMPDIR/gone-$i\" and user.id == 0"
		# Who it comes from, not who takes orphans.
		[ "$(events "event.action == \"api-request\" and url.path == \"/gone-$i\"" | jq -r '[.process.args[2], (.process.ancestry | map(sub("\\[.*"; "")) | .[0:2] | join(" "))] | join(" ")')" = "/gone-$i bash bash" ]
	done
}

# closed TIMES: the end of so many of the actor's connections was told.
closed() {
	[ "$(events 'event.action == "socket-close" and process.name == "ask"' | wc -l)" = "$1" ]
}

@test "numbers of namespaces are used again at once: nobody is in those of a container that is gone, or came later" {
	local i id
	recorder_start
	for i in 1 2; do
		docker run --rm --net none -v "$ENGINE_SOCKET:/s" -v "$ACTORS/ask:/ask" busybox:test /ask /s "/number-$i"
		# Where the end of a connection is told later, the first one's is told when the next container is there.
		[ "$i" = 1 ] || wait_for 10 closed 2
		docker run -d --name "next-$i" --net none busybox:test sleep 600
	done
	recorder_stop
	events 'process.name in ("ask", "sleep")' | jq -c '[.event.action, .container.id[:8], .docktrail.namespaces.mnt, .docktrail.difference]'
	for i in 1 2; do
		asked "/number-$i" 'docktrail.namespaces.mnt == "private" and docktrail.namespaces.pid == "private"'
		id=$(docker inspect -f '{{.Id}}' "next-$i")
		[ "$(told container-start "$id" '[.docktrail.namespaces.mnt, .event.severity, (.docktrail | has("difference"))] | join(" ")')" = "private 0 false" ]
	done
	count 0 'process.name in ("ask", "sleep") and docktrail.namespaces.mnt ~ "container:*"'
}
