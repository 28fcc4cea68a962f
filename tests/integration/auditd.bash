# SPDX-License-Identifier: Apache-2.0
# For the .bats files: a real auditd, with a configuration and a log of its own.

# auditd_needed: skips where there is none, or one that is not ours.
auditd_needed() {
	command -v auditd >/dev/null && command -v ausearch >/dev/null || skip "auditd is not installed"
	[ "$(auditctl -s | awk '$1 == "pid" { print $2 }')" = 0 ] || skip "an auditd runs already"
}

# auditd_start FORMAT: a real auditd, RAW or ENRICHED, whose log is AUDITD_LOG.
auditd_start() {
	AUDITD_LOG=$BATS_TEST_TMPDIR/auditd/audit.log
	mkdir "$BATS_TEST_TMPDIR/auditd" "$BATS_TEST_TMPDIR/auditd/plugins"
	cat >"$BATS_TEST_TMPDIR/auditd/auditd.conf" <<-END
		log_file = $AUDITD_LOG
		log_format = $1
		name_format = HOSTNAME
		flush = INCREMENTAL_ASYNC
		freq = 50
		max_log_file = 8
		max_log_file_action = ROTATE
		space_left = 2
		admin_space_left = 1
		space_left_action = IGNORE
		admin_space_left_action = IGNORE
		disk_full_action = IGNORE
		disk_error_action = IGNORE
		plugin_dir = $BATS_TEST_TMPDIR/auditd/plugins
		local_events = yes
		write_logs = yes
	END
	chmod -R go-w "$BATS_TEST_TMPDIR/auditd"
	auditd -n -c "$BATS_TEST_TMPDIR/auditd" -s enable >"$BATS_TEST_TMPDIR/auditd.out" 2>&1 3>&- &
	AUDITD=$!
	audits() { [ "$(auditctl -s | awk '$1 == "pid" { print $2 }')" != 0 ]; }
	wait_for 20 audits
}

auditd_stop() {
	kill "$AUDITD"
	wait "$AUDITD" 2>/dev/null || true
	AUDITD=
}
