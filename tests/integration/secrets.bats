# SPDX-License-Identifier: Apache-2.0
# Secrets go to a real engine by a real client, in every way that the client has, and none of them comes out anywhere:
# not of the trail, the recorder's output, its status, a core, or any reader. docs/threat-model.md, "Secrets".
load helpers
load trail

M=Zq7Wk9Xv3Lp5Ty8Rm2   # is secret
K=Kept4Hj6Nb8Vc1Xs3Df # is not: that it comes out shows that the search can find

setup_file() {
	engine_start
	engine_image
}

setup() {
	engine_needed
	TRAIL=$BATS_TEST_TMPDIR/trail
	CONFIG=$BATS_TEST_TMPDIR/docktrail.conf
}

teardown() {
	docker swarm leave --force >/dev/null 2>&1 || true
	recorder_kill
}

teardown_file() {
	engine_stop
}

# files_with WORD FILE...: those in which it stands, or a part of it, as it is, in base64 or in hexadecimal.
files_with() {
	/usr/bin/python3 - "$@" <<'P'
import base64, os, sys
word = sys.argv[1].encode()
parts = [word[i:i + 8] for i in range(0, len(word) - 7, 3)]
forms = parts + [p.hex().encode() for p in parts]
for shift in range(3):
    whole = base64.b64encode(b"x" * shift + word)
    forms.append(whole[4:-4])
for path in sys.argv[2:]:
    data = open(path, "rb").read()
    hit = next((f for f in forms if f in data), None)
    if hit is not None:
        at = data.index(hit)
        print(path, data[max(0, at - 300):at + 100])
P
}

# nowhere [WORD...]: not in what the recorder wrote, said and shows, nor in what any reader makes of it.
nowhere() {
	local word out=$BATS_TEST_TMPDIR/out
	mkdir -p "$out"
	zstd -dcq "$TRAIL"/*.zst >"$out/trail"
	"$DOCKTRAIL" status --trail "$TRAIL" --json >"$out/status.json" || true
	"$DOCKTRAIL" status --trail "$TRAIL" >"$out/status" || true
	for format in story text json; do
		"$DOCKTRAIL" replay --trail "$TRAIL" --format $format >"$out/$format"
	done
	for field in process.args url.path url.query docktrail.declared.command docktrail.declared.environment docktrail.api.raw; do
		"$DOCKTRAIL" replay --trail "$TRAIL" --count-by $field >"$out/$field"
	done
	"$DOCKTRAIL" verify --trail "$TRAIL" >"$out/verify" || [ $? = 1 ]
	cp "$RECORDER_OUTPUT" "$RECORDER_LOG" "$out/"
	for word in "${@:-$M}"; do
		files_with "$word" "$out"/* $(find "$TRAIL" -type f)
	done >"$BATS_TEST_TMPDIR/leaks"
	cat "$BATS_TEST_TMPDIR/leaks"
	[ ! -s "$BATS_TEST_TMPDIR/leaks" ]
	for file in trail json text; do
		[ -n "$(files_with "$K" "$out/$file")" ]
	done
}

# asked OPERATION: that it came through, or nothing would be shown by its secret's absence.
asked() {
	local operation
	for operation; do
		has "event.action == \"api-request\" and docktrail.api.operation == \"$operation\"" || {
			echo "no $operation in the trail" >&2
			return 1
		}
	done
}

@test "the docker client: login, pull, build, run, exec, import, secrets, swarm, volumes, plugins" {
	local auth token
	# Names of the client's own: it reads what it keeps of a login, and sends it with a pull.
	auth=$(printf 'me:%s' "$M" | base64 -w0)
	printf '{"auths":{"127.0.0.1:1":{"auth":"%s"}}}' "$auth" >"$DOCKER_CONFIG/config.json"
	mkdir "$BATS_TEST_TMPDIR/context"
	printf 'FROM busybox:test\nARG T\nLABEL a=b\n' >"$BATS_TEST_TMPDIR/context/Dockerfile"
	echo "$M" >"$BATS_TEST_TMPDIR/context/file"
	recorder_start --live
	docker login -u me -p "$M" 127.0.0.1:1 || true
	echo "$M" | docker login -u me --password-stdin 127.0.0.1:1 || true
	docker pull 127.0.0.1:1/nothing || true
	docker pull "me:$M@127.0.0.1:1/nothing" || true
	DOCKER_BUILDKIT=0 docker build --build-arg "T=$M" --build-arg=T2="$M" -t built "$BATS_TEST_TMPDIR/context"
	DOCKER_BUILDKIT=0 docker build "https://me:$M@127.0.0.1:1/a.git" || true
	DOCKER_BUILDKIT=0 T3=$M docker build --build-arg T3 "http://$M@127.0.0.1:1/context.tar" || true
	B=$M docker run -d --net none --name "$K" -e "A=$M" --env=A2="$M" -e B --label "password=$M" \
		--health-cmd "wget -u me:$M http://x" busybox:test sh -c "echo \$A; exec sleep 1000"
	wait_for 20 sh -c "docker logs '$K' | grep -q '$M'"
	docker exec -e "A=$M" --env "C=$M" "$K" true
	echo "cat >/tmp/typed; # $M" | docker exec -i "$K" sh
	docker exec "$K" sh -c "echo mysql -p$M --password=$M; TOKEN=$M true" >/dev/null
	docker exec "$K" mysql "-p$M" || true
	docker cp "$BATS_TEST_TMPDIR/context/file" "$K:/tmp/file"
	docker cp "$K:/tmp/file" - >/dev/null
	docker commit -c "ENV P=$M" "$K" committed
	docker import "http://me:$M@127.0.0.1:1/a.tar" || true
	docker import "https://$M@127.0.0.1:1/a.tar" || true
	docker load <"$BATS_TEST_TMPDIR/context/file" || true
	docker volume create --opt type=cifs --opt "o=username=me,password=$M" --opt "device=https://me:$M@h/x" vol || true
	docker plugin set nothing "TOKEN=$M" || true
	docker swarm join --token "SWMTKN-1-$M" 127.0.0.1:1 || true
	docker swarm init --advertise-addr 127.0.0.1 --listen-addr 127.0.0.1:0 || true
	token=$(docker swarm join-token -q worker) || token=SWMTKN-1-there-was-none
	echo "$M" | docker secret create s - || true
	echo "$M" | docker config create c - || true
	timeout 20 docker service create -d -e "A=$M" --env "B=$M" --name sv busybox:test true || true
	docker service update -d --env-add "E=$M" sv || true
	docker rm -f "$K"
	recorder_stop
	asked SystemAuth ImageCreate ImageBuild ContainerCreate ContainerExec ContainerLogs PutContainerArchive ContainerArchive ImageCommit ImageLoad \
		VolumeCreate PluginSet SwarmJoin SwarmInit SecretCreate ConfigCreate ServiceCreate
	has "event.action == \"api-request\" and url.query ~ \"*fromSrc=http://*redacted*\""
	has "event.action == \"api-request\" and url.query ~ \"*buildargs=*redacted*\""
	# The names stay, and what is no secret.
	has 'docktrail.api.operation == "ContainerCreate" and docktrail.declared.environment == "A" and docktrail.declared.environment == "B"'
	has 'docktrail.api.operation == "ContainerExec" and docktrail.declared.command =~ "^-p.redacted"'
	has 'process.args == "--build-arg" and process.args ~ "T=*redacted*"'
	nowhere "$M" "${token##*-}"
}

@test "clients that send what no client should: odd spellings, broken framing, one byte at a time" {
	printf 'mask = internal-([A-Za-z0-9]+)\nmask_name = pin|otp\n' >"$CONFIG"
	recorder_start --config "$CONFIG" --live=json
	SECRET=$M /usr/bin/python3 - "$ENGINE_SOCKET" "$K" --pin "$M" OTP="$M" "internal-$M" <<'P'
import os, socket, sys
path, K, M = sys.argv[1], sys.argv[2].encode(), os.environ["SECRET"].encode()

def ask(data, step=None):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.settimeout(5)
    s.connect(path)
    step = step or len(data)
    try:
        for i in range(0, len(data), step):
            s.sendall(data[i:i + step])
        s.shutdown(socket.SHUT_WR)
        while s.recv(65536):
            pass
    except OSError:
        pass
    s.close()

def post(target, body, headers=b"", length=None):
    return (b"POST " + target + b" HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" + headers +
            b"Content-Length: %d\r\nConnection: close\r\n\r\n" % (len(body) if length is None else length) + body)

def get(target, headers=b""):
    return b"GET " + target + b" HTTP/1.1\r\nHost: x\r\n" + headers + b"Connection: close\r\n\r\n"

env = b'{"Image":"nothing","Env":["A=' + M + b'"],"env":["B=' + M + b'"],"Labels":{"password":"' + M + b'"}}'
secret = b'{"Name":"s","Data":"' + M + b'"}'
asks = [
    get(b"/containers/" + K + b"/json"),
    get(b"/info", b"X-Registry-Auth: " + M + b"\r\n"),
    get(b"/info", b"x-REGISTRY-auth:\t" + M + b"\r\n"),
    get(b"/info", b"X-Registry-Auth:\r\n " + M + b"\r\n\t" + M + b"\r\n"),
    get(b"/info", b"X-Registry-Auth : " + M + b"\r\n"),
    get(b"/info", b"X-Registry-Auth " + M + b"\r\n"),
    get(b"/info", b"Authorization: Basic " + M + b"\r\nAuthorization: Bearer " + M + b"\r\n"),
    get(b"/info", b"X-Registry-Config: " + M + b"\r\nContent-Length: 1\r\nContent-Length: 2\r\n"),
    get(b"http://me:" + M + b"@x/info"),
    get(b"/images/https:%2F%2Fme%3A" + M + b"%40h/json"),
    get(b"/info?token=" + M + b"&%62=" + M),
    post(b"/build?build%61rgs=%7B%22A%22:%22" + M + b"%22%7D", b""),
    post(b"/build?remote=https%3A%2F%2Fme%3A" + M + b"%40127.0.0.1:1%2Fa.git", b""),
    post(b"/auth", b'{"username":"me","password":"' + M + b'"}'),
    post(b"/secrets/create", secret),
    post(b"/swarm/join", b'{"JoinToken":"' + M + b'"}'),
    post(b"/swarm/unlock", b'{"UnlockKey":"' + M + b'"}'),
    post(b"/containers/create", env),
    post(b"/containers/create", env, length=20),
    post(b"/secrets/create", secret, length=24),
    b"POST /containers/create HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Type: application/json\r\n\r\n" +
    b"2;a=" + M + b"\r\n{}\r\n0\r\nAuthorization: " + M + b"\r\n\r\n",
    b"PASS " + M + b"\r\n", M, M + b" " + M + b"\r\n\r\n", b"\x16\x03\x01" + M,
]
for data in asks:
    ask(data)
    ask(data, 1)
    ask(data, 7)
whole = post(b"/containers/create", env)
for cut in range(1, len(whole), 3):
    ask(whole[:cut])
P
	recorder_stop
	has 'process.args == "--pin" and process.args ~ "OTP=*redacted*" and process.args ~ "internal-*redacted*"'
	has 'docktrail.api.operation == "ImageBuild" and url.query ~ "remote=https://*redacted*"'
	has 'docktrail.api.state == "ambiguous" and exists docktrail.api.raw'
	nowhere
}

@test "more than is kept of a body: what is cut off is not there, and what is before the cut is masked" {
	printf 'volume = 4096\n' >"$CONFIG"
	recorder_start --config "$CONFIG"
	for filler in 3600 3900 3930 3940 3950 3960 4000; do
		/usr/bin/python3 -c 'import sys; print("{\"Image\":\"nothing\",\"Hostname\":\"" + "a" * int(sys.argv[1]) + "\",\"Cmd\":[\"docker\",\"login\",\"-p\",\"" + sys.stdin.read().strip() + "\"]}")' "$filler" <<<"$M" |
			curl -s --unix-socket "$ENGINE_SOCKET" -H 'Content-Type: application/json' --data-binary @- "http://x/containers/create?name=$K" >/dev/null
	done
	recorder_stop
	has 'docktrail.api.state == "truncated"'
	nowhere
}

@test "no core of the recorder is written, whatever the limits say" {
	cd "$BATS_TEST_TMPDIR"
	cat >abort.py <<'P'
# Starts a program with no limit on cores, waits for a word of its, lets it abort; says whether the kernel wrote a core.
import os, resource, signal, subprocess, sys, time
unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
word, bound = sys.argv[1], time.time() + 60 * int(os.environ.get("TIME_FACTOR", "1"))
with open("said", "wb") as said:
    child = subprocess.Popen(sys.argv[2:], stderr=said, stdin=subprocess.DEVNULL,
                             preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, unlimited))
while word not in open("said").read() and time.time() < bound:
    time.sleep(0.05)
if len(sys.argv) > 6:
    subprocess.run(["docker", "login", "-u", "me", "--password-stdin", "127.0.0.1:1"], input=os.environ["SECRET"].encode(), stderr=subprocess.DEVNULL)
os.kill(child.pid, signal.SIGABRT)
_, status = os.waitpid(child.pid, 0)
assert os.WTERMSIG(status) == signal.SIGABRT, status
print("core" if os.WCOREDUMP(status) else "none")
P
	# What is tested has to be possible here.
	[ "$(/usr/bin/python3 abort.py "" sleep 60)" = core ] || skip "this kernel writes no cores: $(cat /proc/sys/kernel/core_pattern)"
	rm -f core*
	[ "$(SECRET=$M /usr/bin/python3 abort.py recording "$DOCKTRAIL" record --trail "$TRAIL" --socket "$ENGINE_SOCKET")" = none ]
	grep -q '^recording' said
	[ -z "$(find . -name 'core*')" ]
}
