// SPDX-License-Identifier: Apache-2.0
#include "correlate/declare_table.h"

#include <string.h>

#include "base/cleanup.h"
#include "correlate/declare_private.h"

#define DECLARED(field) IN_DECLARED, offsetof(struct declared, field)
#define READER(field)   IN_READER, offsetof(struct declare, field)
#define HOST(field)     IN_HOST, offsetof(struct host, field)
#define ELEMENT(field)  IN_ELEMENT, offsetof(struct element, field)
#define NOWHERE         IN_READER, 0

/* A setting of what is declared, and of the host's part. */
#define SETTING(context, name)                                                                     \
	{                                                                                          \
		context, name, KEEP_SETTING, DECLARED(settings), 0, NULL                           \
	}
#define NAMED(context, name, label)                                                                \
	{                                                                                          \
		context, name, KEEP_SETTING, DECLARED(settings), 0, label                          \
	}
#define HOST_SETTING(context, name)                                                                \
	{                                                                                          \
		context, name, KEEP_SETTING, HOST(settings), 0, NULL                               \
	}
#define HOST_NAMED(context, name, label)                                                           \
	{                                                                                          \
		context, name, KEEP_SETTING, HOST(settings), 0, label                              \
	}
#define WITHIN(context, name, next)                                                                \
	{                                                                                          \
		context, name, KEEP_OBJECT, NOWHERE, next, NULL                                    \
	}
#define EACH(context, name, next)                                                                  \
	{                                                                                          \
		context, name, KEEP_EACH, NOWHERE, next, NULL                                      \
	}

/* clang-format off */
static const struct row rows[] = {
	{ CONTEXT_CONTAINER, "Image",	   KEEP_TEXT,  DECLARED(image),	      0, NULL },
	{ CONTEXT_CONTAINER, "User",	   KEEP_TEXT,  DECLARED(user),	      0, NULL },
	{ CONTEXT_CONTAINER, "Cmd",	   KEEP_LIST,  DECLARED(command),     0, NULL },
	{ CONTEXT_CONTAINER, "Entrypoint", KEEP_LIST,  READER(entrypoint),    0, NULL },
	{ CONTEXT_CONTAINER, "Env",	   KEEP_NAMES, DECLARED(environment), 0, NULL },
	{ CONTEXT_CONTAINER, "Volumes",	   KEEP_KEYS,  READER(volumes),	      0, NULL },
	{ CONTEXT_CONTAINER, "Labels",	   KEEP_LENGTHS, DECLARED(labels),    0, NULL },
	{ CONTEXT_CONTAINER, "HostConfig", KEEP_OBJECT, HOST(present),	      CONTEXT_HOST, NULL },
	WITHIN(CONTEXT_CONTAINER, "Healthcheck",      CONTEXT_HEALTH),
	WITHIN(CONTEXT_CONTAINER, "NetworkingConfig", CONTEXT_NETWORKING),
	SETTING(CONTEXT_CONTAINER, "WorkingDir"),
	SETTING(CONTEXT_CONTAINER, "NetworkDisabled"),
	{ CONTEXT_HEALTH, "Test", KEEP_LIST, DECLARED(healthcheck), 0, NULL },
	{ CONTEXT_NETWORKING, "EndpointsConfig", KEEP_KEYS, DECLARED(networks), 0, NULL },

	{ CONTEXT_HOST, "Privileged",	     KEEP_FLAG,	   HOST(privileged),		      0, NULL },
	{ CONTEXT_HOST, "PidMode",	     KEEP_TEXT,	   HOST(namespaces[DECLARED_PID]),    0, NULL },
	{ CONTEXT_HOST, "NetworkMode",	     KEEP_TEXT,	   HOST(namespaces[DECLARED_NET]),    0, NULL },
	{ CONTEXT_HOST, "IpcMode",	     KEEP_TEXT,	   HOST(namespaces[DECLARED_IPC]),    0, NULL },
	{ CONTEXT_HOST, "UTSMode",	     KEEP_TEXT,	   HOST(namespaces[DECLARED_UTS]),    0, NULL },
	{ CONTEXT_HOST, "UsernsMode",	     KEEP_TEXT,	   HOST(namespaces[DECLARED_USER]),   0, NULL },
	{ CONTEXT_HOST, "CgroupnsMode",	     KEEP_TEXT,	   HOST(namespaces[DECLARED_CGROUP]), 0, NULL },
	{ CONTEXT_HOST, "Binds",	     KEEP_LIST,	   HOST(binds),			      0, NULL },
	{ CONTEXT_HOST, "Mounts",	     KEEP_OBJECTS, HOST(mounts),	  CONTEXT_MOUNT, NULL },
	{ CONTEXT_HOST, "Tmpfs",	     KEEP_KEYS,	   HOST(tmpfs),			      0, NULL },
	{ CONTEXT_HOST, "VolumesFrom",	     KEEP_LIST,	   HOST(volumes_from),		      0, NULL },
	{ CONTEXT_HOST, "Devices",	     KEEP_OBJECTS, HOST(devices),	 CONTEXT_DEVICE, NULL },
	{ CONTEXT_HOST, "DeviceRequests",    KEEP_OBJECTS, HOST(requests),	CONTEXT_REQUEST, NULL },
	{ CONTEXT_HOST, "DeviceCgroupRules", KEEP_LIST,	   HOST(device_rules),		      0, NULL },
	{ CONTEXT_HOST, "CapAdd",	     KEEP_LIST,	   HOST(add),			      0, NULL },
	{ CONTEXT_HOST, "CapDrop",	     KEEP_LIST,	   HOST(drop),			      0, NULL },
	{ CONTEXT_HOST, "SecurityOpt",	     KEEP_OPTIONS, HOST(options),		      0, NULL },
	{ CONTEXT_HOST, "Sysctls",	     KEEP_PAIRS,   HOST(sysctls),		      0, NULL },
	{ CONTEXT_HOST, "MaskedPaths",	     KEEP_EMPTY,   HOST(masked_empty),		      0, NULL },
	{ CONTEXT_HOST, "ReadonlyPaths",     KEEP_EMPTY,   HOST(readonly_empty),	      0, NULL },
	{ CONTEXT_HOST, "PortBindings",	     KEEP_PORTS,   HOST(ports),		   CONTEXT_PORT, NULL },
	{ CONTEXT_HOST, "Annotations",	     KEEP_LENGTHS, HOST(settings), 0, "Annotation." },
	{ CONTEXT_HOST, "StorageOpt",	     KEEP_LENGTHS, HOST(settings), 0, "StorageOpt." },
	WITHIN(CONTEXT_HOST, "RestartPolicy", CONTEXT_RESTART),
	WITHIN(CONTEXT_HOST, "LogConfig",     CONTEXT_LOG),
	HOST_SETTING(CONTEXT_HOST, "AutoRemove"),	HOST_SETTING(CONTEXT_HOST, "VolumeDriver"),
	HOST_SETTING(CONTEXT_HOST, "PublishAllPorts"),	HOST_SETTING(CONTEXT_HOST, "ReadonlyRootfs"),
	HOST_SETTING(CONTEXT_HOST, "Runtime"),		HOST_SETTING(CONTEXT_HOST, "CgroupParent"),
	HOST_SETTING(CONTEXT_HOST, "Cgroup"),		HOST_SETTING(CONTEXT_HOST, "GroupAdd"),
	HOST_SETTING(CONTEXT_HOST, "ExtraHosts"),	HOST_SETTING(CONTEXT_HOST, "Dns"),
	HOST_SETTING(CONTEXT_HOST, "Links"),		HOST_SETTING(CONTEXT_HOST, "Init"),
	HOST_SETTING(CONTEXT_HOST, "OomKillDisable"),	HOST_SETTING(CONTEXT_HOST, "OomScoreAdj"),
	HOST_SETTING(CONTEXT_HOST, "ShmSize"),		HOST_SETTING(CONTEXT_HOST, "Memory"),
	HOST_SETTING(CONTEXT_HOST, "MemoryReservation"), HOST_SETTING(CONTEXT_HOST, "MemorySwap"),
	HOST_SETTING(CONTEXT_HOST, "KernelMemory"),	HOST_SETTING(CONTEXT_HOST, "NanoCpus"),
	HOST_SETTING(CONTEXT_HOST, "CpuShares"),	HOST_SETTING(CONTEXT_HOST, "CpuPeriod"),
	HOST_SETTING(CONTEXT_HOST, "CpuQuota"),		HOST_SETTING(CONTEXT_HOST, "CpuRealtimePeriod"),
	HOST_SETTING(CONTEXT_HOST, "CpuRealtimeRuntime"), HOST_SETTING(CONTEXT_HOST, "CpusetCpus"),
	HOST_SETTING(CONTEXT_HOST, "CpusetMems"),	HOST_SETTING(CONTEXT_HOST, "BlkioWeight"),
	{ CONTEXT_HOST, "PidsLimit",	     KEEP_LIMIT,   HOST(settings),		      0, NULL },
	HOST_NAMED(CONTEXT_RESTART, "Name", "RestartPolicy"),
	HOST_SETTING(CONTEXT_RESTART, "MaximumRetryCount"),
	HOST_NAMED(CONTEXT_LOG, "Type", "LogDriver"),
	{ CONTEXT_LOG, "Config", KEEP_LENGTHS, HOST(settings), 0, "LogOption." },
	{ CONTEXT_PORT, "HostIp",   KEEP_TEXT, ELEMENT(source), 0, NULL },
	{ CONTEXT_PORT, "HostPort", KEEP_TEXT, ELEMENT(target), 0, NULL },

	{ CONTEXT_EXEC, "Cmd",	      KEEP_LIST,  DECLARED(command),	 0, NULL },
	{ CONTEXT_EXEC, "User",	      KEEP_TEXT,  DECLARED(user),	 0, NULL },
	{ CONTEXT_EXEC, "Privileged", KEEP_FLAG,  HOST(privileged),	 0, NULL },
	{ CONTEXT_EXEC, "Env",	      KEEP_NAMES, DECLARED(environment), 0, NULL },
	SETTING(CONTEXT_EXEC, "WorkingDir"), SETTING(CONTEXT_EXEC, "Tty"),
	SETTING(CONTEXT_EXEC, "AttachStdin"),

	SETTING(CONTEXT_CHECKPOINT, "CheckpointID"), SETTING(CONTEXT_CHECKPOINT, "CheckpointDir"),
	SETTING(CONTEXT_CHECKPOINT, "Exit"),

	{ CONTEXT_VOLUME, "Name",	KEEP_TEXT,	     DECLARED(name),	       0, NULL },
	{ CONTEXT_VOLUME, "Driver",	KEEP_TEXT,	     DECLARED(driver),	       0, NULL },
	{ CONTEXT_VOLUME, "DriverOpts", KEEP_VOLUME_OPTIONS, DECLARED(driver_options), 0, NULL },
	{ CONTEXT_VOLUME, "Labels",	KEEP_LENGTHS,	     DECLARED(labels),	       0, NULL },
	WITHIN(CONTEXT_VOLUME, "ClusterVolumeSpec", CONTEXT_CLUSTER_SPEC),
	WITHIN(CONTEXT_CLUSTER_VOLUME, "Spec",	    CONTEXT_CLUSTER_SPEC),
	SETTING(CONTEXT_CLUSTER_SPEC, "Group"), SETTING(CONTEXT_CLUSTER_SPEC, "Availability"),

	{ CONTEXT_NETWORK, "Name",    KEEP_TEXT,	    DECLARED(name),	      0, NULL },
	{ CONTEXT_NETWORK, "Driver",  KEEP_TEXT,	    DECLARED(driver),	      0, NULL },
	{ CONTEXT_NETWORK, "Options", KEEP_NETWORK_OPTIONS, DECLARED(driver_options), 0, NULL },
	{ CONTEXT_NETWORK, "Labels",  KEEP_LENGTHS,	    DECLARED(labels),	      0, NULL },
	SETTING(CONTEXT_NETWORK, "Scope"),	SETTING(CONTEXT_NETWORK, "Internal"),
	SETTING(CONTEXT_NETWORK, "Attachable"), SETTING(CONTEXT_NETWORK, "Ingress"),
	SETTING(CONTEXT_NETWORK, "ConfigOnly"), SETTING(CONTEXT_NETWORK, "EnableIPv6"),
	WITHIN(CONTEXT_NETWORK, "ConfigFrom", CONTEXT_CONFIG_FROM),
	NAMED(CONTEXT_CONFIG_FROM, "Network", "ConfigFrom"),
	WITHIN(CONTEXT_NETWORK, "IPAM", CONTEXT_ADDRESSES),
	NAMED(CONTEXT_ADDRESSES, "Driver", "IPAMDriver"),
	EACH(CONTEXT_ADDRESSES, "Config", CONTEXT_POOL),
	SETTING(CONTEXT_POOL, "Subnet"), SETTING(CONTEXT_POOL, "IPRange"),
	SETTING(CONTEXT_POOL, "Gateway"),

	{ CONTEXT_MEMBER, "Container", KEEP_TEXT, DECLARED(container), 0, NULL },
	SETTING(CONTEXT_MEMBER, "Force"),
	WITHIN(CONTEXT_MEMBER, "EndpointConfig", CONTEXT_ENDPOINT),
	SETTING(CONTEXT_ENDPOINT, "Aliases"), SETTING(CONTEXT_ENDPOINT, "Links"),
	WITHIN(CONTEXT_ENDPOINT, "IPAMConfig", CONTEXT_ENDPOINT_ADDRESSES),
	SETTING(CONTEXT_ENDPOINT_ADDRESSES, "IPv4Address"),
	SETTING(CONTEXT_ENDPOINT_ADDRESSES, "IPv6Address"),

	{ CONTEXT_SERVICE, "Name",   KEEP_TEXT,	   DECLARED(name),     0, NULL },
	{ CONTEXT_SERVICE, "Labels", KEEP_LENGTHS, DECLARED(labels),   0, NULL },
	{ CONTEXT_SERVICE, "Mode",   KEEP_KEYS,	   DECLARED(settings), CONTEXT_MODE, "Mode" },
	WITHIN(CONTEXT_SERVICE, "TaskTemplate", CONTEXT_TASK),
	WITHIN(CONTEXT_SERVICE, "EndpointSpec", CONTEXT_PUBLISHED),
	EACH(CONTEXT_SERVICE, "Networks",	CONTEXT_ATTACHMENT),
	SETTING(CONTEXT_MODE, "Replicas"), SETTING(CONTEXT_MODE, "MaxConcurrent"),
	SETTING(CONTEXT_MODE, "TotalCompletions"),
	EACH(CONTEXT_PUBLISHED, "Ports", CONTEXT_SERVICE_PORT),
	{ CONTEXT_SERVICE_PORT, "PublishedPort", KEEP_NUMBER, ELEMENT(source),	 0, NULL },
	{ CONTEXT_SERVICE_PORT, "TargetPort",	 KEEP_NUMBER, ELEMENT(target),	 0, NULL },
	{ CONTEXT_SERVICE_PORT, "Protocol",	 KEEP_TEXT,   ELEMENT(protocol), 0, NULL },
	WITHIN(CONTEXT_TASK, "ContainerSpec", CONTEXT_SPEC),
	WITHIN(CONTEXT_TASK, "PluginSpec",    CONTEXT_PLUGIN),
	WITHIN(CONTEXT_TASK, "Placement",     CONTEXT_PLACEMENT),
	WITHIN(CONTEXT_TASK, "RestartPolicy", CONTEXT_CONDITION),
	WITHIN(CONTEXT_TASK, "LogDriver",     CONTEXT_LOG),
	EACH(CONTEXT_TASK, "Networks",	      CONTEXT_ATTACHMENT),
	SETTING(CONTEXT_TASK, "Runtime"), SETTING(CONTEXT_TASK, "ForceUpdate"),
	SETTING(CONTEXT_PLACEMENT, "Constraints"),
	NAMED(CONTEXT_CONDITION, "Condition", "RestartPolicy"),
	{ CONTEXT_ATTACHMENT, "Target", KEEP_ITEM, DECLARED(networks), 0, NULL },

	{ CONTEXT_SPEC, "Image",	  KEEP_TEXT,	DECLARED(image),       0, NULL },
	{ CONTEXT_SPEC, "User",		  KEEP_TEXT,	DECLARED(user),	       0, NULL },
	{ CONTEXT_SPEC, "Command",	  KEEP_LIST,	READER(entrypoint),    0, NULL },
	{ CONTEXT_SPEC, "Args",		  KEEP_LIST,	DECLARED(command),     0, NULL },
	{ CONTEXT_SPEC, "Env",		  KEEP_NAMES,	DECLARED(environment), 0, NULL },
	{ CONTEXT_SPEC, "Labels",	  KEEP_LENGTHS, DECLARED(labels),      0, NULL },
	{ CONTEXT_SPEC, "Mounts",	  KEEP_OBJECTS, HOST(mounts),	       CONTEXT_MOUNT, NULL },
	{ CONTEXT_SPEC, "CapabilityAdd",  KEEP_LIST,	HOST(add),	       0, NULL },
	{ CONTEXT_SPEC, "CapabilityDrop", KEEP_LIST,	HOST(drop),	       0, NULL },
	{ CONTEXT_SPEC, "Sysctls",	  KEEP_PAIRS,	HOST(sysctls),	       0, NULL },
	WITHIN(CONTEXT_SPEC, "Healthcheck", CONTEXT_HEALTH),
	WITHIN(CONTEXT_SPEC, "Privileges",  CONTEXT_SECURITY),
	EACH(CONTEXT_SPEC, "Secrets",	    CONTEXT_SECRET_GIVEN),
	EACH(CONTEXT_SPEC, "Configs",	    CONTEXT_CONFIG_GIVEN),
	NAMED(CONTEXT_SPEC, "Dir", "WorkingDir"),
	NAMED(CONTEXT_SPEC, "Groups", "GroupAdd"),
	NAMED(CONTEXT_SPEC, "Hosts", "ExtraHosts"),
	NAMED(CONTEXT_SPEC, "ReadOnly", "ReadonlyRootfs"),
	{ CONTEXT_SECRET_GIVEN, "SecretName", KEEP_ITEM, DECLARED(secrets), 0, NULL },
	{ CONTEXT_CONFIG_GIVEN, "ConfigName", KEEP_ITEM, DECLARED(configs), 0, NULL },
	WITHIN(CONTEXT_SECURITY, "SELinuxContext", CONTEXT_SELINUX),
	WITHIN(CONTEXT_SECURITY, "Seccomp",	   CONTEXT_SECCOMP),
	WITHIN(CONTEXT_SECURITY, "AppArmor",	   CONTEXT_APPARMOR),
	{ CONTEXT_SECURITY, "NoNewPrivileges", KEEP_WORD, HOST(options), 0, "no-new-privileges" },
	{ CONTEXT_SELINUX,  "Disable", KEEP_WORD,    HOST(options), 0, "label=disable" },
	{ CONTEXT_SECCOMP,  "Mode",    KEEP_SETTING, HOST(options), 0, "seccomp" },
	{ CONTEXT_APPARMOR, "Mode",    KEEP_SETTING, HOST(options), 0, "apparmor" },

	NAMED(CONTEXT_PLUGIN, "Name", "Plugin"),
	{ CONTEXT_PLUGIN, "Remote", KEEP_TEXT,	DECLARED(image),       0, NULL },
	{ CONTEXT_PLUGIN, "Env",    KEEP_NAMES, DECLARED(environment), 0, NULL },
	EACH(CONTEXT_PLUGIN, "Privileges", CONTEXT_PRIVILEGE),
	{ CONTEXT_PRIVILEGE, "Name",  KEEP_TEXT, ELEMENT(type),	  0, NULL },
	{ CONTEXT_PRIVILEGE, "Value", KEEP_LIST, ELEMENT(values), 0, NULL },
	EACH(CONTEXT_PRIVILEGES, "", CONTEXT_PRIVILEGE),
	{ CONTEXT_PLUGIN_SETTINGS, "", KEEP_PLUGIN_SETTING, DECLARED(settings), 0, NULL },

	{ CONTEXT_SECRET, "Name",   KEEP_TEXT,	  DECLARED(name),   0, NULL },
	{ CONTEXT_SECRET, "Labels", KEEP_LENGTHS, DECLARED(labels), 0, NULL },
	WITHIN(CONTEXT_SECRET, "Driver",     CONTEXT_SECRET_DRIVER),
	WITHIN(CONTEXT_SECRET, "Templating", CONTEXT_TEMPLATING),
	{ CONTEXT_SECRET_DRIVER, "Name",    KEEP_TEXT,	  DECLARED(driver),	    0, NULL },
	{ CONTEXT_SECRET_DRIVER, "Options", KEEP_LENGTHS, DECLARED(driver_options), 0, NULL },
	NAMED(CONTEXT_TEMPLATING, "Name", "Templating"),

	SETTING(CONTEXT_SWARM, "ListenAddr"),	   SETTING(CONTEXT_SWARM, "AdvertiseAddr"),
	SETTING(CONTEXT_SWARM, "DataPathAddr"),	   SETTING(CONTEXT_SWARM, "DataPathPort"),
	SETTING(CONTEXT_SWARM, "RemoteAddrs"),	   SETTING(CONTEXT_SWARM, "DefaultAddrPool"),
	SETTING(CONTEXT_SWARM, "ForceNewCluster"), SETTING(CONTEXT_SWARM, "AutoLockManagers"),
	SETTING(CONTEXT_SWARM, "Availability"),	   SETTING(CONTEXT_SWARM, "Name"),
	{ CONTEXT_SWARM, "Labels", KEEP_LENGTHS, DECLARED(labels), 0, NULL },
	WITHIN(CONTEXT_SWARM, "Spec",		  CONTEXT_SWARM),
	WITHIN(CONTEXT_SWARM, "EncryptionConfig", CONTEXT_SWARM),
	WITHIN(CONTEXT_SWARM, "CAConfig",	  CONTEXT_AUTHORITY),
	WITHIN(CONTEXT_SWARM, "TaskDefaults",	  CONTEXT_TASK_DEFAULTS),
	WITHIN(CONTEXT_TASK_DEFAULTS, "LogDriver", CONTEXT_LOG),
	EACH(CONTEXT_AUTHORITY, "ExternalCAs", CONTEXT_EXTERNAL_AUTHORITY),
	NAMED(CONTEXT_EXTERNAL_AUTHORITY, "URL", "ExternalCA"),
	{ CONTEXT_AUTHORITY, "SigningCACert", KEEP_LENGTH, DECLARED(settings), 0, NULL },
	{ CONTEXT_AUTHORITY, "SigningCAKey",  KEEP_LENGTH, DECLARED(settings), 0, NULL },
	SETTING(CONTEXT_AUTHORITY, "ForceRotate"),

	{ CONTEXT_NODE, "Labels", KEEP_LENGTHS, DECLARED(labels), 0, NULL },
	SETTING(CONTEXT_NODE, "Name"), SETTING(CONTEXT_NODE, "Role"),
	SETTING(CONTEXT_NODE, "Availability"),

	{ CONTEXT_MOUNT, "Type",     KEEP_TEXT, ELEMENT(type),	    0, NULL },
	{ CONTEXT_MOUNT, "Source",   KEEP_TEXT, ELEMENT(source),    0, NULL },
	{ CONTEXT_MOUNT, "Target",   KEEP_TEXT, ELEMENT(target),    0, NULL },
	{ CONTEXT_MOUNT, "ReadOnly", KEEP_FLAG, ELEMENT(read_only), 0, NULL },
	WITHIN(CONTEXT_MOUNT, "BindOptions",	       CONTEXT_BIND_OPTIONS),
	WITHIN(CONTEXT_MOUNT, "VolumeOptions",	       CONTEXT_VOLUME_OPTIONS),
	WITHIN(CONTEXT_VOLUME_OPTIONS, "DriverConfig", CONTEXT_DRIVER),
	{ CONTEXT_BIND_OPTIONS, "Propagation", KEEP_TEXT, ELEMENT(propagation), 0, NULL },
	{ CONTEXT_DRIVER, "Name",    KEEP_TEXT,		  ELEMENT(driver),	    0, NULL },
	{ CONTEXT_DRIVER, "Options", KEEP_VOLUME_OPTIONS, DECLARED(driver_options), 0, NULL },

	{ CONTEXT_DEVICE,  "PathOnHost",   KEEP_TEXT, ELEMENT(source),	     0, NULL },
	{ CONTEXT_REQUEST, "Driver",	   KEEP_TEXT, ELEMENT(driver),	     0, NULL },
	{ CONTEXT_REQUEST, "DeviceIDs",	   KEEP_LIST, ELEMENT(values),	     0, NULL },
	{ CONTEXT_REQUEST, "Capabilities", KEEP_LIST, ELEMENT(capabilities), 0, NULL },
};
/* clang-format on */

_Static_assert(ARRAY_SIZE(rows) <= DECLARE_MOST_ROWS, "a bit for each row in struct frame");

bool declare_is_field(const char *field, struct text key)
{
	const unsigned char *p = (const unsigned char *)key.data, *end = p + key.length;

	for (; *field; field++) {
		unsigned char want = (unsigned char)(*field | 0x20);

		if (p == end)
			return false;
		if ((*p | 0x20) == want)
			p++;
		else if (want == 's' && end - p >= 2 && memcmp(p, "\xc5\xbf", 2) == 0)
			p += 2;
		else if (want == 'k' && end - p >= 3 && memcmp(p, "\xe2\x84\xaa", 3) == 0)
			p += 3;
		else
			return false;
	}
	return p == end;
}

#define LETTERS 32 /* a letter's five low bits are the same in both cases */

/*
 * The rows of a context whose names begin with one letter, so that a key is not compared with all
 * the others; a number of a row is one too high, 0 is the end.
 */
static uint8_t first_of[CONTEXTS][LETTERS], next_of[ARRAY_SIZE(rows)];

static unsigned int letter_of(char c)
{
	return (unsigned char)c % LETTERS;
}

__attribute__((constructor)) static void link_rows(void)
{
	for (size_t i = ARRAY_SIZE(rows); i-- > 0;) {
		uint8_t *first = &first_of[rows[i].context][letter_of(rows[i].name[0])];

		next_of[i] = *first;
		*first = (uint8_t)(i + 1);
	}
}

static uint8_t find_by_letter(enum context context, unsigned int letter, struct text key)
{
	for (uint8_t i = first_of[context][letter]; i; i = next_of[i - 1])
		if (declare_is_field(rows[i - 1].name, key))
			return (uint8_t)(i - 1);
	return ROW_NONE;
}

uint8_t declare_find_row(enum context context, struct text key)
{
	char first = key.length > 0 ? key.data[0] : '\0';
	uint8_t row = ROW_NONE;

	if ((unsigned char)first < 0x80)
		row = find_by_letter(context, letter_of(first), key);
	else /* what Unicode folds into a letter of ASCII: declare_is_field() knows */
		for (unsigned int letter = 0; letter < LETTERS && row == ROW_NONE; letter++)
			row = find_by_letter(context, letter, key);
	/* At the top of a create a host's fields may stand, as old clients have it. */
	if (row == ROW_NONE && context == CONTEXT_CONTAINER)
		return declare_find_row(CONTEXT_HOST, key);
	return row;
}

const struct row *declare_row(uint8_t row)
{
	return row == ROW_NONE ? NULL : &rows[row];
}

enum context declare_root(enum operation_declares declares, uint8_t *ret_row)
{
	static const enum context roots[OPERATION_DECLARES_COUNT] = {
		[OPERATION_DECLARES_none] = CONTEXT_NONE,
		[OPERATION_DECLARES_query] = CONTEXT_NONE,
		[OPERATION_DECLARES_container] = CONTEXT_CONTAINER,
		[OPERATION_DECLARES_host] = CONTEXT_HOST,
		[OPERATION_DECLARES_exec] = CONTEXT_EXEC,
		[OPERATION_DECLARES_checkpoint] = CONTEXT_CHECKPOINT,
		[OPERATION_DECLARES_volume] = CONTEXT_VOLUME,
		[OPERATION_DECLARES_cluster_volume] = CONTEXT_CLUSTER_VOLUME,
		[OPERATION_DECLARES_network] = CONTEXT_NETWORK,
		[OPERATION_DECLARES_member] = CONTEXT_MEMBER,
		[OPERATION_DECLARES_service] = CONTEXT_SERVICE,
		[OPERATION_DECLARES_secret] = CONTEXT_SECRET,
		[OPERATION_DECLARES_privileges] = CONTEXT_PRIVILEGES,
		[OPERATION_DECLARES_plugin_settings] = CONTEXT_PLUGIN_SETTINGS,
		[OPERATION_DECLARES_swarm] = CONTEXT_SWARM,
		[OPERATION_DECLARES_node] = CONTEXT_NODE,
	};
	enum context root = roots[declares];

	*ret_row = ROW_NONE;
	if (root != CONTEXT_PRIVILEGES && root != CONTEXT_PLUGIN_SETTINGS)
		return root;
	*ret_row = declare_find_row(root, TEXT(""));
	return CONTEXT_NONE;
}
