// SPDX-License-Identifier: Apache-2.0
/* Who: users, the login, the terminal, namespaces and the container of a process. */
#include "tests/bpf/program.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

static int take_login(const struct program *program)
{
	int fd = open("/proc/self/loginuid", O_WRONLY | O_CLOEXEC);

	return fd >= 0 && write(fd, "1234", 4) == 4 ? 0 : -1;
}

static void the_login_is_told(struct scene *scene, const void *argument)
{
	struct program program = { actor_path("leave"), .before = take_login };
	const struct wire_process_exec *exec;

	if (access("/proc/self/loginuid", W_OK) < 0) {
		print_message("# skip: this kernel keeps no login uid\n");
		skip();
	}
	exec = exec_of(scene, &program);
	assert_int_equal(exec->task.login_uid, 1234);
	assert_int_not_equal(exec->task.session, WIRE_UNSET);
	assert_int_equal(exec->task.uid, 0);
}

static int become_somebody(const struct program *program)
{
	return setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0;
}

static void a_setuid_program_has_two_users(struct scene *scene, const void *argument)
{
	char path[100];
	struct program program = { path, .before = become_somebody };
	const struct wire_process_exec *exec;

	snprintf(path, sizeof(path), "%s/setuid", scene->folder);
	copy_actor("leave", path, 04755);
	exec = exec_of(scene, &program);
	assert_int_equal(exec->task.uid, NOBODY);
	assert_int_equal(exec->task.gid, NOBODY);
	assert_int_equal(exec->task.effective_uid, 0);
	assert_int_equal(exec->task.effective_gid, NOBODY);
	assert_string_equal(exec->task.name, "setuid");
	assert_true(record_is(&exec->header, exec->executable, path));
}

static int take_terminal(const struct program *program)
{
	int fd;

	if (setsid() < 0)
		return -1;
	fd = open(program->context, O_RDWR | O_CLOEXEC | O_NOCTTY);
	return fd >= 0 ? ioctl(fd, TIOCSCTTY, 0) : -1;
}

static int leave_terminal(const struct program *program)
{
	return setsid() < 0;
}

static void the_terminal_is_told(struct scene *scene, const void *argument)
{
	int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct program with = { .before = take_terminal }, without = { .before = leave_terminal };
	char name[32], kernels[32];

	assert_true(terminal >= 0);
	assert_int_equal(grantpt(terminal), 0);
	assert_int_equal(unlockpt(terminal), 0);
	assert_int_equal(ptsname_r(terminal, name, sizeof(name)), 0);
	with.path = without.path = actor_path("leave");
	with.context = name;
	/* "/dev/pts/3": the kernel's own name of it is "pts3". */
	snprintf(kernels, sizeof(kernels), "pts%s", strrchr(name, '/') + 1);
	assert_string_equal(exec_of(scene, &with)->task.tty, kernels);
	assert_string_equal(exec_of(scene, &without)->task.tty, "");
	close(terminal);
}

static int leave_two_namespaces(const struct program *program)
{
	return unshare(CLONE_NEWNS | CLONE_NEWUTS);
}

static void namespaces_are_compared_with_the_hosts(struct scene *scene, const void *argument)
{
	struct program within = { actor_path("leave"), .before = leave_two_namespaces },
		       outside = { .path = actor_path("leave") };
	const struct wire_process_exec *exec;
	uint32_t host[WIRE_NAMESPACES], mine[WIRE_NAMESPACES];

	assert_int_equal(bpf_source_host_namespaces(scene->source, host), 0);
	memcpy(mine, exec_of(scene, &outside)->task.namespaces, sizeof(mine));
	exec = exec_of(scene, &within);
	for (int i = 0; i < WIRE_NAMESPACES; i++) {
		assert_int_not_equal(host[i], 0);
		if (i == WIRE_NS_MNT || i == WIRE_NS_UTS) {
			assert_int_not_equal(exec->task.namespaces[i], host[i]);
			assert_int_not_equal(exec->task.namespaces[i], mine[i]);
		} else {
			assert_int_equal(exec->task.namespaces[i], mine[i]);
		}
	}
	/* What is numbered at the kernel's start is the same on every machine (proc_ns.h). */
	assert_int_equal(host[WIRE_NS_PID], 0xeffffffcu);
	assert_int_equal(host[WIRE_NS_UTS], 0xeffffffeu);
	assert_int_equal(host[WIRE_NS_USER], 0xeffffffdu);
}

/* ---- containers */

#define CONTAINER_ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const char *cgroup_root(void)
{
	return access("/sys/fs/cgroup/cgroup.procs", W_OK) == 0 ? "/sys/fs/cgroup"
								: "/sys/fs/cgroup/unified";
}

static int enter_cgroup(const struct program *program)
{
	char path[300];
	int fd;

	snprintf(path, sizeof(path), "%s/cgroup.procs", (const char *)program->context);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd >= 0 && write(fd, "0", 1) == 1 ? 0 : -1;
}

/* Run a program in ROOT/parent/name[/below] and say in which container it was. */
static void container_of(struct scene *scene, const char *const names[3], char ret[65])
{
	char paths[3][256];
	struct program program = { actor_path("leave"), .before = enter_cgroup };
	bool made[3] = {};
	int levels = 0;
	pid_t pid;

	for (; levels < 3 && names[levels]; levels++) {
		snprintf(paths[levels], sizeof(paths[0]), "%.150s/%s",
			 levels ? paths[levels - 1] : cgroup_root(), names[levels]);
		made[levels] = mkdir(paths[levels], 0755) == 0;
		if (!made[levels] && errno != EEXIST) {
			print_message("# skip: no cgroup can be made at %s: %s\n", paths[levels],
				      strerror(errno));
			skip();
		}
	}
	program.context = paths[levels - 1];
	pid = process_do(run_program, &program);
	while (levels-- > 0)
		if (made[levels])
			rmdir(paths[levels]);
	scene_settle(scene);
	memcpy(ret, only_exec(scene, pid)->task.container, WIRE_CONTAINER);
	ret[WIRE_CONTAINER] = 0;
}

static void the_container_is_in_the_name_of_the_cgroup(struct scene *scene, const void *argument)
{
	char id[65];

	container_of(scene, (const char *[3]){ "docker", CONTAINER_ID }, id);
	assert_string_equal(id, CONTAINER_ID);
	container_of(scene, (const char *[3]){ "docker", CONTAINER_ID, "init" }, id);
	assert_string_equal(id, CONTAINER_ID);
	container_of(scene, (const char *[3]){ "docktrail.slice", "docker-" CONTAINER_ID ".scope" },
		     id);
	assert_string_equal(id, CONTAINER_ID);
	container_of(scene,
		     (const char *[3]){ "docktrail.slice", "libpod-" CONTAINER_ID ".scope",
					"container" },
		     id);
	assert_string_equal(id, CONTAINER_ID);
	container_of(scene, (const char *[3]){ "docktrail.slice", "conmon" CONTAINER_ID }, id);
	assert_string_equal(id, CONTAINER_ID);
}

static void what_is_no_container_has_no_id(struct scene *scene, const void *argument)
{
	struct program program = { .path = actor_path("leave") };
	char id[65];

	container_of(scene, (const char *[3]){ "docktrail.slice", CONTAINER_ID + 1 }, id);
	assert_string_equal(id, "");
	container_of(scene, (const char *[3]){ "docktrail.slice", "g" CONTAINER_ID "g" }, id);
	assert_string_equal(id, "");
	/* The monitor of a container is not in it. */
	container_of(scene,
		     (const char *[3]){ "docktrail.slice", "libpod-conmon-" CONTAINER_ID ".scope" },
		     id);
	assert_string_equal(id, "");
	container_of(scene, (const char *[3]){ "docktrail.slice", "conmon-" CONTAINER_ID }, id);
	assert_string_equal(id, "");
	assert_int_equal(exec_of(scene, &program)->task.container[0], 0);
}

int main(void)
{
	static const struct scene_test tests[] = {
		SCENE_TEST(the_login_is_told),
		SCENE_TEST(a_setuid_program_has_two_users),
		SCENE_TEST(the_terminal_is_told),
		SCENE_TEST(namespaces_are_compared_with_the_hosts),
		SCENE_TEST(the_container_is_in_the_name_of_the_cgroup),
		SCENE_TEST(what_is_no_container_has_no_id),
	};
	static const struct scene_suite suite = { .name = "",
						  .tests = tests,
						  .count = ARRAY_SIZE(tests) };

	return scene_run(&suite);
}
