# SPDX-License-Identifier: Apache-2.0
# Ways out of a container. Each is gone to its end: that it leads out is asserted first, then what is recorded of it.
load ../integration/helpers
load ../integration/trail

UNCONFINED="--security-opt seccomp=unconfined --security-opt apparmor=unconfined"

setup_file() {
	engine_start
	engine_image
}

setup() {
	engine_needed
	ACTORS=$TOP/build/tests/actors PLACE=$BATS_TEST_TMPDIR/place SLEEPER= LOOP=
	mkdir "$PLACE"
}

teardown() {
	recorder_kill
	[ -z "$SLEEPER" ] || { kill "$SLEEPER" && wait "$SLEEPER" || true; } 2>/dev/null
	docker ps -aq 2>/dev/null | xargs -r docker rm -f >/dev/null 2>&1 || true
	[ -z "$LOOP" ] || losetup -d "$LOOP"
}

teardown_file() {
	engine_stop
}

# A process of the host, which a container with the host's pids finds.
sleeper_start() {
	sleep 600 3>&- &
	SLEEPER=$!
}

# took ID CAPABILITY: a program of this container was granted it.
took() {
	has "event.action == \"capability-use\" and container.id == \"$1\" and docktrail.capability.name == \"$2\" and docktrail.capability.verdict == \"granted\""
}

@test "/proc/PID/root of a process of the host: the capability that it takes, not what is read" {
	local id
	echo secret >"$PLACE/unnamed-file"
	sleeper_start
	recorder_start
	# The shell reads it itself: it stands on no command line.
	run docker run -i --name out --net none --pid host --cap-add SYS_PTRACE $UNCONFINED busybox:test \
		sh -c 'read file; read line <"$file"; echo "$line"' <<<"/proc/$SLEEPER/root$PLACE/unnamed-file"
	[ "$output" = secret ]
	id=$(docker inspect -f '{{.Id}}' out)
	wait_for 20 ended "$id"
	recorder_stop
	[ "$(told container-start "$id" '[.docktrail.namespaces.pid, .event.severity] | join(" ")')" = "host 75" ]
	took "$id" CAP_SYS_PTRACE
	# Not seen: which file. It took no namespace either.
	count 0 "event.action == \"namespace-enter\" and container.id == \"$id\""
	events >"$BATS_TEST_TMPDIR/lines"
	none "$BATS_TEST_TMPDIR/lines" unnamed-file
}

# bats test_tags=vm
@test "into the host's mount namespace and back, without a program or a child: the capabilities, and where setns is seen itself the visit" {
	local id
	sleeper_start
	recorder_start
	docker run --name out --net none --pid host --cap-add SYS_PTRACE --cap-add SYS_ADMIN $UNCONFINED -v "$ACTORS/visit:/visit" \
		busybox:test /visit "$SLEEPER" "$PLACE/visited"
	[ -e "$PLACE/visited" ]
	SETNS=$("$DOCKTRAIL" status --trail "$TRAIL" --json | jq -r '.hooks[] | select(.purpose == "setns").state')
	id=$(docker inspect -f '{{.Id}}' out)
	wait_for 20 ended "$id"
	recorder_stop
	took "$id" CAP_SYS_ADMIN
	took "$id" CAP_SYS_CHROOT
	[ "$(told container-start "$id" .event.severity)" = 75 ]
	if [ "$SETNS" = attached ]; then
		count 1 "event.action == \"namespace-enter\" and container.id == \"$id\" and docktrail.change.how == \"switch\" and docktrail.target.type == \"host\" and event.severity == 75"
	else
		count 0 "event.action == \"namespace-enter\" and container.id == \"$id\""
	fi
}

@test "the host's disk, mounted and read: what was declared and the capability, not the files" {
	local id
	truncate -s 8M "$PLACE/disk" && mkdir "$PLACE/tree" && echo secret >"$PLACE/tree/unnamed-file"
	modprobe -q loop || true # in a VM it may be a module
	mkfs.ext4 -q -d "$PLACE/tree" "$PLACE/disk" && LOOP=$(losetup -f --show "$PLACE/disk") || skip "no loop device can be had here"
	recorder_start
	run docker run --name out --net none --device "$LOOP" --cap-add SYS_ADMIN $UNCONFINED busybox:test \
		sh -c "mount -t ext4 -o ro $LOOP /tmp && cat /tmp/unnamed*"
	[ "$output" = secret ]
	id=$(docker inspect -f '{{.Id}}' out)
	docker create --name raw --net none --device "$LOOP:/dev/raw:r" busybox:test busybox grep -c secret /dev/raw
	[ "$(docker start -a raw)" -ge 1 ]
	raw=$(docker inspect -f '{{.Id}}' raw)
	wait_for 20 ended "$raw"
	recorder_stop
	count 1 "docktrail.api.operation == \"ContainerCreate\" and docktrail.target.name == \"out\" and docktrail.declared.devices == \"$LOOP\" and event.severity == 75"
	took "$id" CAP_SYS_ADMIN
	# A device that is only read takes no capability: it is declared, and that is all.
	count 1 "docktrail.api.operation == \"ContainerCreate\" and docktrail.target.name == \"raw\" and docktrail.declared.devices ~ \"$LOOP*\""
	count 0 "event.action == \"capability-use\" and container.id == \"$raw\""
}

@test "a device of the host that was not given: the node is made, and the capability told" {
	local id
	recorder_start
	run docker run --name out --net none busybox:test sh -c 'busybox mknod /disk b 7 0 && dd if=/disk of=/dev/null count=1'
	[ "$status" != 0 ]
	says "Operation not permitted"
	id=$(docker inspect -f '{{.Id}}' out)
	wait_for 20 ended "$id"
	recorder_stop
	took "$id" CAP_MKNOD
	# That the device cgroup refused to open it is not told.
	count 0 "event.action == \"capability-use\" and container.id == \"$id\" and docktrail.capability.verdict == \"denied\""
}

# bats test_tags=vm
@test "release_agent: the mount's capability, and what the agent asks of the engine, as a child of the kernel" {
	local id
	cp "$ACTORS/ask" "$PLACE/ask"
	printf '#!/bin/sh\n%s/ask %s /by-the-agent >%s/answer 2>&1\n' "$PLACE" "$ENGINE_SOCKET" "$PLACE" >"$PLACE/agent"
	chmod +x "$PLACE/agent"
	recorder_start
	# A hierarchy of its own, without a controller: nobody else is in it.
	run docker run --name out --net none --cgroupns host --cap-add SYS_ADMIN $UNCONFINED busybox:test sh -c "
		mount -t cgroup -o none,name=docktrail-evasion cgroup /tmp || exit 75
		echo '$PLACE/agent' >/tmp/release_agent && busybox mkdir /tmp/group && echo 1 >/tmp/group/notify_on_release &&
			sh -c 'echo \$\$ >/tmp/group/cgroup.procs'
		echo made; until busybox rmdir /tmp/group; do :; done; busybox umount /tmp"
	[ "$status" != 75 ] || skip "no hierarchy of cgroup v1 can be mounted here"
	says made
	wait_for 20 grep -q '^HTTP/1.1 404' "$PLACE/answer"
	id=$(docker inspect -f '{{.Id}}' out)
	wait_for 20 ended "$id"
	wait_for 20 has 'url.path == "/by-the-agent"'
	recorder_stop
	took "$id" CAP_SYS_ADMIN
	[ "$(told container-start "$id" .event.severity)" = 75 ]
	# On the host, of nobody's container; not seen: which container wrote its path.
	count 1 "url.path == \"/by-the-agent\" and process.name == \"ask\" and docktrail.namespaces.mnt == \"host\" and not exists container.id"
	[ "$(events 'url.path == "/by-the-agent"' | jq -r '.process.ancestry | map(sub("\\[.*"; "")) | join(" ")')" = "agent kthreadd" ]
	count 0 "event.action == \"namespace-enter\" and container.id == \"$id\""
}

# helper_by_asker HOST-CONFIG COMMAND: a container that has the socket asks for another one, and starts it.
helper_by_asker() {
	docker run --name asker --net none -v "$ENGINE_SOCKET:/s" -v "$ACTORS/ask:/ask" busybox:test sh -c "
		/ask /s '/v1.41/containers/create?name=helper' '{\"Image\":\"busybox:test\",\"Cmd\":$2,\"HostConfig\":{\"NetworkMode\":\"none\",$1}}'
		/ask /s /v1.41/containers/helper/start '{}'"
	ASKER=$(docker inspect -f '{{.Id}}' asker) HELPER=$(docker inspect -f '{{.Id}}' helper)
}

# helper_was_asked: who stands behind it is the request, which is that of a process of the asker.
helper_was_asked() {
	[ "$(told container-start "$HELPER" .docktrail.created_by.sequence)" = "$(sequence_of ContainerCreate "$HELPER")" ]
	count 1 "docktrail.api.operation == \"ContainerCreate\" and docktrail.target.id == \"$HELPER\" and container.id == \"$ASKER\" and process.executable == \"/ask\" and event.severity == 75"
	[ "$(told container-start "$HELPER" '[.docktrail.created_by.process.name, .event.severity] | join(" ")')" = "ask 75" ]
	[ "$(told container-start "$ASKER" .event.severity)" = 75 ] # it has the socket
}

@test "a helper container with the host's files and pids, asked for from a container: the container that asked" {
	recorder_start
	helper_by_asker "\"PidMode\":\"host\",\"Binds\":[\"/:/host\"]" "[\"busybox\",\"touch\",\"/host$PLACE/touched\"]"
	wait_for 20 ended "$HELPER"
	[ -e "$PLACE/touched" ]
	recorder_stop
	helper_was_asked
	[ "$(told container-start "$HELPER" .docktrail.namespaces.pid)" = host ]
	count 1 "docktrail.target.id == \"$HELPER\" and docktrail.declared.mounts[].source == \"/\" and docktrail.declared.namespaces.pid == \"host\""
}

# bats test_tags=vm
@test "a privileged helper container, asked for from a container: the container that asked" {
	recorder_start
	helper_by_asker "\"Privileged\":true,\"Binds\":[\"/:/host\"]" "[\"busybox\",\"touch\",\"/host$PLACE/touched\"]"
	if [ -n "$(docker inspect -f '{{.State.Error}}' helper)" ]; then
		# That it was asked for is told all the same.
		recorder_stop
		count 1 "docktrail.api.operation == \"ContainerCreate\" and docktrail.declared.privileged == true and container.id == \"$ASKER\" and event.severity == 75"
		count 1 "docktrail.api.operation == \"ContainerStart\" and http.response.status_code >= 400 and container.id == \"$ASKER\""
		skip "no privileged container can be started here; that it was asked for is told"
	fi
	wait_for 20 ended "$HELPER"
	[ -e "$PLACE/touched" ]
	recorder_stop
	helper_was_asked
	count 1 "docktrail.target.id == \"$HELPER\" and docktrail.declared.privileged == true"
	[ "$(told container-start "$HELPER" '[.docktrail.seccomp, (.docktrail.capabilities.effective | length) > 35] | join(" ")')" = "off true" ]
}

@test "a container in a container, by namespaces: told as the outer one's" {
	local id
	recorder_start
	docker run --name outer --net none --cap-add SYS_ADMIN $UNCONFINED -v "$ENGINE_SOCKET:/s" -v "$ACTORS:/actors" busybox:test \
		unshare -m -u -p -f sh -c 'busybox hostname inner; /actors/ask /s /from-the-inner'
	id=$(docker inspect -f '{{.Id}}' outer)
	wait_for 20 ended "$id"
	recorder_stop
	[ "$(events "event.action == \"namespace-create\" and container.id == \"$id\"" | jq -r '.docktrail.change.types[]' | sort | tr '\n' ' ')" = "mnt pid uts " ]
	# One container, whose processes these are: no second one is told.
	count 1 "url.path == \"/from-the-inner\" and container.id == \"$id\" and event.action == \"api-request\""
	count 1 "event.action == \"container-start\" and container.name == \"outer\""
	count 0 "event.action == \"container-start\" and process.ancestry =~ \"^unshare\""
}

# The unified tree: mounted alone, or beside those of version 1.
unified() {
	if [ -d /sys/fs/cgroup/unified ]; then
		echo /sys/fs/cgroup/unified
	else
		echo /sys/fs/cgroup
	fi
}

# bats test_tags=vm
@test "a container in a container, as an engine within makes it: told with its own name, and the outer one in its ancestors" {
	local id inner=1111111111111111111111111111111111111111111111111111111111111e5c
	cp "$ACTORS/unshare" "$PLACE/runc" # what it makes of it is what runc does
	recorder_start
	docker run --name outer --net none --cgroupns host --cap-add SYS_ADMIN $UNCONFINED -v "$(unified):/cgroup" -v "$ENGINE_SOCKET:/s" \
		-v "$ACTORS:/actors" -v "$PLACE:/place" busybox:test sh -c "
		group=/cgroup\$(busybox sed -n 's/^0:://p' /proc/self/cgroup)/$inner
		busybox mkdir \$group
		sh -c \"echo \\\$\\\$ >\$group/cgroup.procs; exec /place/runc /actors/ask /s /from-the-inner\"
		until busybox rmdir \$group; do :; done; /actors/ask /s /from-the-outer; :"
	id=$(docker inspect -f '{{.Id}}' outer)
	wait_for 20 ended "$id"
	recorder_stop
	count 1 "event.action == \"api-request\" and url.path == \"/from-the-outer\" and container.id == \"$id\""
	events 'url.path == "/from-the-inner" or event.action == "container-start"' | jq -c '[.event, .container, .docktrail.created_by, .process.ancestry]'
	count 1 "event.action == \"api-request\" and url.path == \"/from-the-inner\" and container.id == \"$inner\""
	told container-start "$inner" '.process.ancestry | join(" ")' | grep -qF "sh[$(told container-start "$id" .process.pid)]"
}

@test "by the host's namespaces, under a program called runc: what it does in its container is seen as anybody's" {
	local id
	cp "$ACTORS/unshare" "$PLACE/runc"
	sleeper_start
	recorder_start
	docker run --name outer --net none --pid host --cap-add SYS_ADMIN --cap-add SYS_PTRACE $UNCONFINED -v "$PLACE:/place" busybox:test sh -c \
		"/place/runc /bin/busybox nsenter -t $SLEEPER -m -u /bin/true; :"
	id=$(docker inspect -f '{{.Id}}' outer)
	wait_for 20 ended "$id"
	recorder_stop
	[ "$(events "event.action == \"namespace-enter\" and container.id == \"$id\" and event.severity == 75 and docktrail.target.type == \"host\"" | jq -s -r '[.[].docktrail.change.types[]] | sort | unique | join(" ")')" = "mnt uts" ]
	count 0 'event.action == "container-start" and container.id ~ "mnt-*"'
}

# bats test_tags=vm
@test "out of the control group, as a program called runc: a container of its own, the one it came from in its ancestors only" {
	local id
	cp "$ACTORS/unshare" "$PLACE/runc"
	recorder_start
	docker run --name outer --net none --cgroupns host --cap-add SYS_ADMIN $UNCONFINED -v "$(unified):/cgroup" -v "$ENGINE_SOCKET:/s" \
		-v "$ACTORS:/actors" -v "$PLACE:/place" busybox:test sh -c \
		'echo $$ >/cgroup/cgroup.procs; /actors/ask /s /left; /place/runc /actors/ask /s /as-runc; :'
	id=$(docker inspect -f '{{.Id}}' outer)
	wait_for 20 ended "$id"
	recorder_stop
	# Who only leaves the control group stays the container's.
	count 1 "event.action == \"api-request\" and url.path == \"/left\" and container.id == \"$id\""
	# Not seen: that this one is of it too.
	count 0 "event.action == \"api-request\" and url.path == \"/as-runc\" and container.id == \"$id\""
	count 1 "event.action == \"api-request\" and url.path == \"/as-runc\" and container.id ~ \"mnt-*\""
	count 1 "event.action == \"container-start\" and container.id ~ \"mnt-*\" and process.executable == \"/actors/ask\" and docktrail.created_by.reason ~ \"by no engine*\""
	[ "$(events 'event.action == "container-start" and container.id ~ "mnt-*" and process.executable == "/actors/ask"' | jq -r '.process.ancestry[0] | sub("\\[.*"; "")')" = sh ]
	[ "$(events 'event.action == "container-start" and container.id ~ "mnt-*" and process.executable == "/actors/ask"' | jq -r '.process.ancestry[0]')" = "sh[$(told container-start "$id" .process.pid)]" ]
}
