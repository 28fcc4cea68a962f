# SPDX-License-Identifier: Apache-2.0
# What comes of a container: memory that is not there, ways out, capabilities.
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

@test "a container that runs out of memory: who, how much, of what limit" {
	local id
	recorder_start
	id=$(docker create --net none -m 32m --memory-swap 32m busybox:test tail /dev/zero)
	docker start "$id"
	wait_for 60 ended "$id"
	recorder_stop
	[ "$(told oom-kill "$id" '.docktrail.oom | [.scope, .limit] | join(" ")')" = "cgroup 33554432" ]
	# What CPUs have charged ahead may just have been given back.
	[ "$(told oom-kill "$id" '.docktrail.oom.usage > 29000000 and .docktrail.oom.usage <= 33554432')" = true ]
	[ "$(told oom-kill "$id" '.docktrail.oom.memory.anonymous > 20000000')" = true ]
	[ "$(told oom-kill "$id" '[.process.name, .docktrail.oom.trigger.process.name] | join(" ")')" = "tail tail" ]
	[ "$(told oom-kill "$id" .docktrail.created_by.sequence)" = "$(sequence_of ContainerCreate "$id")" ]
	[ "$(told container-exit "$id" '[.docktrail.exit.signal, .docktrail.exit.out_of_memory] | join(" ")')" = "SIGKILL true" ]
	docker rm "$id"
}

# The kernels that tools/vm boots, and nothing else: what is done to them is gone with them.
in_a_guest() {
	grep -q ' /.vm 9p ' /proc/mounts && grep -q '^QEMU' /sys/class/dmi/id/sys_vendor
}

# In a guest, by make test-all: it takes minutes there.
@test "a host that runs out of memory: who, in which container, of whom, and who asked for more" {
	local id
	in_a_guest || skip "it takes all memory of the machine: only in a guest of tools/vm"
	recorder_start
	echo 1 >/proc/sys/vm/overcommit_memory # or it is refused so much at once
	id=$(as 2001 docker create --net none --oom-score-adj 1000 busybox:test dd if=/dev/zero of=/dev/null bs=64G count=1 iflag=fullblock)
	docker start "$id"
	wait_for 60 ended "$id"
	recorder_stop
	[ "$(told oom-kill "$id" '.docktrail.oom | [.scope, .score_adjustment, has("limit")] | join(" ")')" = "host 1000 false" ]
	[ "$(told oom-kill "$id" ".docktrail.oom.memory.anonymous > $(awk '/MemTotal/ { print $2 * 1024 / 4 }' /proc/meminfo)")" = true ]
	[ "$(told oom-kill "$id" '[.process.name, (.docktrail.oom.trigger.process | .pid > 0 and .name != "")] | join(" ")')" = "dd true" ]
	[ "$(told oom-kill "$id" .docktrail.created_by.user.id)" = 2001 ]
	[ "$(told oom-kill "$id" .docktrail.created_by.sequence)" = "$(sequence_of ContainerCreate "$id")" ]
	[ "$(told container-exit "$id" '[.docktrail.exit.signal, .docktrail.exit.out_of_memory] | join(" ")')" = "SIGKILL true" ]
	docker rm "$id"
}

@test "a way out by namespaces, and namespaces of its own, stand out" {
	local id pid
	sleep 300 3>&- &
	pid=$!
	recorder_start
	id=$(docker create --net none --pid host --cap-add SYS_ADMIN --cap-add SYS_PTRACE --security-opt seccomp=unconfined \
		--security-opt apparmor=unconfined busybox:test sh -c "unshare -m /bin/true; busybox nsenter -t $pid -u -m /bin/true; :")
	docker start "$id"
	wait_for 20 ended "$id"
	kill "$pid"
	recorder_stop
	[ "$(told namespace-create "$id" '.docktrail.change.types | join(" ")')" = mnt ]
	# One event, or one for each call where those are seen.
	events "event.action == \"namespace-enter\" and container.id == \"$id\"" >"$BATS_TEST_TMPDIR/entered"
	[ "$(jq -s -r '[.[].docktrail.change.types[]] | sort | join(" ")' "$BATS_TEST_TMPDIR/entered")" = "mnt uts" ]
	[ "$(jq -r '[.docktrail.target.type, .event.severity] | join(" ")' "$BATS_TEST_TMPDIR/entered" | sort -u)" = "host 75" ]
	[ "$(jq .docktrail.created_by.sequence "$BATS_TEST_TMPDIR/entered" | sort -u)" = "$(sequence_of ContainerCreate "$id")" ]
	count 0 "event.action == \"container-exec\" and container.id == \"$id\""
	run "$DOCKTRAIL" replay --trail "$TRAIL"
	says "came into the host's: "
	docker rm "$id"
}

@test "capabilities that a container's programs use: the first time at once, then counted" {
	local id
	recorder_start
	id=$(docker create --net none --security-opt seccomp=unconfined busybox:test \
		sh -c 'for i in 1 2 3 4 5 6 7; do busybox chown $i /tmp; done; busybox hostname other; :')
	docker start "$id"
	wait_for 20 ended "$id"
	recorder_stop
	own() { events "event.action == \"capability-use\" and container.id == \"$id\" and docktrail.capability.name == \"$1\" and not docktrail.capability.borrowed == true"; }
	[ "$(own CAP_CHOWN | jq -r '[.docktrail.capability.verdict, .process.executable] | join(" ")' | sort -u)" = "granted /bin/busybox" ]
	[ "$(own CAP_CHOWN | head -n 1 | jq .docktrail.capability.count)" = 1 ]
	[ "$(own CAP_CHOWN | jq .docktrail.capability.count | awk '{ sum += $1 } END { print (sum >= 7) }')" = 1 ]
	[ "$(own CAP_SYS_ADMIN | jq -r '[.docktrail.capability.verdict, .event.outcome] | join(" ")' | sort -u)" = "denied failure" ]
	[ "$(own CAP_SYS_ADMIN | jq .docktrail.created_by.sequence | sort -u)" = "$(sequence_of ContainerCreate "$id")" ]
	docker rm "$id"
}

@test "capabilities of the host's own processes: by choice, and never taken for a container's" {
	local hooks
	nice -n -1 true 2>/dev/null || skip "this machine grants no CAP_SYS_NICE"
	recorder_start
	hooks=$(attached_hooks)
	[[ $hooks == *capability* ]] || skip "this kernel has no hook for capabilities on this rung"
	nice -n -1 true
	recorder_stop
	count 0 'event.action == "capability-use" and process.executable =~ "/nice$" and not exists container.id'
	rm -r "$TRAIL"
	echo 'host_capabilities = yes' >"$BATS_TEST_TMPDIR/conf"
	recorder_start --config "$BATS_TEST_TMPDIR/conf"
	nice -n -1 true
	wait_for 15 has 'event.action == "capability-use" and process.executable =~ "/nice$"'
	recorder_stop
	count 1 'event.action == "capability-use" and docktrail.capability.name == "CAP_SYS_NICE" and process.name == "nice" and process.executable =~ "/nice$" and event.severity == 0 and not exists container.id'
}
