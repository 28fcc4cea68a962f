# SPDX-License-Identifier: Apache-2.0
# More than is usual, at a stop, on a slow disk: what was asked is recorded, or its loss is, to the last request.
load helpers
load trail

# Five gigabytes take their time.
[ -z "${BATS_TEST_TIMEOUT:-}" ] || [ -z "${TEST_ALL:-}" ] || BATS_TEST_TIMEOUT=$((BATS_TEST_TIMEOUT + 600))

setup_file() {
	engine_start
}

setup() {
	engine_needed
	FLOOD=$TOP/build/tests/actors/flood
	[ -x "$FLOOD" ]
	TRAIL=$BATS_TEST_TMPDIR/trail CONFIG=$BATS_TEST_TMPDIR/config
}

teardown() {
	[ -z "${RECORDER:-}" ] || kill -CONT "$RECORDER" 2>/dev/null || true
	disk_remove
	recorder_kill
	disk_remove
}

teardown_file() {
	engine_stop
}

# flood HOW N: the client's own count is N.
flood() {
	[ "$("$FLOOD" "$ENGINE_SOCKET" "$@")" = "$2" ]
}

# sum FIELD EXPRESSION: of docktrail.loss over those losses.
sum() {
	events "event.action == \"recorder-loss\" and $2" | jq -s "map(.docktrail.loss.$1 // 0) | add // 0"
}

# accounts N: N requests of the flood, each an event or a turn of a loss. Sets THERE and LOST. A loss may also
# be told where it was, by an event that says so: no second request.
accounts() {
	THERE=$(events 'event.action == "api-request" and not docktrail.api.reason == "none of its bytes were kept"' | jq -r .docktrail.request.id | grep -vc unseen)
	LOST=$(sum turns 'docktrail.loss.turns > 0')
	echo "asked: $1, there: $THERE, lost: $LOST"
	events 'event.action == "recorder-loss"' | jq -c .docktrail.loss
	[ $((THERE + LOST)) = "$1" ]
}

# intact: what verify says fits what was lost.
intact() {
	verified
	[ "$VERIFIED" = "$([ "$LOST" = 0 ] && echo 0 || echo 1)" ]
}

# A disk of its own, a file behind a loop device, that can be told to stand still.
disk_make() {
	DISK=$BATS_TEST_TMPDIR/disk
	truncate -s 256M "$DISK.image"
	mkdir "$DISK"
	mkfs.ext4 -q "$DISK.image" && mount -o loop "$DISK.image" "$DISK"
}

disk_remove() {
	[ -n "${DISK:-}" ] || return 0
	fsfreeze -u "$DISK" 2>/dev/null || true # else the recorder could not end
	umount "$DISK" 2>/dev/null || true
}

@test "20,000 requests on one connection, as fast as the engine answers" {
	recorder_start
	flood requests 20000
	recorder_stop
	accounts 20000
	[ "$THERE" -gt 0 ]
	verified
	# What is there is whole, in order and told apart.
	events 'user_agent.original == "flood"' >"$BATS_TEST_TMPDIR/lines"
	[ "$(jq -r .docktrail.request.id "$BATS_TEST_TMPDIR/lines" | sort -u | wc -l)" = "$THERE" ]
	[ "$(jq -r .docktrail.connection.id "$BATS_TEST_TMPDIR/lines" | sort -u | wc -l)" = 1 ]
	[ "$LOST" -gt 0 ] || [ "$(events 'user_agent.original == "flood" and http.response.status_code == 200 and docktrail.api.state == "complete" and process.name == "flood"' | wc -l)" = 20000 ]
}

@test "1,000 connections at once, one request on each" {
	recorder_start
	flood connections 1000
	recorder_stop
	accounts 1000
	local refused
	refused=$(sum records 'docktrail.loss.reason ~ "socket-connect:*" or docktrail.loss.reason ~ "socket_connect:*"')
	count $((1000 - refused)) 'event.action == "socket-connect" and process.name == "flood"'
	[ "$LOST" -gt 0 ] || [ "$(events 'user_agent.original == "flood"' | jq -r .docktrail.connection.id | sort -u | wc -l)" = 1000 ]
	verified
}

@test "a reader that is stopped for three seconds of a flood, with tiny rings" {
	printf 'ring_state = 4096\nring_api = 4096\nring_noise = 4096\n' >"$CONFIG"
	recorder_start --config "$CONFIG"
	"$FLOOD" "$ENGINE_SOCKET" requests 1000 >/dev/null
	kill -STOP "$RECORDER"
	local until=$((SECONDS + 3)) asked=1000
	while ((SECONDS < until)); do
		flood requests 1000
		asked=$((asked + 1000))
	done
	kill -CONT "$RECORDER"
	wait_for 10 has 'event.action == "recorder-loss" and docktrail.loss.reason == "socket_piece: ring_full" and docktrail.loss.turns > 0'
	flood requests 1
	recorder_stop
	accounts $((asked + 1))
	[ "$THERE" -gt 0 ]
	[ "$LOST" -gt 1000 ]
	[ "$(sum turns 'docktrail.loss.reason == "socket_piece: ring_full" and docktrail.loss.ring == "api"')" = "$LOST" ]
	intact
}

@test "a disk that stands still during a flood: what did not fit in memory is told, by kind" {
	disk_make || skip "no ext4 on a loop device can be had here"
	printf 'queue = 1M\n' >"$CONFIG"
	TRAIL=$DISK/trail recorder_start --config "$CONFIG"
	TRAIL=$DISK/trail
	flood requests 100
	wait_for 10 has 'user_agent.original == "flood"'
	fsfreeze -f "$DISK"
	flood requests 5000
	fsfreeze -u "$DISK"
	wait_for 20 has 'event.action == "recorder-loss" and docktrail.loss.reason == "api-request: too much waited for the disk"'
	flood requests 1
	recorder_stop
	accounts 5101
	[ "$LOST" -gt 0 ]
	intact
	without_gaps <(events)
}

@test "an image of half a gigabyte (TEST_ALL: five) through the socket: counted, not kept, and the engine has all of it" {
	local megabytes=512 tree=$BATS_TEST_TMPDIR/tree sent
	[ -z "${TEST_ALL:-}" ] || megabytes=5120
	[ "$(df --output=avail -m "$ENGINE_DIR" | tail -n 1)" -gt $((megabytes * 2 + 1024)) ] || skip "$ENGINE_DIR has no room for it"
	mkdir "$tree"
	truncate -s "${megabytes}M" "$tree/zeros"
	sent=$(tar -c -C "$tree" zeros | wc -c)
	recorder_start
	tar -c -C "$tree" zeros | docker import - flood:big >/dev/null
	local most
	most=$(awk '$1 == "VmHWM:" { print $2 }' "/proc/$RECORDER/status")
	wait_for 10 has "event.action == \"socket-close\" and docktrail.close.bytes_sent >= $sent"
	recorder_stop
	echo "sent $sent, most resident $most KiB"
	[ "$(docker image inspect --format '{{.Size}}' flood:big)" = $((megabytes << 20)) ]
	docker rmi flood:big >/dev/null
	events 'docktrail.api.operation == "ImageCreate"' | jq -c '[.http, .docktrail.api, .docktrail.declared]'
	[ "$most" -le 65536 ]
	count 1 'docktrail.api.operation == "ImageCreate" and docktrail.api.state == "truncated"'
	# With the answer, where the upload takes longer than a request is waited for.
	count 1 "(docktrail.api.operation == \"ImageCreate\" or event.action == \"api-answer\") and http.response.status_code == 200 and http.request.body.bytes > $((sent / 100 * 99))"
	count 0 'event.action == "recorder-loss"'
	"$DOCKTRAIL" status --trail "$TRAIL" --json | jq -e --argjson sent "$sent" '.by_design | map(select(.reason == "volume")) | map(.bytes) | add > $sent * 0.99'
	# Of that body no more was kept than what it takes to say so.
	[ "$(du -sk "$TRAIL" | cut -f 1)" -lt 256 ]
}
