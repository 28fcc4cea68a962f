# SPDX-License-Identifier: Apache-2.0
# Podman, as root and as a user: what it makes are containers too, with and without a request.
load helpers
load trail

# A user of the tests' own, for podman without root: newuidmap goes by /etc/passwd and /etc/subuid.
PODMAN_USER=docktrail-test

podman_missing_reason() {
	local name
	[ "$(id -u)" = 0 ] || { echo "root is needed to record"; return; }
	for name in podman conmon; do
		command -v "$name" >/dev/null || { echo "$name is not installed"; return; }
	done
	[ -x /bin/busybox ] || { echo "busybox-static is not installed"; return; }
	command -v crun runc >/dev/null || echo "neither runc nor crun is installed"
}

# podman_settings FOLDER: everything that podman keeps lies there. The limits are those that a machine
# without CAP_SYS_RESOURCE can give, too.
podman_settings() {
	mkdir -p "$1"/{root,run,tmp}
	cat >"$1/containers.conf" <<-CONF
		[containers]
		default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
		netns = "none"
		[engine]
		cgroup_manager = "cgroupfs"
		events_logger = "file"
		tmp_dir = "$1/tmp"
	CONF
	cat >"$1/storage.conf" <<-CONF
		[storage]
		driver = "vfs"
		graphroot = "$1/root"
		runroot = "$1/run"
	CONF
}

setup_file() {
	local name
	PODMAN_MISSING=$(podman_missing_reason)
	export PODMAN_MISSING
	[ -z "$PODMAN_MISSING" ] || return 0
	ENGINE_DIR=$(mktemp -d /tmp/engine.XXXXXXXX)
	ENGINE_SOCKET=$ENGINE_DIR/docker.sock ENGINE_DATA=$ENGINE_DIR/data
	CONTAINERS_CONF=$ENGINE_DIR/containers.conf CONTAINERS_STORAGE_CONF=$ENGINE_DIR/storage.conf
	export ENGINE_DIR ENGINE_SOCKET ENGINE_DATA CONTAINERS_CONF CONTAINERS_STORAGE_CONF
	chmod 0711 "$ENGINE_DIR"
	podman_settings "$ENGINE_DIR"
	mkdir -p "$ENGINE_DIR"/image/{bin,etc,tmp}
	cp /bin/busybox "$ENGINE_DIR/image/bin/busybox"
	for name in sh id true sleep; do
		ln -s busybox "$ENGINE_DIR/image/bin/$name"
	done
	tar -c -C "$ENGINE_DIR/image" . | podman import - busybox:test >/dev/null
	# crun refuses to work where control groups are of both kinds, version 1 and 2.
	RUNTIMES=
	for name in runc crun; do
		! podman --runtime "$name" run --rm busybox:test true || RUNTIMES+=" $name"
	done
	export RUNTIMES
}

setup() {
	[ -z "$PODMAN_MISSING" ] || skip "$PODMAN_MISSING"
	[ -n "$RUNTIMES" ] || skip "podman starts no container here, with neither runc nor crun"
	PODMAN=(podman --runtime "${RUNTIMES##* }")
	SERVICE=
}

teardown() {
	recorder_kill
	[ -z "${SERVICE:-}" ] || kill -TERM "$SERVICE" 2>/dev/null || true
	[ -z "${RUNTIMES:-}" ] || podman rm -f -a -t 0 >/dev/null 2>&1 || true
}

# Podman, and conmon, which waits for minutes after an exec, name their folder in what they were run with.
podman_processes() {
	local file
	for file in /proc/[0-9]*; do
		if tr '\0' ' ' 2>/dev/null <"$file/cmdline" | grep -qE "^[^ ]*(podman|conmon) .*$ENGINE_DIR/"; then
			echo "${file#/proc/}"
		fi
	done
	# Without root one of them stays, to keep the user namespace.
	! id "$PODMAN_USER" >/dev/null 2>&1 || pgrep -U "$PODMAN_USER" || true
}

teardown_file() {
	local pid mounted
	[ -n "${ENGINE_DIR:-}" ] || return 0
	for pid in $(podman_processes); do
		kill -KILL "$pid" 2>/dev/null || true
		wait_for 5 is_gone "$pid" || true
	done
	awk '{ print $5 }' /proc/self/mountinfo | grep -F "$ENGINE_DIR/" | sort -r | while read -r mounted; do
		umount -l "$mounted" || true
	done
	rm -rf "$ENGINE_DIR"
	! id "$PODMAN_USER" >/dev/null 2>&1 || userdel "$PODMAN_USER"
	# What podman leaves behind, where nobody else is in it.
	find /sys/fs/cgroup -depth -type d -path '*/libpod_parent*' -exec rmdir {} + 2>/dev/null || true
}

@test "podman as root, without a service: what it was given, how it ended, who ran it" {
	local runtime id
	recorder_start
	for runtime in $RUNTIMES; do
		PODMAN=(podman --runtime "$runtime")
		id=$("${PODMAN[@]}" create --name "by-$runtime" -m 64m --pids-limit 50 --cap-drop ALL --cap-add CHOWN busybox:test sh -c 'exit 3')
		"${PODMAN[@]}" start "$id"
		wait_for 20 ended "$id"
		[ ${#id} = 64 ]
		[ "$(told container-start "$id" '[.container.name, .process.args[0], .docktrail.seccomp] | join(" ")')" = "by-$runtime sh filter" ]
		[ "$(told container-start "$id" '.docktrail.namespaces | [.mnt, .pid, .net, .ipc, .uts, .user] | join(" ")')" = "private private private private private host" ]
		[ "$(told container-start "$id" '.docktrail.capabilities.effective | join(" ")')" = CAP_CHOWN ]
		[ "$(told container-start "$id" '.docktrail.limits | [.memory, .pids] | join(" ")')" = "67108864 50" ]
		[ "$(told container-start "$id" '.docktrail | has("doubts") or has("mounts")')" = false ]
		[ "$(told container-start "$id" .event.severity)" = 0 ]
		told container-start "$id" '.process.ancestry | join(" ")' | grep -qE "^$runtime\S* (conmon\S* )+podman\S* bash"
		[[ $(told container-start "$id" .docktrail.created_by.reason) == "no request for it was recorded, and podman needs none"* ]]
		[ "$(told container-start "$id" .docktrail.started_by.reason)" = "by podman without a request: its ancestors show who ran it" ]
		[ "$(told container-exit "$id" '[.container.name, .docktrail.exit.code] | join(" ")')" = "by-$runtime 3" ]
	done
	recorder_stop
}

@test "podman exec: told once, with who ran it, also in one that was there before" {
	local id
	id=$("${PODMAN[@]}" run -d --name before busybox:test sleep 600)
	recorder_start
	"${PODMAN[@]}" exec "$id" sh -c 'true; id'
	wait_for 20 has "event.action == \"container-exec\" and container.id == \"$id\""
	"${PODMAN[@]}" rm -f -t 0 "$id"
	wait_for 20 ended "$id"
	recorder_stop
	[ "$(told container-present "$id" '[.container.name, .docktrail.namespaces.pid] | join(" ")')" = "before private" ]
	[ "$(told container-present "$id" .docktrail.created_by.reason)" = "made before recording began" ]
	[ "$(told container-exec "$id" '[.docktrail.exec.how, (.process.args | join(" "))] | join(" ")')" = "runtime sh -c true; id" ]
	[ "$(told container-exec "$id" .docktrail.entered_by.reason)" = "no request for it is known: its ancestors show who did it" ]
	told container-exec "$id" '.process.ancestry | join(" ")' | tee "$BATS_TEST_TMPDIR/ancestry"
	grep -qE "^(${RUNTIMES##* }\S* )+(conmon\S* )+podman\S* bash" "$BATS_TEST_TMPDIR/ancestry"
	[ "$(told container-exit "$id" .docktrail.exit.signal)" = SIGKILL ]
}

@test "a container that podman starts again by itself" {
	local id
	recorder_start
	id=$("${PODMAN[@]}" run -d --restart on-failure:1 busybox:test sh -c 'exit 1')
	twice() { [ "$(events "event.action == \"container-exit\" and container.id == \"$id\"" | wc -l)" = 2 ]; }
	wait_for 30 twice
	recorder_stop
	[ "$(events "event.action == \"container-start\" and container.id == \"$id\"" | jq -r .docktrail.started_by.reason | tail -n 1)" = "podman, by its restart policy" ]
}

service_start() {
	"${PODMAN[@]}" system service --time 0 "unix://$ENGINE_SOCKET" >"$BATS_TEST_TMPDIR/service" 2>&1 </dev/null 3>&- &
	SERVICE=$!
	wait_for 20 podman --remote --url "unix://$ENGINE_SOCKET" version
}

@test "podman's service, asked as Docker is: who had it made, started, and who came in" {
	local id other
	[ -x /usr/bin/docker ] || skip "the docker client is not installed"
	export DOCKER_HOST=unix://$ENGINE_SOCKET DOCKER_CONFIG=$ENGINE_DIR/client
	mkdir -p "$DOCKER_CONFIG"
	echo '{}' >"$DOCKER_CONFIG/config.json" # podman reads it, too
	service_start
	chmod 0666 "$ENGINE_SOCKET"
	recorder_start
	id=$(setpriv --reuid 2001 --regid 2001 --clear-groups docker create --name served --net none --pid host busybox:test sleep 600)
	docker start "$id"
	wait_for 20 has "event.action == \"container-start\" and container.id == \"$id\""
	setpriv --reuid 2002 --regid 2002 --clear-groups docker exec "$id" id
	wait_for 20 has "event.action == \"container-exec\" and container.id == \"$id\""
	docker rm -f "$id"
	wait_for 20 ended "$id"
	# The same engine, by hand: nobody's request.
	other=$("${PODMAN[@]}" run -d busybox:test true)
	wait_for 20 ended "$other"
	recorder_stop
	[ "$(told container-start "$id" '[.container.name, .docktrail.namespaces.pid, .event.severity] | join(" ")')" = "served host 75" ]
	[ "$(told container-start "$id" '.docktrail | [.created_by.user.id, .started_by.user.id] | join(" ")')" = "2001 0" ]
	[ "$(told container-start "$id" .docktrail.created_by.sequence)" = "$(sequence_of ContainerCreate "$id")" ]
	[ "$(told container-start "$id" .docktrail.started_by.sequence)" = "$(sequence_of ContainerStart "$id")" ]
	[ "$(told container-start "$id" '.docktrail | has("difference") or (.created_by | has("reason")) or (.started_by | has("reason"))')" = false ]
	[ "$(told container-exec "$id" .docktrail.entered_by.sequence)" = "$(sequence_of ContainerExec "$id")" ]
	[ "$(told container-exec "$id" .docktrail.entered_by.user.id)" = 2002 ]
	[ "$(told container-exit "$id" .docktrail.created_by.user.id)" = 2001 ]
	[ "$(told container-start "$other" '.docktrail.started_by | [.reason, has("user")] | join(" ")')" = "by podman without a request: its ancestors show who ran it false" ]
}

@test "podman's service, asked by podman itself: who had it made, started, and who came in" {
	local id
	service_start
	chmod 0666 "$ENGINE_SOCKET"
	recorder_start
	remote() { podman --remote --url "unix://$ENGINE_SOCKET" "$@"; }
	id=$(remote create --name asked --pid host busybox:test sleep 600)
	remote start "$id"
	wait_for 20 has "event.action == \"container-start\" and container.id == \"$id\""
	remote exec "$id" id
	wait_for 20 has "event.action == \"container-exec\" and container.id == \"$id\""
	remote rm -f -t 0 "$id"
	wait_for 20 ended "$id"
	recorder_stop
	[ "$(told container-start "$id" '[.container.name, .docktrail.namespaces.pid, .event.severity] | join(" ")')" = "asked host 75" ]
	[ "$(told container-start "$id" '.docktrail | [.created_by.process.name, .started_by.process.name] | join(" ")')" = "podman podman" ]
	[ "$(told container-start "$id" .docktrail.created_by.sequence)" = "$(sequence_of ContainerCreate "$id")" ]
	[ "$(told container-start "$id" .docktrail.started_by.sequence)" = "$(sequence_of ContainerStart "$id")" ]
	# What was declared is not read there: nothing is there to compare with.
	[ "$(told container-start "$id" '.docktrail | has("difference") or (.created_by | has("reason")) or (.started_by | has("reason"))')" = false ]
	[ "$(told container-exec "$id" .docktrail.entered_by.sequence)" = "$(sequence_of ContainerExec "$id")" ]
	[ "$(told container-exit "$id" .docktrail.created_by.process.name)" = podman ]
}

# user COMMAND...: as the user of these tests, with nothing of root's.
user() {
	(cd "$ENGINE_DIR/home" && exec setpriv --reuid "$PODMAN_USER" --regid "$PODMAN_USER" --init-groups env -i PATH="$PATH" HOME="$ENGINE_DIR/home" \
		XDG_RUNTIME_DIR="$ENGINE_DIR/home/run" CONTAINERS_CONF="$ENGINE_DIR/home/containers.conf" \
		CONTAINERS_STORAGE_CONF="$ENGINE_DIR/home/storage.conf" "$@")
}

@test "podman without root: seen, with the user and the uid map" {
	local uid
	command -v newuidmap >/dev/null || skip "newuidmap (package uidmap) is not installed"
	id "$PODMAN_USER" >/dev/null 2>&1 || useradd -M -d "$ENGINE_DIR/home" "$PODMAN_USER"
	uid=$(id -u "$PODMAN_USER")
	podman_settings "$ENGINE_DIR/home"
	mkdir -p "$ENGINE_DIR/home/run"
	chown -R "$PODMAN_USER:" "$ENGINE_DIR/home"
	user podman unshare cat /proc/self/uid_map || skip "no user may make a user namespace here"
	tar -c -C "$ENGINE_DIR/image" . | user podman import - busybox:test
	recorder_start
	user "${PODMAN[@]}" run -d --name rootless -v "$ENGINE_DIR/home/run:/harmless" -v /etc:/host:ro busybox:test sleep 600
	wait_for 20 has 'event.action == "container-start" and container.name == "rootless"'
	user "${PODMAN[@]}" exec rootless id
	user "${PODMAN[@]}" rm -f -t 0 rootless
	wait_for 20 has 'event.action == "container-exit" and container.name == "rootless"'
	recorder_stop
	events 'event.action == "container-start"'
	count 1 'event.action == "container-start"'
	start() { events 'event.action == "container-start"' | jq -r "$1"; }
	[ "$(start '[.container.name, .user.id, .user.name] | join(" ")')" = "rootless $uid $PODMAN_USER" ]
	[ "$(start '.docktrail.namespaces | [.mnt, .pid, .net, .ipc, .uts, .user] | join(" ")')" = "private private private private private private" ]
	[ "$(start '.docktrail.uid_map[0]')" = "0 $uid 1" ]
	[ "$(start '.docktrail.uid_map[1]')" = "1 $(awk -F: -v user="$PODMAN_USER" '$1 == user { print $2, $3 }' /etc/subuid)" ]
	[ "$(start '.docktrail.gid_map[0]')" = "0 $(id -g "$PODMAN_USER") 1" ]
	# Devices of every container are no news; what was asked for is.
	[ "$(start '[.docktrail.mounts[] | [.source, .target, .mode] | join(" ")] | join(", ")')" = "/etc /host ro" ]
	[ "$(start '.docktrail | has("doubts")')" = false ]
	start '.process.ancestry | join(" ")' | grep -qE "^\S* (conmon\S* )+podman"
	[ "$(events 'event.action == "container-exec"' | jq -r '[.process.name, .user.id, .container.name, .docktrail.exec.how] | join(" ")')" = "id $uid rootless runtime" ]
	[ "$(events 'event.action == "container-exit"' | jq -r .docktrail.exit.signal)" = SIGKILL ]
}
