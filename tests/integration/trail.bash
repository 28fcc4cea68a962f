# SPDX-License-Identifier: Apache-2.0
# For the .bats files: questions to the trail of this test, TRAIL.

# events [EXPRESSION]: the lines of the trail, as replay prints them.
events() {
	"$DOCKTRAIL" replay --trail "$TRAIL" --format json ${1:+--where "$1"}
}

# has EXPRESSION: some event matches; to be waited for.
has() {
	[ -n "$(events "$1")" ]
}

# count N EXPRESSION: exactly N events match.
count() {
	local found
	found=$(events "$2" | wc -l)
	[ "$found" = "$1" ] || { echo "expected $1, found $found of: $2" >&2; return 1; }
}

# told ACTION ID: jq's program in $3 of the only event of this kind and container.
told() {
	local line
	line=$(events "event.action == \"$1\" and container.id == \"$2\"")
	[ "$(wc -l <<<"$line")" = 1 ] || { echo "not one $1 of $2: $line" >&2; return 1; }
	jq -r "$3" <<<"$line"
}

# ended ID: its end was told.
ended() {
	has "event.action == \"container-exit\" and container.id == \"$1\""
}

# sequence_of OPERATION ID
sequence_of() {
	events "docktrail.api.operation == \"$1\" and docktrail.target.id == \"$2\"" | jq .event.sequence
}

# exits STATUS COMMAND...: through `run`, so that output is set; what was said stands in the log.
exits() {
	local expected=$1
	shift
	run "$@"
	echo "$output"
	[ "$status" = "$expected" ] || { echo "exit status $status instead of $expected: $*" >&2; return 1; }
}

# says TEXT...: each of them stands in the output of the last `exits` or `run`.
says() {
	local text
	for text; do
		[[ $output == *"$text"* ]] || { echo "not said: $text" >&2; return 1; }
	done
}

# none FILE PATTERN: no line of FILE matches (grep -P, bytes). A bare `! grep` cannot fail a test.
none() {
	if LC_ALL=C grep -naP "$2" "$1"; then
		echo "found $2 in $1" >&2
		return 1
	fi
}

# without_gaps FILE: its lines are events 1, 2, 3 and so on.
without_gaps() {
	jq .event.sequence "$1" | awk '$1 != NR { print "line " NR " is event " $1; exit 1 }' >&2
}

# verified [ARGS...]: verify finds the trail intact; its exit status, 0 or 1, is in VERIFIED.
verified() {
	local second=0
	VERIFIED=0
	"$DOCKTRAIL" verify --trail "$TRAIL" "$@" || VERIFIED=$?
	# The second verifier says the same of what nobody writes to any more.
	if [ -z "${RECORDER:-}" ]; then
		"$TOP/tools/verify-trail.py" "$TRAIL" "$@" || second=$?
		[ "$second" = "$VERIFIED" ] || return
	fi
	[ "$VERIFIED" -le 1 ]
}

# attached_hooks: the purposes that are served.
attached_hooks() {
	local status
	status=$("$DOCKTRAIL" status --trail "$TRAIL" --json) || return
	jq -r '.hooks[] | select(.state == "attached") | .purpose' <<<"$status"
}

# requests N: so many that differ, one after the other, none of which changes anything.
requests() {
	local i
	for ((i = 0; i < $1; i++)); do
		curl -s --unix-socket "$ENGINE_SOCKET" "http://x/v1.41/images/$RANDOM$RANDOM$RANDOM/json?$i" >/dev/null
	done
}

# segments: how many the trail has.
segments() {
	find "$TRAIL" -maxdepth 1 -name '*.jsonl.zst' | wc -l
}

# warns TEXT: `docktrail status` does; does_not_warn TEXT.
warns() {
	"$DOCKTRAIL" status --trail "$TRAIL" --json | jq -e --arg text "$1" 'any(.warnings[]; contains($text))'
}

does_not_warn() {
	"$DOCKTRAIL" status --trail "$TRAIL" --json | jq -e --arg text "$1" 'all(.warnings[]; contains($text) | not)'
}
