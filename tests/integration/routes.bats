# SPDX-License-Identifier: Apache-2.0
# Routes to a real engine that need one: from a container, and through a proxy. The others are those of
# tests/bpf/test_routes.c. What is found goes into the same table (tools/routes-table).
load helpers
load trail

setup_file() {
	engine_start
	engine_image
}

setup() {
	engine_needed
	PROXY= ROUTE=
	ASK=$TOP/build/tests/actors/ask
}

# note_route: the outcome of this test, for the table.
note_route() {
	local verdict=unseen rung
	[ -n "${ROUTES:-}" ] && [ -n "$ROUTE" ] && [ -z "${BATS_TEST_SKIPPED:-}" ] || return 0
	[ -z "${BATS_TEST_COMPLETED:-}" ] || verdict=seen
	rung=$(sed -n 's/.*rung \([a-z]*\).*/\1/p' "$RECORDER_LOG" | head -1)
	printf '%s\t%s\t%s\tconnect, sender, content\t%s\t\n' "$(uname -r)" "$rung" "$ROUTE" "$verdict" >>"$ROUTES"
}

teardown() {
	note_route
	recorder_kill
	[ -z "$PROXY" ] || { kill "$PROXY" && wait "$PROXY" || true; } 2>/dev/null
	docker rm -f holder >/dev/null 2>&1 || true
}

teardown_file() {
	engine_stop
}

# proxy_start COMMAND...: in the background, its words in PROXY_LOG.
proxy_start() {
	PROXY_LOG=$BATS_TEST_TMPDIR/proxy.log
	"$@" >"$PROXY_LOG" 2>&1 </dev/null 3>&- &
	PROXY=$!
}

# asked N PATH WHO: N requests for this path, sent by a process of this name, and no other for it.
asked() {
	wait_for 15 has "url.path == \"$2\" and process.name == \"$3\""
	count "$1" "event.action == \"api-request\" and url.path == \"$2\" and process.name == \"$3\" and docktrail.api.state == \"complete\" and http.response.status_code == 404"
	count "$1" "event.action == \"api-request\" and url.path == \"$2\" and docktrail.socket.path == \"$ENGINE_SOCKET\""
}

# passed_on PATH FRONT: the request to the engine names the one to the proxy, and who sent that.
passed_on() {
	local request
	request=$(events "url.path == \"$1\" and docktrail.socket.path == \"$2\"" | jq -r .docktrail.request.id)
	[ -n "$request" ]
	count 1 "url.path == \"$1\" and docktrail.socket.path == \"$ENGINE_SOCKET\" and docktrail.downstream.request.id == \"$request\" and docktrail.downstream.process.name == \"ask\" and docktrail.downstream.user.id == 65534 and docktrail.proxy.listens == \"unix://$2\""
}

# bats test_tags=vm
@test "from a container that has the socket mounted: its process, and which container" {
	ROUTE="a container with the socket mounted"
	recorder_start
	docker run --name holder --net none -v "$ENGINE_SOCKET:/docker.sock" -v "$ASK:/ask" busybox:test /ask /docker.sock /from-a-container
	id=$(docker inspect -f '{{.Id}}' holder)
	asked 1 /from-a-container ask
	recorder_stop
	count 0 'exists docktrail.proxy.listens'
	count 1 "url.path == \"/from-a-container\" and container.id == \"$id\" and container.name == \"holder\" and docktrail.namespaces.pid == \"private\" and docktrail.namespaces.mnt == \"private\" and process.executable == \"/ask\""
	# The pid is the host's, in which the process has long ended: not the 1 that it has for itself.
	count 0 'url.path == "/from-a-container" and process.pid == 1'
}

@test "from a container through a file descriptor that the host opened: both are named" {
	ROUTE="a host's connection, used by a container's process"
	recorder_start
	docker run -d --name holder --net none busybox:test sleep 1000
	id=$(docker inspect -f '{{.Id}}' holder)
	pid=$(docker inspect -f '{{.State.Pid}}' holder)
	python3 - "$ENGINE_SOCKET" "$pid" <<'P'
import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
s.connect(sys.argv[1])
child = os.fork()
if child == 0:
    with open(f"/proc/{sys.argv[2]}/cgroup") as f:
        group = [line.split(":", 2)[2].strip() for line in f if line.startswith("0:")][0]
    base = "/sys/fs/cgroup/unified" if os.path.isdir("/sys/fs/cgroup/unified") else "/sys/fs/cgroup"
    with open(base + group + "/cgroup.procs", "w") as f:
        f.write(str(os.getpid()))
    s.sendall(b"GET /used-by-a-container HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n")
    while s.recv(4096):
        pass
    os._exit(0)
sys.exit(os.waitpid(child, 0)[1] != 0)
P
	asked 1 /used-by-a-container python3
	recorder_stop
	count 1 "url.path == \"/used-by-a-container\" and container.id == \"$id\" and exists docktrail.connector.process.pid and docktrail.connector.process.name == \"python3\""
}

@test "through socat on TCP: the proxy is the sender" {
	ROUTE="a proxy on TCP (socat)"
	recorder_start
	proxy_start socat -d -d TCP-LISTEN:0,bind=127.0.0.1,fork "UNIX-CONNECT:$ENGINE_SOCKET"
	wait_for 10 grep -q 'listening on' "$PROXY_LOG"
	port=$(sed -n 's/.*listening on .*:\([0-9]*\)$/\1/p' "$PROXY_LOG" | head -1)
	curl -s "http://127.0.0.1:$port/through-tcp" >/dev/null
	asked 1 /through-tcp socat
	recorder_stop
	# Who asked it is not known here, and that is said.
	count 1 "url.path == \"/through-tcp\" and docktrail.proxy.listens == \"tcp://127.0.0.1:$port\" and not exists docktrail.downstream.process.pid"
	run "$DOCKTRAIL" replay --trail "$TRAIL" --format story
	says 'behind a proxy'
}

@test "through socat on a unix socket that is watched too: the sender is the proxy, and its client is named" {
	ROUTE="a proxy on a unix socket (socat)"
	local front=$ENGINE_DIR/front.sock
	recorder_start --socket "$front"
	proxy_start socat "UNIX-LISTEN:$front,fork,mode=666" "UNIX-CONNECT:$ENGINE_SOCKET"
	wait_for 10 test -S "$front"
	chmod 0711 "$ENGINE_DIR"
	setpriv --reuid 65534 --regid 65534 --clear-groups "$ASK" "$front" /through-unix
	asked 1 /through-unix socat
	recorder_stop
	count 1 "url.path == \"/through-unix\" and docktrail.socket.path == \"$front\" and process.name == \"ask\" and user.id == 65534"
	passed_on /through-unix "$front"
}

@test "through haproxy as a socket proxy: what it lets through, and its client" {
	command -v haproxy >/dev/null || skip "haproxy is not installed"
	ROUTE="a socket proxy (haproxy)"
	local front=$ENGINE_DIR/front.sock
	cat >"$BATS_TEST_TMPDIR/haproxy.cfg" <<-CONFIG
		defaults
		    mode http
		    timeout connect 10s
		    timeout client 10s
		    timeout server 10s
		frontend front
		    bind unix@$front mode 666
		    http-request deny if { path /denied }
		    default_backend engine
		backend engine
		    server engine unix@$ENGINE_SOCKET
	CONFIG
	recorder_start --socket "$front"
	proxy_start haproxy -db -f "$BATS_TEST_TMPDIR/haproxy.cfg"
	# It is bound under another name and renamed, which only a look at the file shows.
	wait_for 10 has "event.action == \"recorder-sockets\" and docktrail.recorder.sockets =~ \"^$front=[0-9]\""
	chmod 0711 "$ENGINE_DIR"
	setpriv --reuid 65534 --regid 65534 --clear-groups "$ASK" "$front" /let-through
	setpriv --reuid 65534 --regid 65534 --clear-groups "$ASK" "$front" /denied
	asked 1 /let-through haproxy
	recorder_stop
	count 1 "url.path == \"/let-through\" and docktrail.socket.path == \"$front\" and process.name == \"ask\" and user.id == 65534"
	passed_on /let-through "$front"
	# The engine never got this one: only the proxy did.
	count 0 "url.path == \"/denied\" and docktrail.socket.path == \"$ENGINE_SOCKET\""
	count 1 "url.path == \"/denied\" and docktrail.socket.path == \"$front\" and http.response.status_code == 403"
}
