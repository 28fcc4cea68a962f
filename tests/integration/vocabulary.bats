# SPDX-License-Identifier: Apache-2.0
# The whole vocabulary of Docker's own command line, with a real engine: of each command the operations that it asks
# for are told by name, nothing is ambiguous, and nothing of what streams through is kept. What the engine refuses here
# (a registry that nobody serves, what needs more rights) is asked all the same.
load helpers
load trail

M=Vw6Ht9Qz2Rk8Bn4Xd7Lm # goes through every stream, and stands on no command line
K=vocabulary-kept      # is a name: that it is found shows that the search can find
CLIENT=${CLIENT:-/usr/bin/docker} # Debian's, unless told otherwise
NOWHERE=127.0.0.1:1    # no registry

setup_file() {
	engine_start
	engine_image
}

setup() {
	engine_needed
	TRAIL=$BATS_TEST_TMPDIR/trail ASKED=$BATS_TEST_TMPDIR/asked
	STARTED=()
	cd "$BATS_TEST_TMPDIR"
	echo "$M" >marker
	: >asked
	recorder_start
}

teardown() {
	local pid
	for pid in "${STARTED[@]}"; do
		kill -KILL "$pid" 2>/dev/null || true
	done
	"$CLIENT" swarm leave --force >/dev/null 2>&1 || true
	recorder_kill
}

teardown_file() {
	engine_stop
}

# asks OPERATIONS ARGS...: runs the client, and notes its pid and what it has to ask for. An operation is told as
# complete, unless OPERATION=STATE says otherwise: of a body of more than 256 KiB the rest is counted, and that is truncated.
asks() {
	program "$1" "$CLIENT" "${@:2}"
}

program() {
	${EXEC:-} sh -c 'printf "%s\t%s\n" $$ "$1" >>"$0"; shift; exec "$@"' "$ASKED" "$@"
}

# starts FILE OPERATIONS ARGS...: the same for what does not end by itself, with its output in FILE.
starts() {
	: >"$1"
	EXEC=exec asks "${@:2}" <&0 >"$1" 2>&1 3>&- &
	STARTED+=($!)
}

# on_terminal OPERATIONS ARGS...: asks, on a terminal of its own, where M has to be seen.
on_terminal() {
	export -f asks program
	export ASKED CLIENT
	# Another shell hands no functions on.
	SHELL=$BASH script -qec "$(printf '%q ' bash -c 'stty rows 40 cols 100; asks "$@"' bash "$@")" typescript </dev/null >terminal
	grep -q "$M" terminal || { cat terminal; return 1; }
}

# carried FILE [WORD]: there WORD has come, M unless told otherwise; and what was started last is killed.
carried() {
	wait_for 20 grep -q "${2:-$M}" "$1" || { cat "$1"; return 1; }
	kill -KILL "${STARTED[-1]}"
	wait "${STARTED[-1]}" 2>/dev/null || true
	unset 'STARTED[-1]'
}

# told: every request that came has its operation, none is ambiguous or lost, and each command's are among its own.
told() {
	recorder_stop
	count 0 'event.action == "recorder-loss"'
	events 'event.action == "api-request" or event.action == "api-answer"' >requests
	/usr/bin/python3 - asked requests <<'P'
import collections, json, sys
wrong, told, states = [], collections.defaultdict(set), {"complete", "hijacked", "pending", "truncated"}
events = [json.loads(line) for line in open(sys.argv[2])]
late = {event["docktrail"]["request"]["id"] for event in events if event["event"]["action"] == "api-answer"}
for event in events:
    if event["event"]["action"] != "api-request":
        continue
    api, request = event["docktrail"]["api"], event["docktrail"]["request"]["id"]
    command = " ".join(event["process"]["args"])
    if "operation" not in api or api["state"] not in states:
        wrong.append("%s: %s %s %s" % (command, event["url"]["path"], api.get("operation"), api["state"]))
        continue
    # A slow engine's answer is told by itself, and does not say again what the request became.
    told[event["process"]["pid"]] |= {(api["operation"], state) for state in (states if request in late else {api["state"]})}
asked = [line.split("\t") for line in open(sys.argv[1])]
for pid, operations in asked:
    for operation in operations.split():
        name, _, state = operation.partition("=")
        if (name, state or "complete") not in told[int(pid)]:
            wrong.append("no %s of process %s, but %s" % (operation, pid, sorted(told[int(pid)])))
print("%d commands, %d operations" % (len(asked), len({name for of in told.values() for name, _ in of})))
print("\n".join(wrong))
sys.exit(bool(wrong) or not asked)
P
	nowhere
}

# nowhere: M stands neither in the segments nor in what is read of them nor in what the recorder said; K does.
nowhere() {
	zstd -dcq "$TRAIL"/*.zst >segments
	"$DOCKTRAIL" replay --trail "$TRAIL" --format json >json
	"$DOCKTRAIL" replay --trail "$TRAIL" --format story >story
	none segments "$M"
	none json "$M"
	none story "$M"
	none "$RECORDER_OUTPUT" "$M"
	none "$RECORDER_LOG" "$M"
	# Nor in base64, as what is no text would be kept.
	for ((i = 0; i < 3; i++)); do
		none segments "$(printf '%*s%s' "$i" '' "$M" | base64 | cut -c5-24)"
	done
	grep -q "$K" segments
	grep -q "$K" json
	# A stream that somebody kept in a form of its own would be seen by its size.
	[ "$(wc -c <segments)" -lt 4000000 ]
}

@test "a build with a context of 50 MB, and all that is done with images" {
	local small
	mkdir context
	{ cat marker; head -c 25000000 /dev/urandom; cat marker; head -c 25000000 /dev/urandom; cat marker; } >context/large
	cp marker context/marker
	printf 'FROM busybox:test\nCOPY marker /marker\nRUN cat /marker\n' >context/Dockerfile
	[ "$(stat -c %s context/large)" -gt 50000000 ]
	DOCKER_BUILDKIT=0 asks ImageBuild=truncated build --network none --no-cache -t "$K" context >built
	grep -q "$M" built
	# The context by itself, from the standard input.
	tar -c -C context . | DOCKER_BUILDKIT=0 asks ImageBuild=truncated build --network none -q -t "$K:tar" - >built
	asks ImageList images
	asks ImageList image ls --filter "reference=$K"
	asks ImageHistory history "$K"
	asks ImageInspect inspect --type image -f "{{.Id}}" "$K"
	asks ImageInspect image inspect -f "{{.Id}}" "$K"
	asks ImageTag tag "$K" "$NOWHERE/$K:tagged"
	asks ImageGetAll save "$K" "$K:tar" -o saved
	grep -qa "$M" saved
	asks ImageDelete rmi "$K"
	asks ImageLoad=truncated load -i saved
	asks ImageInspect image inspect -f "{{.Id}}" "$K"
	tar -c -C context Dockerfile marker | asks ImageCreate import - "$K:imported"
	small=$(asks ContainerCreate create --net none "$K:imported" /none)
	asks ImageCommit commit -m said -c 'ENV A=b' "$small" "$K:committed"
	asks ContainerDelete rm "$small"
	asks ImageCreate pull "$NOWHERE/nothing:none" || true
	asks ImageCreate run --rm --net none "$NOWHERE/nothing:none" || true
	asks ImagePush push "$NOWHERE/$K:tagged" || true
	asks ImageSearch search "$NOWHERE/nothing" || true
	asks ImagePrune image prune -f
	# The context did go through.
	wait_for 20 has 'event.action == "socket-close" and docktrail.close.bytes_sent > 50000000'
	told
}

@test "a build by BuildKit: its session is taken over, and nothing of it is kept" {
	mkdir context
	{ cat marker; head -c 5000000 /dev/urandom; cat marker; } >context/large
	printf 'FROM busybox:test\nLABEL name=%s\nCOPY large /large\n' "$K" >context/Dockerfile
	if ! DOCKER_BUILDKIT=1 asks 'Session=hijacked ImageBuild' build -t "$K:kit" context >built 2>&1; then
		cat built
		grep -q 'buildx component is missing' built && skip "this client builds with buildx, which is not installed"
		return 1
	fi
	asks ImageInspect image inspect -f "{{.Id}}" "$K:kit"
	asks BuildPrune builder prune -af
	# The context went through the session, which both ends let go of a little later.
	wait_for 20 has 'event.action == "socket-close" and docktrail.close.bytes_sent > 5000000'
	told
}

@test "containers, and everything that streams out of them and into them" {
	local id
	asks 'ContainerCreate ContainerAttach=hijacked ContainerStart ContainerWait' \
		run --rm -v "$PWD/marker:/marker:ro" --net none busybox:test cat /marker >ran
	grep -q "$M" ran
	asks 'ContainerCreate ContainerStart' run -d -i --name "$K" --net none busybox:test sh -c 'while read -r a; do echo "$a"; done; sleep 600'
	# What comes in is said again by the shell within: out of each stream, and into the log.
	mkfifo in
	exec 7<>in
	starts heard 'ContainerInspect ContainerAttach=hijacked' attach --no-stdin --sig-proxy=false "$K"
	starts said 'ContainerInspect ContainerAttach=hijacked' attach --sig-proxy=false "$K" <in
	# Whether the first one is attached is nowhere to be seen but in what it hears.
	heard() { cat marker >&7 && grep -q "$M" heard; }
	wait_for 20 heard
	carried said
	exec 7>&-
	starts log 'ContainerInspect ContainerLogs' logs -f "$K"
	carried log
	asks ContainerLogs logs --tail 1 --timestamps "$K" >logged
	grep -q "$M" logged
	asks 'ContainerArchiveInfo PutContainerArchive' cp marker "$K:/tmp/marker"
	asks 'ContainerArchiveInfo ContainerArchive' cp -L "$K:/tmp/marker" back
	asks ContainerArchive cp "$K:/tmp/marker" - >archive
	cmp marker back
	asks 'ContainerExec ExecStart=hijacked ExecInspect' exec "$K" cat /tmp/marker >executed
	grep -q "$M" executed
	asks 'ContainerExec ExecStart=hijacked' exec -i "$K" cat <marker >executed
	grep -q "$M" executed
	asks 'ContainerExec ExecStart' exec -d "$K" true
	on_terminal "ContainerExec ExecStart=hijacked ExecResize ExecInspect" exec -it "$K" cat /tmp/marker
	on_terminal "ContainerCreate ContainerAttach=hijacked ContainerStart ContainerResize ContainerWait" \
		run --rm -it -v "$PWD/marker:/marker:ro" --net none busybox:test cat /marker
	asks ContainerList ps
	asks ContainerList ps -a -s --filter "name=$K"
	asks ContainerInspect inspect -f "{{.Id}}" "$K"
	asks ContainerInspect port "$K"
	asks ContainerTop top "$K" || true
	asks ContainerChanges diff "$K"
	asks ContainerExport export "$K" >exported
	tar -xOf exported tmp/marker | grep -q "$M"
	starts statistics 'ContainerList ContainerStats' stats --format '{{.Name}}'
	carried statistics "$K"
	asks ContainerStats stats --no-stream "$K" || true
	asks ContainerUpdate update --restart no "$K"
	asks ContainerPause pause "$K" || true
	asks ContainerUnpause unpause "$K" || true
	asks ContainerRename rename "$K" "$K-2"
	asks ContainerRestart restart -t 0 "$K-2"
	starts waited ContainerWait wait "$K-2"
	wait_for 20 has 'docktrail.api.operation == "ContainerWait" and process.args == "wait"'
	asks ContainerKill kill -s KILL "$K-2"
	wait "${STARTED[-1]}"
	asks ContainerStart start "$K-2"
	asks ContainerStop stop -t 0 "$K-2"
	starts started 'ContainerAttach=hijacked ContainerStart' start -a "$K-2"
	wait_for 20 has 'docktrail.api.operation == "ContainerStart" and process.args == "-a"'
	asks ContainerDelete rm -f "$K-2"
	id=$(asks ContainerCreate create --net none busybox:test true)
	asks ContainerPrune container prune -f
	told
	[ -n "$id" ]
}

@test "the system, volumes, networks and plugins" {
	local id
	asks SystemVersion version
	asks SystemInfo info
	starts acts SystemEvents events --filter type=volume
	wait_for 20 has 'docktrail.api.operation == "SystemEvents"'
	asks VolumeCreate volume create --label "a=b" "$K"
	carried acts "$K"
	asks SystemEvents events --since 1h --until 0s >/dev/null
	asks SystemAuth login -u me --password-stdin "$NOWHERE" <marker || true
	asks SystemDataUsage system df -v
	asks VolumeList volume ls
	asks VolumeInspect volume inspect "$K"
	asks VolumeDelete volume rm "$K"
	asks VolumePrune volume prune -f
	id=$(asks ContainerCreate create --net none busybox:test true)
	asks NetworkCreate network create --internal "$K" || true
	asks NetworkList network ls
	asks NetworkInspect network inspect none
	asks NetworkConnect network connect "$K" "$id" || true
	asks NetworkDisconnect network disconnect none "$id" || true
	asks NetworkDelete network rm "$K" || true
	asks NetworkPrune network prune -f
	asks PluginList plugin ls
	asks GetPluginPrivileges plugin install --grant-all-permissions "$NOWHERE/nothing" || true
	mkdir -p plugin/rootfs
	cp marker plugin/rootfs/
	echo '{ "description": "none", "entrypoint": ["/none"], "interface": { "socket": "none.sock", "types": ["docker.volumedriver/1.0"] },
		"env": [{ "name": "A", "settable": ["value"], "value": "b" }] }' >plugin/config.json
	asks PluginCreate plugin create "$NOWHERE/plugin" plugin
	asks PluginInspect plugin inspect "$NOWHERE/plugin"
	asks PluginSet plugin set "$NOWHERE/plugin" A=c
	asks PluginEnable plugin enable "$NOWHERE/plugin" || true
	asks PluginDisable plugin disable "$NOWHERE/plugin" || true
	asks PluginPush plugin push "$NOWHERE/plugin" || true
	asks 'PluginInspect GetPluginPrivileges' plugin upgrade --grant-all-permissions "$NOWHERE/plugin" || true
	asks PluginDelete plugin rm -f "$NOWHERE/plugin"
	asks 'ContainerPrune VolumePrune NetworkPrune ImagePrune BuildPrune' system prune -f --volumes
	told
}

@test "a swarm: nodes, services, secrets, configs, stacks" {
	local node
	asks SwarmInit swarm init --advertise-addr 127.0.0.1 --listen-addr 127.0.0.1:0 || true
	# The rest is asked of a manager, and of an engine that is none.
	asks 'SwarmInspect' swarm join-token worker >token || true
	asks SwarmUpdate swarm update --task-history-limit 3 || true
	asks SwarmInspect swarm ca || true
	asks SwarmUnlockkey swarm unlock-key || true
	asks NodeList node ls || true
	node=$(asks SystemInfo info -f '{{.Swarm.NodeID}}')
	asks NodeInspect node inspect -f "{{.ID}}" "${node:-none}" || true
	asks NodeUpdate node update --label-add a=b "${node:-none}" || true
	asks SecretCreate secret create "$K" marker || true
	asks SecretList secret ls || true
	asks SecretInspect secret inspect "$K" || true
	asks ConfigCreate config create "$K" marker || true
	asks ConfigList config ls || true
	asks ConfigInspect config inspect "$K" || true
	asks ServiceCreate service create -d --no-resolve-image --name "$K" --replicas 0 busybox:test sleep 600 || true
	asks 'DistributionInspect ServiceCreate' service create -d --name other --replicas 0 "$NOWHERE/nothing" || true
	asks ServiceList service ls || true
	asks ServiceInspect service inspect "$K" || true
	asks ServiceLogs service logs "$K" || true
	asks 'TaskList' service ps "$K" || true
	asks ServiceUpdate service update -d --no-resolve-image --label-add a=b "$K" || true
	asks ServiceUpdate service scale -d "$K=0" || true
	asks ServiceDelete service rm "$K" || true
	asks SecretDelete secret rm "$K" || true
	asks ConfigDelete config rm "$K" || true
	printf 'version: "3"\nservices: { one: { image: "busybox:test", command: "true", deploy: { replicas: 0 } } }\n' >stack.yml
	asks ServiceCreate stack deploy --resolve-image never -c stack.yml "$K" || true
	asks ServiceList stack ls || true
	asks ServiceList stack services "$K" || true
	asks TaskList stack ps "$K" || true
	asks ServiceDelete stack rm "$K" || true
	asks NodeDelete node rm --force "${node:-none}" || true
	asks SwarmLeave swarm leave --force || true
	asks SwarmJoin swarm join --advertise-addr 127.0.0.1 --token none "$NOWHERE" || true
	told
}

@test "docker-compose: its own client, in Python, on the same socket" {
	command -v docker-compose >/dev/null || skip "docker-compose is not installed"
	printf 'version: "2"\nservices:\n  %s:\n    image: busybox:test\n    network_mode: none\n    volumes: [ "./marker:/marker:ro" ]\n    command: cat /marker\n' "$K" >docker-compose.yml
	program 'ContainerCreate ContainerAttach=hijacked ContainerStart' docker-compose up >up 2>&1
	grep -q "$M" up
	program ContainerLogs docker-compose logs >logged
	grep -q "$M" logged
	program ContainerList docker-compose ps
	program ContainerDelete docker-compose down
	told
}
