/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * THE table of events and fields. Rows are data; everything that a user can see of an event is
 * derived from them: the JSON both ways, the names in --where, `docktrail events`, docs/events.md,
 * the schema in the trail, and, for what comes from the kernel, the wire structs (bpf/wire.h) with
 * their decoder.
 *
 * To add a field: a row in FIELDS and, if a probe fills it, one in the message's WIRE_ list.
 * To add an event: a row in EVENTS. Ids are for ever; a removed event keeps its row, marked
 * retired.
 */
#pragma once

/* Tables: their rows are laid out by hand. */
/* clang-format off */

/*
 * What an event is made of: groups of fields. HEAD stands in every event.
 */
#define GROUPS(GROUP) \
	GROUP(HEAD, 0, "every event") \
	GROUP(ACTOR, 1, "who did it: the process and its user, taken at the act") \
	GROUP(CONNECTOR, 2, "who opened the connection, where that is not the sender") \
	GROUP(CONNECTION, 3, "the connection and the socket it goes to") \
	GROUP(REQUEST, 4, "what was asked of the engine") \
	GROUP(ANSWER, 5, "what the engine answered") \
	GROUP(TARGET, 6, "the object that was asked for") \
	GROUP(DECLARED, 7, "what a request declares: of what it makes, changes or runs") \
	GROUP(TRAFFIC, 8, "what went over a connection in its life") \
	GROUP(LOSS, 9, "what was not recorded, and why") \
	GROUP(RECORDER, 10, "the recorder itself") \
	GROUP(PROXY, 11, "whose request it is, where a proxy passed it on") \
	GROUP(LISTENER, 12, "a listener of an engine") \
	GROUP(SPAN, 13, "how long it took") \
	GROUP(CAUSE, 14, "who had the container made, who started it, and who asked for an exec in it") \
	GROUP(CONTAINED, 15, "what a container's first process was given") \
	GROUP(EXEC, 16, "an exec: a process that is brought into a container") \
	GROUP(EXIT, 17, "how a process ended") \
	GROUP(DIFFERENCE, 19, "what a container was given and nobody asked for") \
	GROUP(CHANGE, 20, "namespaces that a process changed") \
	GROUP(CAPABILITY, 21, "a capability that a container's program used, or wanted to") \
	GROUP(OOM, 18, "whom the kernel killed for memory, and for whose want of it") \
	GROUP(AUDIT, 22, "what the kernel's audit recorded of it") \
	GROUP(FILE, 23, "the file that it is about") \
	GROUP(DRIFT, 24, "how a file differs from what it was at the last look") \
	GROUP(IMPORT, 25, "what came of a log that was read in")

/*
 *    name, id (for ever), ECS kind, ECS category, ECS type, severity, groups beside HEAD, what it means
 */
#define EVENTS(EVENT) \
	EVENT(socket_connect, 1, "event", "network", "connection", 0, ACTOR | CAUSE | CONNECTION | AUDIT, \
	      "A process connected to a container engine's socket, or was refused") \
	EVENT(socket_close, 2, "event", "network", "end", 0, ACTOR | CAUSE | CONNECTION | TRAFFIC, \
	      "A connection to a container engine's socket ended") \
	EVENT(socket_present, 3, "event", "network", "info", 0, ACTOR | CAUSE | CONNECTION, \
	      "A connection was open when recording began") \
	EVENT(api_request, 4, "event", "api", "access", 0, \
	      ACTOR | CAUSE | CONNECTOR | PROXY | CONNECTION | REQUEST | ANSWER | SPAN | TARGET | DECLARED | \
	      EXEC, \
	      "The engine received a request and answered it") \
	EVENT(api_answer, 5, "event", "api", "info", 0, \
	      CONNECTION | REQUEST | ANSWER | SPAN | TARGET | EXEC, \
	      "An answer that came after its request had been written") \
	EVENT(engine_listen, 6, "event", "network", "start", 50, ACTOR | CAUSE | CONNECTION | LISTENER, \
	      "An engine listens, or somebody in its place; or what a listener speaks became known") \
	EVENT(container_start, 7, "event", "process", "start", 0, ACTOR | CAUSE | CONTAINED | DIFFERENCE, \
	      "The first process of a container runs its program") \
	EVENT(container_present, 8, "event", "process", "info", 0, ACTOR | CAUSE | CONTAINED, \
	      "A container was there when recording began") \
	EVENT(container_exit, 9, "event", "process", "end", 0, ACTOR | CAUSE | EXIT | SPAN, \
	      "The first process of a container ended, and the container with it") \
	EVENT(container_exec, 10, "event", "process", "start", 50, ACTOR | CAUSE | EXEC, \
	      "A process came into a container that is no child of its first one") \
	EVENT(namespace_enter, 11, "event", "process", "change", 50, ACTOR | CAUSE | TARGET | CHANGE, \
	      "A process of a container is in namespaces of the host or of another container, or somebody in a container's") \
	EVENT(namespace_create, 12, "event", "process", "change", 25, ACTOR | CAUSE | CHANGE, \
	      "A process of a container made namespaces of its own") \
	EVENT(capability_use, 13, "event", "process", "info", 0, ACTOR | CAUSE | CAPABILITY, \
	      "A container's program used a capability: at once for the first time, then counted") \
	EVENT(oom_kill, 14, "event", "process", "end", 50, ACTOR | CAUSE | OOM, \
	      "The kernel killed a process for memory") \
	EVENT(recorder_start, 20, "event", "process", "start", 25, RECORDER, "Recording began") \
	EVENT(recorder_stop, 21, "event", "process", "end", 25, RECORDER | LOSS, "Recording ended as asked") \
	EVENT(recorder_heartbeat, 22, "metric", "process", "info", 25, RECORDER | LOSS, \
	      "The recorder is alive: what it watches, what it lost so far") \
	EVENT(recorder_loss, 23, "pipeline_error", "process", "error", 50, ACTOR | CAUSE | LOSS | CONNECTION, \
	      "Something was not recorded") \
	EVENT(recorder_degraded, 24, "event", "process", "change", 75, RECORDER, \
	      "The recorder sees less than it could, or less than before") \
	EVENT(recorder_recovery, 25, "event", "process", "change", 50, RECORDER, \
	      "The recorder had not ended cleanly; the trail was taken up again") \
	EVENT(recorder_sockets, 26, "event", "process", "change", 25, RECORDER, \
	      "The sockets that are watched changed: an engine started, stopped or came anew") \
	EVENT(clock_step, 27, "event", "host", "change", 50, RECORDER, "The wall clock was set") \
	EVENT(recorder_newchain, 28, "event", "process", "change", 75, RECORDER, \
	      "The trail could not be continued: it was set aside as it was, and this one begun") \
	EVENT(recorder_pruned, 29, "event", "process", "deletion", 25, RECORDER, \
	      "Payloads of old frames are dropped from the trail, as it was told to do") \
	EVENT(watch_hit, 30, "event", "file", "change", 25, ACTOR | CAUSE | AUDIT | FILE, \
	      "The kernel's audit recorded a touched file, or another act that a rule is about") \
	EVENT(watch_drift, 31, "event", "file", "change", 50, ACTOR | CAUSE | FILE | DRIFT, \
	      "A watched file is not what it was at the last look, whether anybody was seen at it or not") \
	EVENT(audit_config, 32, "event", "configuration", "change", 50, ACTOR | CAUSE | AUDIT, \
	      "Rules or settings of the kernel's audit were changed") \
	EVENT(user_login, 33, "event", "session", "start", 0, ACTOR | CAUSE | CONNECTION | AUDIT, \
	      "A session begins, or it became known from where it came") \
	EVENT(user_logout, 34, "event", "session", "end", 0, ACTOR | CAUSE | CONNECTION | AUDIT, \
	      "A session ends") \
	EVENT(process_exec, 35, "event", "process", "start", 0, ACTOR | CAUSE | AUDIT, \
	      "A program that is watched was run") \
	EVENT(audit_message, 36, "event", "process", "info", 0, ACTOR | CAUSE | AUDIT, \
	      "A process wrote a message into audit: what it says is its own word. Severe out of a container") \
	EVENT(log_import, 37, "event", "process", "info", 25, FILE | IMPORT, \
	      "A log of audit's was read in: the events of it stand before this one")

/* A person behind a container, by the request that made them so. */
#define CAUSE_FIELDS(FIELD, who, meaning) \
	FIELD(CAUSE, who##_sequence, u64, "docktrail." #who ".sequence", \
	      meaning ": event.sequence of the request") \
	FIELD(CAUSE, who##_reason, str, "docktrail." #who ".reason", \
	      "Why there is no such request, or none is known") \
	FIELD(CAUSE, who##_user_id, str, "docktrail." #who ".user.id", "Their uid") \
	FIELD(CAUSE, who##_user_name, str, "docktrail." #who ".user.name", "Its name") \
	FIELD(CAUSE, who##_user_audit_id, str, "docktrail." #who ".user.audit.id", \
	      "Their login uid") \
	FIELD(CAUSE, who##_user_audit_name, str, "docktrail." #who ".user.audit.name", "Its name") \
	FIELD(CAUSE, who##_session_id, u64, "docktrail." #who ".session.id", "Audit session") \
	FIELD(CAUSE, who##_process_pid, u64, "docktrail." #who ".process.pid", \
	      "The process that asked") \
	FIELD(CAUSE, who##_process_entity_id, str, "docktrail." #who ".process.entity_id", \
	      "Its entity id") \
	FIELD(CAUSE, who##_process_name, str, "docktrail." #who ".process.name", "Its comm") \
	FIELD(CAUSE, who##_process_executable, str, "docktrail." #who ".process.executable", \
	      "Its program")

/* What a look at a file sees of it. */
#define DRIFT_FIELDS(FIELD, when, meaning) \
	FIELD(DRIFT, drift_##when##_type, str, "docktrail.drift." #when ".type", \
	      meaning ": file, folder, link, socket, other; or absent") \
	FIELD(DRIFT, drift_##when##_device, str, "docktrail.drift." #when ".device", \
	      "Device of its file system, major:minor") \
	FIELD(DRIFT, drift_##when##_inode, u64, "docktrail.drift." #when ".inode", "Its inode") \
	FIELD(DRIFT, drift_##when##_mode, str, "docktrail.drift." #when ".mode", "Its mode, octal") \
	FIELD(DRIFT, drift_##when##_uid, u64, "docktrail.drift." #when ".uid", "Its owner") \
	FIELD(DRIFT, drift_##when##_gid, u64, "docktrail.drift." #when ".gid", "Its group") \
	FIELD(DRIFT, drift_##when##_size, u64, "docktrail.drift." #when ".size", "Bytes") \
	FIELD(DRIFT, drift_##when##_modified, time, "docktrail.drift." #when ".modified", \
	      "When its contents were changed, by its file system") \
	FIELD(DRIFT, drift_##when##_sha256, str, "docktrail.drift." #when ".sha256", \
	      "SHA-256 of its contents")

/*
 * The dictionary: every name that can stand in a line of a trail, once, in the order in which a line has
 * them (fields that share a prefix stand together). `[]` marks a list of objects: its fields are lists
 * of equal length.
 *
 *    group  name  type  JSON path  what it means
 *
 * Types: str, list (of str), u64, i64, bool, time (nanoseconds UTC here, RFC 3339 in JSON).
 */
#define FIELDS(FIELD) \
	FIELD(HEAD, timestamp, time, "@timestamp", "When it was done, by the kernel's clock, UTC") \
	FIELD(HEAD, event_id, str, "event.id", \
	      "First 16 digits of the trail's id, a dash, and event.sequence") \
	FIELD(HEAD, event_sequence, u64, "event.sequence", "Number in the trail, without gaps") \
	FIELD(HEAD, event_kind, str, "event.kind", "ECS: event, metric or pipeline_error") \
	FIELD(HEAD, event_category, str, "event.category", "ECS category") \
	FIELD(HEAD, event_type, str, "event.type", "ECS type") \
	FIELD(HEAD, event_action, str, "event.action", "Which row of this table it is") \
	FIELD(HEAD, event_outcome, str, "event.outcome", "success, failure or unknown") \
	FIELD(HEAD, event_severity, u64, "event.severity", \
	      "0 routine, 25 change, 50 worth a look, 75 isolation given away, 100 evidence attacked") \
	FIELD(SPAN, event_duration, u64, "event.duration", \
	      "Nanoseconds: of a request from its first byte to the answer's status line, of a container " \
	      "from its first program to its end") \
	FIELD(HEAD, host_id, str, "host.id", "Machine id") \
	FIELD(HEAD, host_name, str, "host.name", "Host name") \
	FIELD(HEAD, host_boot_id, str, "host.boot.id", "Kernel's boot id") \
	FIELD(FILE, file_path, str, "file.path", "Its path, as it was given") \
	FIELD(FILE, file_size, u64, "file.size", "Bytes") \
	FIELD(FILE, file_sha256, str, "file.hash.sha256", "SHA-256 of its contents") \
	FIELD(ACTOR, process_pid, u64, "process.pid", "Process id in the host's namespace") \
	FIELD(ACTOR, process_start, time, "process.start", "When the process was made") \
	FIELD(ACTOR, process_entity_id, str, "process.entity_id", \
	      "Boot id, pid and start time: a reused pid never joins wrongly") \
	FIELD(ACTOR, process_name, str, "process.name", \
	      "The kernel's comm; the process may choose it") \
	FIELD(ACTOR, process_executable, str, "process.executable", \
	      "The kernel's path of the program; begins with ... where its beginning is not known") \
	FIELD(ACTOR, process_args, list, "process.args", "Command line, secrets masked") \
	FIELD(ACTOR, process_args_cut, bool, "process.args_cut", \
	      "true where the command line was longer than what is kept") \
	FIELD(ACTOR, process_tty, str, "process.tty", "Controlling terminal") \
	FIELD(ACTOR, process_parent_pid, u64, "process.parent.pid", "Parent's process id") \
	FIELD(ACTOR, process_parent_name, str, "process.parent.name", "Parent's comm") \
	FIELD(ACTOR, process_parent_executable, str, "process.parent.executable", \
	      "Parent's program") \
	FIELD(ACTOR, process_ancestry, list, "process.ancestry", \
	      "Ancestors as comm[pid], the parent first, up to init") \
	FIELD(ACTOR, user_id, str, "user.id", "Real uid") \
	FIELD(ACTOR, user_name, str, "user.name", "Its name in /etc/passwd") \
	FIELD(ACTOR, user_group_id, str, "user.group.id", "Real gid") \
	FIELD(ACTOR, user_effective_id, str, "user.effective.id", "Effective uid") \
	FIELD(ACTOR, user_audit_id, str, "user.audit.id", \
	      "Login uid: who they were before su and sudo") \
	FIELD(ACTOR, user_audit_name, str, "user.audit.name", "Its name in /etc/passwd") \
	FIELD(REQUEST, user_agent, str, "user_agent.original", "What the client says it is") \
	FIELD(ACTOR, container_id, str, "container.id", \
	      "Container that the acting process runs in, 64 digits") \
	FIELD(ACTOR, container_name, str, "container.name", "Its name, from the engine's files") \
	FIELD(ACTOR, container_image_name, str, "container.image.name", "Its image") \
	FIELD(CONNECTION, error_code, str, "error.code", "errno of a refusal, by name") \
	FIELD(REQUEST, url_path, str, "url.path", "Path as received") \
	FIELD(REQUEST, url_query, str, "url.query", \
	      "Query; parameters that are not named in the operations table by length only") \
	FIELD(REQUEST, http_request_method, str, "http.request.method", "HTTP method as received") \
	FIELD(REQUEST, http_request_body_bytes, u64, "http.request.body.bytes", \
	      "Length of the body as received") \
	FIELD(ANSWER, http_response_status_code, u64, "http.response.status_code", \
	      "Status of the answer") \
	FIELD(ANSWER, http_response_body_bytes, u64, "http.response.body.bytes", \
	      "Length of the answer's body, where it was known") \
	FIELD(CONNECTION, source_ip, str, "source.ip", "Address of a client that came over TCP") \
	FIELD(CONNECTION, source_port, u64, "source.port", "Its port") \
	FIELD(ACTOR, session_id, u64, "docktrail.session.id", "Audit session") \
	FIELD(ACTOR, session_source_ip, str, "docktrail.session.source_ip", \
	      "Address that the session came from, as its login said") \
	FIELD(ACTOR, namespaces_mnt, str, "docktrail.namespaces.mnt", \
	      "private, host or container:<id>") \
	FIELD(ACTOR, namespaces_pid, str, "docktrail.namespaces.pid", "as above") \
	FIELD(ACTOR, namespaces_net, str, "docktrail.namespaces.net", "as above") \
	FIELD(ACTOR, namespaces_ipc, str, "docktrail.namespaces.ipc", "as above") \
	FIELD(ACTOR, namespaces_uts, str, "docktrail.namespaces.uts", "as above") \
	FIELD(ACTOR, namespaces_user, str, "docktrail.namespaces.user", "as above") \
	FIELD(ACTOR, namespaces_cgroup, str, "docktrail.namespaces.cgroup", "as above") \
	FIELD(ACTOR, namespaces_time, str, "docktrail.namespaces.time", "as above") \
	CAUSE_FIELDS(FIELD, created_by, "Who had the container made") \
	CAUSE_FIELDS(FIELD, started_by, "Who started it this time") \
	CAUSE_FIELDS(FIELD, entered_by, "Who asked for the exec that this process belongs to") \
	FIELD(ACTOR, entered_by_exec_id, str, "docktrail.entered_by.exec_id", \
	      "The engine's id of that exec, of all its processes") \
	FIELD(EXEC, exec_id, str, "docktrail.exec.id", "The engine's id of it") \
	FIELD(EXEC, exec_how, str, "docktrail.exec.how", \
	      "runtime: as `docker exec` does it; namespaces: it took the container's by itself, as nsenter") \
	FIELD(CONTAINED, capabilities_permitted, list, "docktrail.capabilities.permitted", \
	      "Permitted capabilities") \
	FIELD(CONTAINED, capabilities_effective, list, "docktrail.capabilities.effective", \
	      "Effective ones") \
	FIELD(CONTAINED, capabilities_bounding, list, "docktrail.capabilities.bounding", \
	      "The bounding set: what may ever be gained") \
	FIELD(CONTAINED, capabilities_ambient, list, "docktrail.capabilities.ambient", \
	      "Ambient ones: kept over programs without file capabilities") \
	FIELD(CONTAINED, seccomp, str, "docktrail.seccomp", "off, strict or filter") \
	FIELD(CONTAINED, no_new_privileges, bool, "docktrail.no_new_privileges", \
	      "Whether setuid programs gain nothing") \
	FIELD(CONTAINED, uid_map, list, "docktrail.uid_map", \
	      "Its users, as in /proc/PID/uid_map: inside, outside, how many") \
	FIELD(CONTAINED, gid_map, list, "docktrail.gid_map", "Its groups likewise") \
	FIELD(CONTAINED, mounts_source, list, "docktrail.mounts[].source", \
	      "Sensitive file or folder of the host that it has mounted, found in its mount table") \
	FIELD(CONTAINED, mounts_target, list, "docktrail.mounts[].target", \
	      "Where; begins with ... where its path is too long") \
	FIELD(CONTAINED, mounts_mode, list, "docktrail.mounts[].mode", "ro or rw") \
	FIELD(CONTAINED, mounts_cut, bool, "docktrail.mounts_cut", "true where there are more") \
	FIELD(CONTAINED, lsm_label, str, "docktrail.lsm_label", \
	      "AppArmor profile or SELinux context, where there is one and it could be read in time") \
	FIELD(CONTAINED, doubts, list, "docktrail.doubts", \
	      "Why it may be something else that is called so: no-runtime, users-cgroup, another-was-called-so") \
	FIELD(CONTAINED, limits_memory, u64, "docktrail.limits.memory", \
	      "Bytes of memory that its control group may use; absent where there is no limit") \
	FIELD(CONTAINED, limits_pids, u64, "docktrail.limits.pids", "Processes likewise") \
	FIELD(CONTAINED, limits_nano_cpus, u64, "docktrail.limits.nano_cpus", \
	      "Billionths of a CPU likewise, as the engine's NanoCpus") \
	FIELD(DIFFERENCE, difference_field, list, "docktrail.difference[].field", \
	      "What is not as the request that made the container declared it") \
	FIELD(DIFFERENCE, difference_declared, list, "docktrail.difference[].declared", \
	      "What it declared, or what the engine does without being told") \
	FIELD(DIFFERENCE, difference_actual, list, "docktrail.difference[].actual", \
	      "What the kernel shows") \
	FIELD(DIFFERENCE, difference_request, list, "docktrail.difference[].request", \
	      "event.sequence of the ContainerUpdate that asked for it, where one did") \
	FIELD(EXIT, exit_code, u64, "docktrail.exit.code", \
	      "What it returned; absent where a signal ended it") \
	FIELD(EXIT, exit_signal, str, "docktrail.exit.signal", "Signal that ended it, by name") \
	FIELD(EXIT, exit_out_of_memory, bool, "docktrail.exit.out_of_memory", \
	      "Whether the kernel killed one of the container's processes for memory") \
	FIELD(CHANGE, change_types, list, "docktrail.change.types", \
	      "Which namespaces: mnt, pid, net, ipc, uts, user, cgroup, time") \
	FIELD(CHANGE, change_how, str, "docktrail.change.how", \
	      "switch: by setns or unshare; clone: it was made in them; else it was found in them as it made a process (fork), ran a program (exec) or ended (exit)") \
	FIELD(CAPABILITY, capability_name, str, "docktrail.capability.name", "Which one") \
	FIELD(CAPABILITY, capability_verdict, str, "docktrail.capability.verdict", \
	      "granted or denied") \
	FIELD(CAPABILITY, capability_count, u64, "docktrail.capability.count", \
	      "How often since the last such event of this program, capability and verdict") \
	FIELD(CAPABILITY, capability_borrowed, bool, "docktrail.capability.borrowed", \
	      "true where the kernel asked with other credentials than the process has, as overlayfs does with its mounter's") \
	FIELD(CAPABILITY, capability_lumped, bool, "docktrail.capability.lumped", \
	      "true where the container has too many programs to be told apart: any of them") \
	FIELD(OOM, oom_scope, str, "docktrail.oom.scope", \
	      "cgroup: its control group, or one above, had used up its limit; host: none of them had") \
	FIELD(OOM, oom_limit, u64, "docktrail.oom.limit", "Bytes that this control group may use") \
	FIELD(OOM, oom_usage, u64, "docktrail.oom.usage", "Bytes that it used") \
	FIELD(OOM, oom_anonymous, u64, "docktrail.oom.memory.anonymous", \
	      "Bytes of the victim's own memory") \
	FIELD(OOM, oom_file, u64, "docktrail.oom.memory.file", "Bytes of files that it had mapped") \
	FIELD(OOM, oom_shared, u64, "docktrail.oom.memory.shared", "Bytes of shared memory") \
	FIELD(OOM, oom_score_adjustment, i64, "docktrail.oom.score_adjustment", \
	      "/proc/PID/oom_score_adj of the victim") \
	FIELD(OOM, oom_trigger_process_pid, u64, "docktrail.oom.trigger.process.pid", \
	      "Who asked for the memory that was not there") \
	FIELD(OOM, oom_trigger_process_entity_id, str, "docktrail.oom.trigger.process.entity_id", \
	      "Its entity id") \
	FIELD(OOM, oom_trigger_process_name, str, "docktrail.oom.trigger.process.name", "Its comm") \
	FIELD(OOM, oom_trigger_process_executable, str, \
	      "docktrail.oom.trigger.process.executable", "Its program") \
	FIELD(OOM, oom_trigger_user_id, str, "docktrail.oom.trigger.user.id", "Its uid") \
	FIELD(OOM, oom_trigger_user_name, str, "docktrail.oom.trigger.user.name", "Its user") \
	FIELD(OOM, oom_trigger_container_id, str, "docktrail.oom.trigger.container.id", \
	      "Its container") \
	FIELD(CONNECTOR, connector_process_pid, u64, "docktrail.connector.process.pid", \
	      "Who opened the connection, where that is not who sent") \
	FIELD(CONNECTOR, connector_process_entity_id, str, "docktrail.connector.process.entity_id", \
	      "Its entity id") \
	FIELD(CONNECTOR, connector_process_name, str, "docktrail.connector.process.name", \
	      "Its comm") \
	FIELD(CONNECTOR, connector_process_executable, str, "docktrail.connector.process.executable", \
	      "Its program") \
	FIELD(CONNECTOR, connector_user_id, str, "docktrail.connector.user.id", "Its uid") \
	FIELD(CONNECTOR, connector_user_name, str, "docktrail.connector.user.name", "Its user") \
	FIELD(PROXY, proxy_listens, list, "docktrail.proxy.listens", \
	      "Where the sender (or whose worker it is) listens: it may pass on what others ask") \
	FIELD(PROXY, downstream_request_id, str, "docktrail.downstream.request.id", \
	      "The request to the proxy that it passed on here, where only one can be it") \
	FIELD(PROXY, downstream_process_pid, u64, "docktrail.downstream.process.pid", \
	      "Who sent that one") \
	FIELD(PROXY, downstream_process_entity_id, str, "docktrail.downstream.process.entity_id", \
	      "Its entity id") \
	FIELD(PROXY, downstream_process_name, str, "docktrail.downstream.process.name", \
	      "Its comm") \
	FIELD(PROXY, downstream_process_executable, str, \
	      "docktrail.downstream.process.executable", "Its program") \
	FIELD(PROXY, downstream_user_id, str, "docktrail.downstream.user.id", "Its uid") \
	FIELD(PROXY, downstream_user_name, str, "docktrail.downstream.user.name", "Its user") \
	FIELD(CONNECTION, connection_id, str, "docktrail.connection.id", \
	      "Joins connect, requests and close of one connection") \
	FIELD(CONNECTION, socket_path, str, "docktrail.socket.path", \
	      "Configured path of the socket, or what the caller named") \
	FIELD(CONNECTION, socket_inode, u64, "docktrail.socket.inode", \
	      "Inode of the socket's file") \
	FIELD(CONNECTION, socket_device, str, "docktrail.socket.device", \
	      "Its device, major:minor") \
	FIELD(CONNECTION, socket_address, str, "docktrail.socket.address", \
	      "Of a TCP listener: tcp://address:port, as the client reached it") \
	FIELD(CONNECTION, socket_protocol, str, "docktrail.socket.protocol", \
	      "http, tls, grpc or other, by the engine's first bytes; absent while it has not spoken") \
	FIELD(LISTENER, listener_reason, str, "docktrail.listener.reason", \
	      "What is known of it, and why it is worth telling") \
	FIELD(LISTENER, listener_previous_pid, u64, "docktrail.listener.previous.process.pid", \
	      "Who listened there before, where that is somebody else") \
	FIELD(LISTENER, listener_previous_executable, str, \
	      "docktrail.listener.previous.process.executable", "Its program") \
	FIELD(LISTENER, listener_previous_user_id, str, "docktrail.listener.previous.user.id", \
	      "Its user") \
	FIELD(REQUEST, request_id, str, "docktrail.request.id", \
	      "Joins a request and its late answer; `-unseen-` where only an answer was seen") \
	FIELD(REQUEST, api_operation, str, "docktrail.api.operation", "Docker's operationId") \
	FIELD(REQUEST, api_version, str, "docktrail.api.version", "API version in the path") \
	FIELD(REQUEST, api_state, str, "docktrail.api.state", \
	      "complete, pending, truncated, ambiguous, hijacked, http2 or encrypted") \
	FIELD(REQUEST, api_reason, str, "docktrail.api.reason", \
	      "Why it is ambiguous or truncated, or what else is odd about it") \
	FIELD(REQUEST, api_raw, str, "docktrail.api.raw", \
	      "Start of what was received, where it is ambiguous; secrets masked") \
	FIELD(REQUEST, api_form, str, "docktrail.api.form", \
	      "Parameters out of a body that is a form, as in url.query; they go before those") \
	FIELD(TARGET, target_type, str, "docktrail.target.type", \
	      "container, image, volume, network, exec, ...") \
	FIELD(TARGET, target_id, str, "docktrail.target.id", "Its id, whole where it is known") \
	FIELD(TARGET, target_name, str, "docktrail.target.name", "Its name") \
	FIELD(DECLARED, declared_name, str, "docktrail.declared.name", \
	      "Name that a container is to have from then on") \
	FIELD(DECLARED, declared_image, str, "docktrail.declared.image", \
	      "Image: of a container; or that is built, pulled, pushed, imported or committed") \
	FIELD(DECLARED, declared_source, str, "docktrail.declared.source", \
	      "Where a build or an import comes from; user information masked") \
	FIELD(DECLARED, declared_container, str, "docktrail.declared.container", \
	      "Container that joins or leaves a network, or is committed") \
	FIELD(DECLARED, declared_command, list, "docktrail.declared.command", \
	      "Entrypoint and command, secrets masked") \
	FIELD(DECLARED, declared_healthcheck, list, "docktrail.declared.healthcheck", \
	      "Command that checks the container's health, secrets masked") \
	FIELD(DECLARED, declared_user, str, "docktrail.declared.user", "User inside") \
	FIELD(DECLARED, declared_privileged, bool, "docktrail.declared.privileged", \
	      "--privileged") \
	FIELD(DECLARED, declared_environment, list, "docktrail.declared.environment", \
	      "Names of environment variables; values are never kept") \
	FIELD(DECLARED, declared_namespaces_pid, str, "docktrail.declared.namespaces.pid", \
	      "PidMode") \
	FIELD(DECLARED, declared_namespaces_net, str, "docktrail.declared.namespaces.net", \
	      "NetworkMode") \
	FIELD(DECLARED, declared_namespaces_ipc, str, "docktrail.declared.namespaces.ipc", \
	      "IpcMode") \
	FIELD(DECLARED, declared_namespaces_uts, str, "docktrail.declared.namespaces.uts", \
	      "UTSMode") \
	FIELD(DECLARED, declared_namespaces_user, str, "docktrail.declared.namespaces.user", \
	      "UsernsMode") \
	FIELD(DECLARED, declared_namespaces_cgroup, str, "docktrail.declared.namespaces.cgroup", \
	      "CgroupnsMode") \
	FIELD(DECLARED, declared_mounts_type, list, "docktrail.declared.mounts[].type", \
	      "bind, volume, tmpfs, npipe or cluster") \
	FIELD(DECLARED, declared_mounts_source, list, "docktrail.declared.mounts[].source", \
	      "Folder or volume on the host") \
	FIELD(DECLARED, declared_mounts_target, list, "docktrail.declared.mounts[].target", \
	      "Where it appears inside") \
	FIELD(DECLARED, declared_mounts_mode, list, "docktrail.declared.mounts[].mode", \
	      "ro, rw and further options") \
	FIELD(DECLARED, declared_volumes_from, list, "docktrail.declared.volumes_from", \
	      "Containers whose mounts are taken over") \
	FIELD(DECLARED, declared_devices, list, "docktrail.declared.devices", \
	      "Devices of the host, by path") \
	FIELD(DECLARED, declared_capabilities_add, list, "docktrail.declared.capabilities.add", \
	      "CapAdd, as the engine understands it: ALL or CAP_...") \
	FIELD(DECLARED, declared_capabilities_drop, list, "docktrail.declared.capabilities.drop", \
	      "CapDrop, likewise") \
	FIELD(DECLARED, declared_security_options, list, "docktrail.declared.security_options", \
	      "SecurityOpt") \
	FIELD(DECLARED, declared_sysctls, list, "docktrail.declared.sysctls", \
	      "Sysctls as name=value") \
	FIELD(DECLARED, declared_ports, list, "docktrail.declared.ports", \
	      "Published ports as address:port:port/protocol, the container's last") \
	FIELD(DECLARED, declared_networks, list, "docktrail.declared.networks", \
	      "Networks that are joined") \
	FIELD(DECLARED, declared_driver, str, "docktrail.declared.driver", \
	      "Driver of a volume, a network or a secret") \
	FIELD(DECLARED, declared_driver_options, list, "docktrail.declared.driver_options", \
	      "Its options as name=value; values that may be secret by length only") \
	FIELD(DECLARED, declared_labels, list, "docktrail.declared.labels", \
	      "Names of labels; values by length only") \
	FIELD(DECLARED, declared_secrets, list, "docktrail.declared.secrets", \
	      "Secrets that a service is given, by name") \
	FIELD(DECLARED, declared_configs, list, "docktrail.declared.configs", \
	      "Configs that a service is given, by name") \
	FIELD(DECLARED, declared_privileges, list, "docktrail.declared.privileges", \
	      "What a plugin is granted, as name=value") \
	FIELD(DECLARED, declared_settings, list, "docktrail.declared.settings", \
	      "Further settings as Name=value, by the engine's names; unset ones are left out") \
	FIELD(DECLARED, declared_cut, bool, "docktrail.declared.cut", \
	      "true where more was declared than is kept") \
	FIELD(DECLARED, declared_repeated, bool, "docktrail.declared.repeated", \
	      "true where a name occurs twice in one object: the last counts, readers may differ") \
	FIELD(TRAFFIC, close_requests, u64, "docktrail.close.requests", \
	      "Requests that it carried") \
	FIELD(TRAFFIC, close_bytes_sent, u64, "docktrail.close.bytes_sent", \
	      "Bytes that the engine took from the client") \
	FIELD(TRAFFIC, close_bytes_received, u64, "docktrail.close.bytes_received", \
	      "Bytes that the client took from the engine") \
	FIELD(TRAFFIC, close_duration, u64, "docktrail.close.duration", \
	      "Nanoseconds from the connect") \
	FIELD(AUDIT, audit_serial, u64, "docktrail.audit.serial", "Serial of the kernel's event") \
	FIELD(AUDIT, audit_types, list, "docktrail.audit.types", "Kinds of its records, as they came") \
	FIELD(AUDIT, audit_keys, list, "docktrail.audit.keys", "Keys of the rule that recorded it") \
	FIELD(AUDIT, audit_syscall, str, "docktrail.audit.syscall", "System call") \
	FIELD(AUDIT, audit_error, str, "docktrail.audit.error", "errno of its refusal, by name") \
	FIELD(AUDIT, audit_operation, str, "docktrail.audit.operation", \
	      "What was done: write, create, delete, rename, ...; of rules what the kernel calls it") \
	FIELD(AUDIT, audit_folder, str, "docktrail.audit.folder", \
	      "Working folder, for names that are relative") \
	FIELD(AUDIT, audit_paths_name, list, "docktrail.audit.paths[].name", \
	      "Every name that the call looked up, as it was given") \
	FIELD(AUDIT, audit_paths_inode, list, "docktrail.audit.paths[].inode", "Its inode") \
	FIELD(AUDIT, audit_paths_device, list, "docktrail.audit.paths[].device", \
	      "Its device, major:minor") \
	FIELD(AUDIT, audit_paths_type, list, "docktrail.audit.paths[].type", \
	      "PARENT, NORMAL, CREATE, DELETE or UNKNOWN") \
	FIELD(AUDIT, audit_command, list, "docktrail.audit.command", \
	      "Command line that was run, or what the process says of its own; secrets masked") \
	FIELD(AUDIT, audit_message, str, "docktrail.audit.message", \
	      "What the record says, secrets masked") \
	FIELD(AUDIT, audit_untrusted, bool, "docktrail.audit.untrusted", \
	      "true where that is the word of the process, which may say anything") \
	FIELD(AUDIT, audit_cut, bool, "docktrail.audit.cut", "true where not all of it came, or is kept") \
	FIELD(DRIFT, drift_changed, list, "docktrail.drift.changed", \
	      "What is different: contents, mode, owner, file (another inode), mount, type, gone, new; inode: only the time of its last change, where nothing was read") \
	DRIFT_FIELDS(FIELD, before, "At the last look") \
	DRIFT_FIELDS(FIELD, after, "Now") \
	FIELD(DRIFT, drift_diff, list, "docktrail.drift.diff", \
	      "Lines that went (-) and came (+), secrets masked; of configuration and units") \
	FIELD(DRIFT, drift_diff_cut, bool, "docktrail.drift.diff_cut", \
	      "true where there are more lines, or longer ones") \
	FIELD(DRIFT, drift_hit, u64, "docktrail.drift.hit", \
	      "event.sequence of the watch-hit that tells who did it; absent: nobody was seen") \
	FIELD(IMPORT, import_records, u64, "docktrail.import.records", "Records in it") \
	FIELD(IMPORT, import_events, u64, "docktrail.import.events", "Events that were made of them") \
	FIELD(IMPORT, import_bad, u64, "docktrail.import.bad", "Lines that are no records") \
	FIELD(IMPORT, import_first, time, "docktrail.import.first", "Time of its first record") \
	FIELD(IMPORT, import_last, time, "docktrail.import.last", "Time of its last record") \
	FIELD(LOSS, loss_reason, str, "docktrail.loss.reason", \
	      "What was lost, and why: see Losses") \
	FIELD(LOSS, loss_ring, str, "docktrail.loss.ring", "Which ring or queue") \
	FIELD(LOSS, loss_records, u64, "docktrail.loss.records", "Records that were lost") \
	FIELD(LOSS, loss_turns, u64, "docktrail.loss.turns", \
	      "Turns of clients that were lost: requests, for a client that does not pipeline") \
	FIELD(LOSS, loss_bytes, u64, "docktrail.loss.bytes", "Bytes that were lost or cut") \
	FIELD(RECORDER, recorder_version, str, "docktrail.recorder.version", \
	      "Version of docktrail") \
	FIELD(RECORDER, recorder_kernel, str, "docktrail.recorder.kernel", \
	      "Release of the kernel") \
	FIELD(RECORDER, recorder_reason, str, "docktrail.recorder.reason", \
	      "What happened, for people") \
	FIELD(RECORDER, recorder_hooks, list, "docktrail.recorder.hooks", \
	      "Hooks in force, as purpose=hook") \
	FIELD(RECORDER, recorder_proven, list, "docktrail.recorder.proven", \
	      "When each hook was last run by what it has to see, as hook=time; `silent` behind it: not at the last try") \
	FIELD(RECORDER, recorder_blind, list, "docktrail.recorder.blind", \
	      "What these hooks cannot see") \
	FIELD(RECORDER, recorder_sockets, list, "docktrail.recorder.sockets", \
	      "Sockets watched, as path=inode or path=absent") \
	FIELD(RECORDER, recorder_root, str, "docktrail.recorder.root", \
	      "Fingerprint of the trail's first key") \
	FIELD(RECORDER, recorder_schema, list, "docktrail.recorder.schema", \
	      "Fields of this version, as path:type") \
	FIELD(RECORDER, recorder_events, u64, "docktrail.recorder.events", \
	      "Events written since the start") \
	FIELD(RECORDER, recorder_connections, u64, "docktrail.recorder.connections", \
	      "Connections open now") \
	FIELD(RECORDER, recorder_commit_ns, u64, "docktrail.recorder.commit_ns", \
	      "Duration of the last commit") \
	FIELD(RECORDER, recorder_commit_longest_ns, u64, "docktrail.recorder.commit_longest_ns", \
	      "Longest commit since the last heartbeat") \
	FIELD(RECORDER, recorder_memory_bytes, u64, "docktrail.recorder.memory_bytes", \
	      "Resident memory") \
	FIELD(RECORDER, recorder_clock_synchronised, bool, "docktrail.recorder.clock.synchronised", \
	      "Whether the kernel's clock is disciplined (adjtimex)") \
	FIELD(RECORDER, recorder_clock_error_ns, u64, "docktrail.recorder.clock.error_ns", \
	      "Its estimated error") \
	FIELD(RECORDER, recorder_clock_step_ns, i64, "docktrail.recorder.clock.step_ns", \
	      "By how much the clock was set") \
	FIELD(RECORDER, recorder_torn_bytes, u64, "docktrail.recorder.torn_bytes", \
	      "Bytes cut off an unfinished end and kept in torn/") \
	FIELD(RECORDER, recorder_old_reason, str, "docktrail.recorder.old.reason", \
	      "Why the trail before this one could not be continued: see the trail's format") \
	FIELD(RECORDER, recorder_old_folder, str, "docktrail.recorder.old.folder", \
	      "Where it lies, in the trail's folder") \
	FIELD(RECORDER, recorder_old_trail, str, "docktrail.recorder.old.trail", "Its id") \
	FIELD(RECORDER, recorder_old_frame, u64, "docktrail.recorder.old.frame", \
	      "The last frame that could be read there") \
	FIELD(RECORDER, recorder_old_hash, str, "docktrail.recorder.old.hash", "Its hash") \
	FIELD(RECORDER, recorder_old_key_frame, u64, "docktrail.recorder.old.key_frame", \
	      "The frame that its key followed on: it had at least as many") \
	FIELD(RECORDER, recorder_old_key_hash, str, "docktrail.recorder.old.key_hash", \
	      "The hash of that frame") \
	FIELD(RECORDER, recorder_pruned_class, str, "docktrail.recorder.pruned.class", \
	      "Of which frames payloads are dropped: `routine` or `evidence`") \
	FIELD(RECORDER, recorder_pruned_before, u64, "docktrail.recorder.pruned.before_frame", \
	      "They come before this frame") \
	FIELD(RECORDER, recorder_pruned_frames, u64, "docktrail.recorder.pruned.frames", \
	      "How many frames it were that still had one") \
	FIELD(RECORDER, recorder_pruned_events, u64, "docktrail.recorder.pruned.events", \
	      "Their events") \
	FIELD(RECORDER, recorder_pruned_bytes, u64, "docktrail.recorder.pruned.bytes", \
	      "Bytes that their payloads took on the disk") \
	FIELD(RECORDER, recorder_pruned_first, time, "docktrail.recorder.pruned.first", \
	      "When the first of these frames was made") \
	FIELD(RECORDER, recorder_pruned_last, time, "docktrail.recorder.pruned.last", \
	      "When the last of them was") \
	FIELD(HEAD, source, str, "docktrail.source", "The hook that saw it, or `recorder`") \
	FIELD(HEAD, witness, str, "docktrail.witness", "bpf, audit or both") \
	FIELD(HEAD, witness_reason, str, "docktrail.witness_reason", \
	      "Why only one of both saw it, where that is known")

/*
 * What the probes say. A message is one ring record: wire_header, the members of its WIRE_ list, then a
 * tail of bytes that its `str` members point into.
 *
 *    name           ring   what it means
 */
#define MESSAGES(MESSAGE) \
	MESSAGE(socket_connect, state, "connect to a watched listener, or its refusal") \
	MESSAGE(socket_present, state, "a connection that was open before the probes") \
	MESSAGE(socket_close, state, "one end of a watched connection was released") \
	MESSAGE(engine_listen, state, "an engine listens, or was found listening") \
	MESSAGE(tcp_client, state, "a process of this host has connected to an engine's TCP port") \
	MESSAGE(tcp_accept, state, "an engine's TCP listener has a new connection") \
	MESSAGE(socket_sender, api, "from this byte on, this process sends") \
	MESSAGE(socket_piece, api, "bytes of a conversation, as the receiver took them") \
	MESSAGE(container_start, state, "the first process of a container runs its program") \
	MESSAGE(container_exec, state, "a process enters a container that is no child of its first one") \
	MESSAGE(container_exit, state, "the first process of a container ended") \
	MESSAGE(namespace_change, state, "a process is in other namespaces than before") \
	MESSAGE(capability_use, state, "a program in a container uses a capability for the first time") \
	MESSAGE(oom_kill, state, "the kernel kills a process for memory") \
	MESSAGE(process_exec, noise, "a process runs another program") \
	MESSAGE(process_fork, noise, "a process was made") \
	MESSAGE(process_exit, noise, "a process ended")

/*
 * Members of each message. CARRY(type, field) is a field of FIELDS by its name and goes into the event's
 * line with no other edit; MEMBER(type, name) is for the correlation only.
 * Types: u8 u16 u32 u64 i32, str (offset and length in the tail), task (struct wire_task, who).
 */
#define WIRE_socket_connect(MEMBER, CARRY) \
	MEMBER(task, task) \
	MEMBER(u64, connection) \
	CARRY(u64, socket_inode) \
	MEMBER(u32, device) \
	MEMBER(i32, error) \
	MEMBER(u32, listener) /* pid of who called listen(2); 0 where it was refused */ \
	MEMBER(str, path)

#define WIRE_socket_present(MEMBER, CARRY) \
	MEMBER(u64, connection) \
	CARRY(u64, socket_inode) \
	MEMBER(u32, device) \
	MEMBER(u32, pid) /* who connected; /proc tells the rest, if it is still there */ \
	MEMBER(u32, listener) /* as in socket_connect */

#define WIRE_socket_close(MEMBER, CARRY) \
	MEMBER(u64, connection) \
	MEMBER(u64, sent)     /* bytes that this end sent, whether its peer has taken them or not */ \
	MEMBER(u32, turns)    /* turns begun in that direction so far */ \
	MEMBER(u8, direction) /* which end: the one that sends in this direction */

#define WIRE_engine_listen(MEMBER, CARRY) \
	MEMBER(task, task)      /* who called listen(2); where it was found, who holds it */ \
	MEMBER(u64, cookie)     /* the socket's own number: no two have the same */ \
	CARRY(u64, socket_inode) /* of a unix socket's file */ \
	MEMBER(u32, device) \
	MEMBER(u32, opener)     /* pid of who called listen(2); unix only */ \
	MEMBER(u32, network)    /* inum of the socket's network namespace */ \
	MEMBER(u32, own_network) /* of its process's own */ \
	MEMBER(u16, family) \
	MEMBER(u16, port) \
	MEMBER(u8, why)         /* WIRE_LISTEN_...; TCP only */ \
	MEMBER(u8, found)       /* by a look at what was there */ \
	MEMBER(str, name)       /* as the server typed it at bind(2); unix only */ \
	MEMBER(str, address)    /* 16 bytes; TCP only */

#define WIRE_tcp_client(MEMBER, CARRY) \
	MEMBER(task, task) \
	MEMBER(u16, port)       /* its own */ \
	MEMBER(u16, peer_port) \
	MEMBER(str, local)      /* 16 bytes; IPv4 as ::ffff:a.b.c.d */ \
	MEMBER(str, peer)

#define WIRE_tcp_accept(MEMBER, CARRY) \
	MEMBER(u64, connection) \
	MEMBER(u64, opened)     /* boot clock; it may be told much later: as the engine first reads */ \
	MEMBER(u64, listener)   /* its cookie; 0: not known */ \
	MEMBER(u32, network) \
	MEMBER(u16, port)       /* the engine's */ \
	MEMBER(u16, peer_port) \
	MEMBER(u8, present)     /* was open before recording began */ \
	MEMBER(str, local)      /* 16 bytes; IPv4 as ::ffff:a.b.c.d */ \
	MEMBER(str, peer)

#define WIRE_socket_sender(MEMBER, CARRY) \
	MEMBER(task, task) \
	MEMBER(u64, connection) \
	MEMBER(u64, inode) \
	MEMBER(u32, device) \
	MEMBER(u32, connector) /* pid of who connected */ \
	MEMBER(u64, offset)    /* in the client's stream: bytes queued before this send */

#define WIRE_socket_piece(MEMBER, CARRY) \
	MEMBER(u64, connection) \
	MEMBER(u64, offset)   /* of its first byte in this direction's stream */ \
	MEMBER(u64, inode)    /* of the listener: a connection may become known by its bytes */ \
	MEMBER(u32, device) \
	MEMBER(u32, length)   /* bytes that the receiver took */ \
	MEMBER(u32, turn)     /* in this direction; a turn begins after the other side spoke */ \
	MEMBER(u32, connector) /* pid of who connected */ \
	MEMBER(u8, direction) \
	MEMBER(u8, flags) \
	MEMBER(str, data)     /* shorter than `length` where it was cut */

/* Behind the process_exec of the same process, which then is in the same ring. */
#define WIRE_container_start(MEMBER, CARRY) \
	MEMBER(task, task) \
	MEMBER(u64, capabilities_permitted) \
	MEMBER(u64, capabilities_effective) \
	MEMBER(u64, capabilities_bounding) \
	MEMBER(u64, capabilities_ambient) \
	MEMBER(u64, memory_most)  /* pages; WIRE_NO_LIMIT */ \
	MEMBER(u64, pids_most)    /* WIRE_NO_LIMIT */ \
	MEMBER(u64, cpu_quota)    /* ns of each period; WIRE_NO_LIMIT */ \
	MEMBER(u64, cpu_period)   /* ns */ \
	MEMBER(u32, seccomp_filters) \
	MEMBER(u8, seccomp)       /* mode: 0 none, 1 strict, 2 filters */ \
	MEMBER(u8, no_new_privileges) \
	MEMBER(u8, uid_extents)   /* of the user namespace's maps; more than WIRE_EXTENTS are cut */ \
	MEMBER(u8, gid_extents) \
	MEMBER(u8, present)       /* it was there before the probes */ \
	MEMBER(u8, doubts)        /* WIRE_DOUBT_... */ \
	MEMBER(u8, mounts_cut)    /* there are more than WIRE_MOUNTS */ \
	MEMBER(str, mounts)       /* struct wire_mount: what it has of the host */ \
	MEMBER(str, mount_names)  /* and how that is called */ \
	MEMBER(str, uid_map)      /* struct wire_extent, one behind the other */ \
	MEMBER(str, gid_map)

#define WIRE_container_exec(MEMBER, CARRY) \
	MEMBER(task, task) \
	MEMBER(u8, how)           /* WIRE_ENTRY_... */

#define WIRE_container_exit(MEMBER, CARRY) \
	MEMBER(task, task) \
	MEMBER(u64, began)        /* boot clock: when its container_start was told */ \
	MEMBER(i32, status)       /* as wait(2) gives it */ \
	MEMBER(u8, out_of_memory) /* a process in it was killed for memory */

/* Of a process in a container, or of one that came into a container's namespaces. */
#define WIRE_namespace_change(MEMBER, CARRY) \
	MEMBER(task, task) /* with those that it is in now */ \
	MEMBER(u8, how)    /* WIRE_CHANGE_... */ \
	MEMBER(str, before) /* WIRE_NAMESPACES numbers of 32 bits */

#define WIRE_capability_use(MEMBER, CARRY) \
	MEMBER(task, task) \
	MEMBER(u64, inode)          /* as in struct wire_capability */ \
	MEMBER(u32, device) \
	MEMBER(u32, user_namespace) \
	MEMBER(u16, capability) \
	MEMBER(u8, denied) \
	MEMBER(u8, borrowed)

/* Memory is counted in pages. */
#define WIRE_oom_kill(MEMBER, CARRY) \
	MEMBER(task, task)        /* the victim */ \
	MEMBER(task, trigger) \
	MEMBER(u64, limit)        /* of the innermost control group that had used up its own; */ \
	MEMBER(u64, usage)        /* 0: none had */ \
	MEMBER(u64, anonymous) \
	MEMBER(u64, file) \
	MEMBER(u64, shared) \
	MEMBER(i32, score_adjustment)

#define WIRE_process_exec(MEMBER, CARRY) \
	MEMBER(task, task) \
	MEMBER(u32, args_length) /* of the whole command line; `args` may have less */ \
	MEMBER(str, executable) \
	MEMBER(str, args) /* separated by NUL */

#define WIRE_process_fork(MEMBER, CARRY) \
	MEMBER(task, task) /* the child */ \
	MEMBER(u64, parent_start)

#define WIRE_process_exit(MEMBER, CARRY) \
	MEMBER(u64, start) \
	MEMBER(u32, pid) \
	MEMBER(i32, status) /* as wait(2) gives it */

/*
 * Why something that a probe saw did not reach userspace whole. Counted in the kernel by message and
 * reason, with records, turns and bytes.
 */
#define LOSSES(LOSS) \
	LOSS(ring_full, "the ring was full: the reader was too slow or was stopped") \
	LOSS(share, "the ring was half full, and this user had told more than a share of it") \
	LOSS(no_memory, "the kernel had no memory to mark a socket or a process") \
	LOSS(unreadable, "the bytes could not be read out of the kernel's buffer") \
	LOSS(volume, "more than the bound on volume of one turn: length only, by design") \
	LOSS(stream, "a hijacked stream: length only, by design") \
	LOSS(no_place, "no place for one more: a listener with an engine's name (each time it is found again), a container, a kind of capability use")
