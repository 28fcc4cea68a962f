# SPDX-License-Identifier: Apache-2.0
# Every engine: a second one, one in a container, one over TCP with and without TLS, one that was handed its
# socket, one behind ssh; and who steps into an engine's place.
load helpers
load trail

setup_file() {
	engine_start
	engine_image
}

setup() {
	engine_needed
	STARTED=()
}

teardown() {
	local pid
	recorder_kill
	for pid in "${STARTED[@]}"; do
		kill -TERM "$pid" 2>/dev/null || true
		wait_for 20 is_gone "$pid" || kill -KILL "$pid" 2>/dev/null || true
	done
	[ -z "${NETWORK:-}" ] || ip netns del "$NETWORK"
	[ -z "${OTHER:-}" ] || (ENGINE_DIR=$OTHER && engine_stop)
}

teardown_file() {
	engine_stop
}

# background COMMAND...: started, and ended by teardown.
background() {
	"$@" >"$BATS_TEST_TMPDIR/background.$$" 2>&1 </dev/null 3>&- &
	STARTED+=($!)
}

# another_engine [DOCKERD-ARGS...]: a second engine in a folder of its own, OTHER.
another_engine() {
	OTHER=$(mktemp -d /tmp/engine.XXXXXXXX)
	ENGINE_DIR=$OTHER ENGINE_DATA=$OTHER/data DOCKER_HOST=unix://$OTHER/docker.sock
	echo '{}' >"$OTHER/daemon.json"
	engine_up "$@"
}

free_port() {
	python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

listen='event.action == "engine-listen"'

@test "what cannot be a pattern or a port is refused, with its line" {
	exits 64 "$DOCKTRAIL" record --trail "$BATS_TEST_TMPDIR/trail" --socket '/run/*.sock'
	says "/run/*.sock" "not for the last name"
	for line in 'port = 0' 'port = 70000' 'port = x' 'connects = relative'; do
		echo "$line" >"$BATS_TEST_TMPDIR/conf"
		exits 64 "$DOCKTRAIL" record --trail "$BATS_TEST_TMPDIR/trail" --config "$BATS_TEST_TMPDIR/conf"
		says "conf:1: $line: expected"
	done
}

@test "an engine that was there is told as routine, its restart as a change" {
	recorder_start
	wait_for 10 has "$listen and docktrail.socket.path == \"$ENGINE_SOCKET\" and event.severity == 0"
	engine_down
	engine_up
	wait_for 10 has "$listen and docktrail.socket.path == \"$ENGINE_SOCKET\" and event.severity == 25"
	docker version >/dev/null
	wait_for 10 has 'docktrail.api.operation == "SystemVersion"'
	count 0 "$listen and event.severity > 25"
	count 2 "$listen and process.executable =~ \"dockerd\$\""
	recorder_stop
}

@test "somebody else in the engine's place is told with both, at the highest severity" {
	recorder_start
	wait_for 10 has "$listen and docktrail.socket.path == \"$ENGINE_SOCKET\""
	mv "$ENGINE_SOCKET" "$ENGINE_SOCKET.real"
	background socat "UNIX-LISTEN:$ENGINE_SOCKET,fork" "UNIX-CONNECT:$ENGINE_SOCKET.real"
	wait_for 10 has "$listen and event.severity == 100 and process.name == \"socat\""
	events "$listen and event.severity == 100" | jq -es --arg path "$ENGINE_SOCKET" '.[0].docktrail
		| .socket.path == $path and (.listener.previous.process.executable | endswith("dockerd"))
		and .listener.previous.user.id == "0"'
	docker version >/dev/null
	# What is asked there is recorded too, and so is what the one in the middle asks.
	wait_for 10 has "docktrail.api.operation == \"SystemVersion\" and process.name == \"docker\""
	recorder_stop
	kill "${STARTED[0]}" # and it removes its socket
	wait_for 10 is_gone "${STARTED[0]}"
	mv "$ENGINE_SOCKET.real" "$ENGINE_SOCKET"
}

@test "a second engine is found by a pattern" {
	recorder_start --socket '/tmp/engine.*/docker.sock'
	another_engine
	wait_for 10 has "$listen and docktrail.socket.path == \"$OTHER/docker.sock\""
	docker version >/dev/null
	wait_for 10 has "docktrail.api.operation == \"SystemVersion\" and docktrail.socket.path == \"$OTHER/docker.sock\""
	recorder_stop
}

@test "of containerd's socket connects are told, and nothing that was said" {
	command -v ctr >/dev/null || skip "ctr is not installed"
	echo "connects = /tmp/engine.*/exec/containerd/containerd.sock" >"$BATS_TEST_TMPDIR/conf"
	recorder_start --config "$BATS_TEST_TMPDIR/conf"
	wait_for 10 has "$listen and docktrail.socket.path == \"$ENGINE_DIR/exec/containerd/containerd.sock\""
	ctr --address "$ENGINE_DIR/exec/containerd/containerd.sock" version
	wait_for 10 has 'event.action == "socket-close" and process.name == "ctr"'
	events 'event.action == "socket-close" and process.name == "ctr"' | jq -es '.[0].docktrail.close
		| .bytes_sent > 0 and .bytes_received != 0'
	count 0 'event.action == "api-request" and process.name == "ctr"'
	count 0 'event.action == "recorder-loss"'
	recorder_stop
}

@test "an engine on TCP without TLS: severe at once, heard like the socket, with the peer and its process" {
	local port
	port=$(free_port)
	recorder_start
	another_engine --host "tcp://127.0.0.1:$port"
	wait_for 10 has "$listen and docktrail.socket.address == \"tcp://127.0.0.1:$port\" and event.severity == 75"
	DOCKER_HOST=tcp://127.0.0.1:$port docker volume create plain
	wait_for 10 has 'docktrail.api.operation == "VolumeCreate"'
	events 'docktrail.api.operation == "VolumeCreate"' | jq -es --arg address "tcp://127.0.0.1:$port" '.[0]
		| .source.ip == "127.0.0.1" and .source.port > 0 and .http.response.status_code == 201
		and .docktrail.target.name == "plain" and .docktrail.api.state == "complete"
		and .docktrail.socket.address == $address and .docktrail.socket.protocol == "http"
		and .process.name == "docker" and .user.id == "0" and (.process.args | index("plain") != null)'
	has "$listen and docktrail.socket.protocol == \"http\" and event.severity == 75"
	wait_for 10 has "event.action == \"socket-close\" and source.ip == \"127.0.0.1\""
	recorder_stop
	count 0 'docktrail.api.state == "ambiguous"'
}

@test "a client from another network namespace has an address and no process of this one" {
	local port name=docktrail$$
	port=$(free_port)
	ip netns add "$name" 2>/dev/null || skip "network namespaces cannot be made here"
	NETWORK=$name
	ip link add "v$$" type veth peer name "w$$" netns "$name" 2>/dev/null || skip "this kernel has no veth"
	ip addr add 198.51.100.1/24 dev "v$$" && ip link set "v$$" up
	ip -n "$name" addr add 198.51.100.2/24 dev "w$$" && ip -n "$name" link set "w$$" up
	recorder_start
	another_engine --host "tcp://198.51.100.1:$port"
	ip netns exec "$name" curl -s --noproxy "*" --max-time 20 "http://198.51.100.1:$port/version" >/dev/null
	wait_for 10 has 'docktrail.api.operation == "SystemVersion" and source.ip == "198.51.100.2"'
	count 0 'source.ip == "198.51.100.2" and process.name == "dockerd"'
	recorder_stop
}

make_certificates() {
	local folder=$1
	openssl req -x509 -newkey ed25519 -nodes -days 2 -subj /CN=authority \
		-keyout "$folder/ca-key.pem" -out "$folder/ca.pem" 2>/dev/null
	for name in server client; do
		openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$name" \
			-addext subjectAltName=IP:127.0.0.1 -addext "extendedKeyUsage=serverAuth,clientAuth" \
			-keyout "$folder/$name-key.pem" -out "$folder/$name.csr" 2>/dev/null
		openssl x509 -req -in "$folder/$name.csr" -CA "$folder/ca.pem" -CAkey "$folder/ca-key.pem" \
			-copy_extensions copyall -days 2 -out "$folder/$name.pem" 2>/dev/null
	done
}

@test "an engine on TCP with TLS: connects and sizes, marked encrypted" {
	local port keys=$BATS_TEST_TMPDIR
	port=$(free_port)
	make_certificates "$keys"
	recorder_start
	another_engine --host "tcp://127.0.0.1:$port" --tlsverify --tlscacert "$keys/ca.pem" \
		--tlscert "$keys/server.pem" --tlskey "$keys/server-key.pem"
	wait_for 10 has "$listen and docktrail.socket.address == \"tcp://127.0.0.1:$port\" and event.severity == 50"
	DOCKER_HOST=tcp://127.0.0.1:$port docker --tlsverify --tlscacert "$keys/ca.pem" \
		--tlscert "$keys/client.pem" --tlskey "$keys/client-key.pem" volume create hidden
	wait_for 10 has 'docktrail.api.state == "encrypted"'
	wait_for 10 has 'event.action == "socket-close" and docktrail.socket.protocol == "tls"'
	recorder_stop
	events 'event.action == "socket-close" and docktrail.socket.protocol == "tls"' | jq -es '.[0]
		| .docktrail.close.bytes_sent > 0 and .docktrail.close.bytes_received > 0
		and .process.name == "docker" and (.docktrail.close | has("requests") | not)'
	has "$listen and docktrail.socket.protocol == \"tls\" and event.severity == 25"
	count 0 "$listen and event.severity > 50"
	count 0 'docktrail.api.operation == "VolumeCreate"'
	count 0 'docktrail.api.state == "ambiguous"'
}

@test "a client that speaks TLS to a plain engine hides nothing" {
	local port
	port=$(free_port)
	recorder_start
	another_engine --host "tcp://127.0.0.1:$port"
	printf '\x16\x03\x01GET /version HTTP/1.1\r\nHost: d\r\n\r\n' | timeout 10 socat -t 5 - "TCP:127.0.0.1:$port" >/dev/null || true
	wait_for 10 has 'event.action == "api-request" and docktrail.api.state == "ambiguous" and source.ip == "127.0.0.1"'
	count 0 'docktrail.api.state == "encrypted"'
	has "$listen and docktrail.socket.protocol == \"http\""
	recorder_stop
}

@test "a recorder that comes later finds listeners and connections that were open" {
	local port
	port=$(free_port)
	another_engine --host "tcp://127.0.0.1:$port"
	mkfifo "$BATS_TEST_TMPDIR/fifo"
	background socat "OPEN:$BATS_TEST_TMPDIR/fifo!!OPEN:/dev/null" "TCP:127.0.0.1:$port"
	exec 8>"$BATS_TEST_TMPDIR/fifo"
	printf 'GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n' >&8
	wait_for 10 bash -c "grep -q ' 0100007F:$(printf %04X "$port") ' <(awk '{ print \" \" \$2 \" \" }' /proc/net/tcp)"
	recorder_start
	wait_for 10 has "$listen and docktrail.socket.address == \"tcp://127.0.0.1:$port\" and event.severity == 75"
	wait_for 10 has "event.action == \"socket-present\" and source.ip == \"127.0.0.1\""
	printf 'GET /version HTTP/1.1\r\nHost: d\r\n\r\n' >&8
	wait_for 10 has 'docktrail.api.operation == "SystemVersion" and source.ip == "127.0.0.1"'
	exec 8>&-
	recorder_stop
}

@test "an engine that was handed its socket by a service manager" {
	command -v systemd-socket-activate >/dev/null || skip "systemd-socket-activate is not installed"
	local socket
	recorder_start --socket '/tmp/engine.*/docker.sock'
	OTHER=$(mktemp -d /tmp/engine.XXXXXXXX) socket=$OTHER/docker.sock
	background systemd-socket-activate --listen "$socket" dockerd --data-root "$OTHER/data" --exec-root "$OTHER/exec" \
		--pidfile "$OTHER/pid" --host fd:// --iptables=false --ip-forward=false --bridge=none --userland-proxy=false
	wait_for 10 test -S "$socket"
	wait_for 45 has "$listen and docktrail.socket.path == \"$socket\" and process.name =~ \"^systemd-socket\"" # the look at every namespace comes each 30 s
	DOCKER_HOST=unix://$socket timeout 60 docker version >/dev/null
	wait_for 20 has "docktrail.api.operation == \"SystemVersion\" and docktrail.socket.path == \"$socket\" and process.name == \"docker\""
	recorder_stop
	echo "${STARTED[-1]}" >"$OTHER/dockerd"
}

@test "an engine in a container is found by the name that it bound, with its container" {
	local id inner=/run/inner/docker.sock
	recorder_start --socket "$inner"
	id=$(docker run -d --cap-add ALL --cap-drop SYS_RESOURCE --security-opt seccomp=unconfined \
		--security-opt apparmor=unconfined --net none -v /usr:/usr:ro -v /lib:/lib:ro -v /lib64:/lib64:ro -v /etc/ssl:/etc/ssl:ro \
		--tmpfs /run --tmpfs /var/lib/docker --env PATH=/bin:/usr/sbin:/usr/bin busybox:test sh -c "busybox mkdir -p /run/inner /var/run; \
		exec dockerd -D --host unix://$inner --exec-root /run/e --pidfile /run/p --storage-driver vfs \
		--iptables=false --ip-forward=false --bridge=none --userland-proxy=false >/tmp/log 2>&1")
	if ! wait_for 60 docker exec "$id" /usr/bin/docker -H "unix://$inner" version; then
		docker exec "$id" tail /tmp/log || docker logs "$id"
		docker rm -f "$id"
		skip "dockerd does not start in a container here"
	fi
	wait_for 40 has "$listen and container.id == \"$id\" and process.name == \"dockerd\""
	docker exec "$id" /usr/bin/docker -H "unix://$inner" volume create within
	wait_for 10 has "docktrail.api.operation == \"VolumeCreate\" and container.id == \"$id\" and docktrail.socket.path =~ \"$inner\$\""
	docker rm -f "$id"
	recorder_stop
}

@test "docker -H ssh:// shows sshd above docker system dial-stdio" {
	[ -x /usr/sbin/sshd ] || skip "sshd is not installed"
	local port folder=$BATS_TEST_TMPDIR
	port=$(free_port)
	mkdir -p /run/sshd "$folder/bin"
	ssh-keygen -q -t ed25519 -N '' -f "$folder/host"
	ssh-keygen -q -t ed25519 -N '' -f "$folder/user"
	cat >"$folder/sshd_config" <<-CONFIG
		Port $port
		ListenAddress 127.0.0.1
		HostKey $folder/host
		AuthorizedKeysFile $folder/user.pub
		PidFile none
		StrictModes no
		UsePAM no
		PermitRootLogin yes
		SetEnv DOCKER_HOST=unix://$ENGINE_SOCKET
	CONFIG
	printf '#!/bin/sh\nexec /usr/bin/ssh -F /dev/null -i %s -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null "$@"\n' \
		"$folder/user" >"$folder/bin/ssh"
	chmod +x "$folder/bin/ssh"
	recorder_start
	background /usr/sbin/sshd -D -f "$folder/sshd_config"
	wait_for 10 bash -c ": </dev/tcp/127.0.0.1/$port"
	PATH=$folder/bin:$PATH DOCKER_HOST=ssh://root@127.0.0.1:$port timeout 60 docker volume create remote
	wait_for 10 has 'docktrail.api.operation == "VolumeCreate" and docktrail.target.name == "remote"'
	events 'docktrail.api.operation == "VolumeCreate"' | jq -es '.[0].process
		| .args == ["docker", "system", "dial-stdio"] and (.ancestry | map(startswith("sshd[")) | any)'
	recorder_stop
}
