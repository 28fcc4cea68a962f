/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Docker's operations, Engine API v1.24 to v1.47: the only list of them. Ids are Docker's own
 * operationIds where it has one; BuildCancel, ContainerCopy, ContainerCheckpoint* and GRPC have
 * none. tests/data/api/operations.txt is what it is compared with.
 *
 * OPERATION(method, path, id, target type, severity, declares, named query parameters)
 *
 * path: {x} is one segment, {x...} any number of them (the engine's routes take slashes in names),
 *	the first is the target. Rows are tried in order. The version prefix is not part of it.
 *	Podman asks its own service for the same below /libpod, with other bodies: here for
 *	who had a container made, started and entered.
 * severity: 0 for what changes nothing, 25 for a change, 50 for what is worth a look, 75 where a
 *	manager elsewhere is given this host. What is declared may raise it.
 * declares: what its body or query is read for (correlate/declare.h).
 * query: the parameters whose values are kept, each with a space before and behind it; of all
 *	others the name and the length: of a build buildargs, labels and outputs, which have values
 *	that somebody made up. `remote` and `fromSrc` are kept without user information, `changes`
 *	without the values of ENV and ARG.
 */
#pragma once

#define QUERY_ATTACH    " detachKeys logs stream stdin stdout stderr "
#define QUERY_TASK_LOGS " details follow stdout stderr since timestamps tail "
#define QUERY_LOGS      " until" QUERY_TASK_LOGS
#define QUERY_BUILD                                                                                \
	" dockerfile t remote q nocache cachefrom pull rm forcerm memory memswap cpushares "       \
	"cpusetcpus cpusetmems cpuperiod cpuquota shmsize squash networkmode extrahosts ulimits "  \
	"cgroupparent isolation securityopt platform target version session buildid "

/* clang-format off */
#define OPERATIONS(OPERATION) \
	OPERATION(GET,    "/_ping",                          SystemPing,             system,    0, none, "") \
	OPERATION(HEAD,   "/_ping",                          SystemPingHead,         system,    0, none, "") \
	OPERATION(GET,    "/version",                        SystemVersion,          system,    0, none, "") \
	OPERATION(GET,    "/info",                           SystemInfo,             system,    0, none, "") \
	OPERATION(GET,    "/events",                         SystemEvents,           system,    0, none, " since until filters ") \
	OPERATION(GET,    "/system/df",                      SystemDataUsage,        system,    0, none, " type verbose ") \
	OPERATION(POST,   "/auth",                           SystemAuth,             system,   25, none, "") \
	OPERATION(POST,   "/session",                        Session,                system,   25, none, "") \
	OPERATION(POST,   "/grpc",                           GRPC,                   system,   25, none, "") \
	OPERATION(GET,    "/containers/json",                ContainerList,          container, 0, none, " all limit size filters since before ") \
	OPERATION(POST,   "/containers/create",              ContainerCreate,        container, 25, container, " name platform ") \
	OPERATION(POST,   "/containers/prune",               ContainerPrune,         container, 25, none, " filters ") \
	OPERATION(GET,    "/containers/{id...}/json",        ContainerInspect,       container, 0, none, " size ") \
	OPERATION(GET,    "/containers/{id...}/top",         ContainerTop,           container, 0, none, " ps_args ") \
	OPERATION(GET,    "/containers/{id...}/logs",        ContainerLogs,          container, 0, none, QUERY_LOGS) \
	OPERATION(GET,    "/containers/{id...}/changes",     ContainerChanges,       container, 0, none, "") \
	OPERATION(GET,    "/containers/{id...}/export",      ContainerExport,        container, 0, none, "") \
	OPERATION(GET,    "/containers/{id...}/stats",       ContainerStats,         container, 0, none, " stream one-shot ") \
	OPERATION(GET,    "/containers/{id...}/attach/ws",   ContainerAttachWebsocket, container, 25, none, QUERY_ATTACH) \
	OPERATION(GET,    "/containers/{id...}/archive",     ContainerArchive,       container, 0, none, " path ") \
	OPERATION(HEAD,   "/containers/{id...}/archive",     ContainerArchiveInfo,   container, 0, none, " path ") \
	OPERATION(PUT,    "/containers/{id...}/archive",     PutContainerArchive,    container, 25, none, " path noOverwriteDirNonDir copyUIDGID ") \
	OPERATION(POST,   "/containers/{id...}/resize",      ContainerResize,        container, 0, none, " h w ") \
	OPERATION(POST,   "/containers/{id...}/start",       ContainerStart,         container, 25, host, " detachKeys checkpoint checkpoint-dir ") \
	OPERATION(POST,   "/containers/{id...}/stop",        ContainerStop,          container, 25, none, " t signal ") \
	OPERATION(POST,   "/containers/{id...}/restart",     ContainerRestart,       container, 25, none, " t signal ") \
	OPERATION(POST,   "/containers/{id...}/kill",        ContainerKill,          container, 25, none, " signal ") \
	OPERATION(POST,   "/containers/{id...}/update",      ContainerUpdate,        container, 25, host, "") \
	OPERATION(POST,   "/containers/{id...}/rename",      ContainerRename,        container, 25, query, " name ") \
	OPERATION(POST,   "/containers/{id...}/pause",       ContainerPause,         container, 25, none, "") \
	OPERATION(POST,   "/containers/{id...}/unpause",     ContainerUnpause,       container, 25, none, "") \
	OPERATION(POST,   "/containers/{id...}/attach",      ContainerAttach,        container, 25, none, QUERY_ATTACH) \
	OPERATION(POST,   "/containers/{id...}/wait",        ContainerWait,          container, 0, none, " condition ") \
	OPERATION(POST,   "/containers/{id...}/exec",        ContainerExec,          container, 50, exec, "") \
	OPERATION(POST,   "/containers/{id...}/copy",        ContainerCopy,          container, 0, none, "") \
	OPERATION(GET,    "/containers/{id...}/checkpoints", ContainerCheckpointList, container, 0, none, " dir ") \
	OPERATION(POST,   "/containers/{id...}/checkpoints", ContainerCheckpointCreate, container, 25, checkpoint, "") \
	OPERATION(DELETE, "/containers/{id}/checkpoints/{name}", ContainerCheckpointDelete, container, 25, none, " dir ") \
	OPERATION(DELETE, "/containers/{id...}",             ContainerDelete,        container, 25, none, " v force link ") \
	OPERATION(POST,   "/exec/{id...}/start",             ExecStart,              exec,     50, none, "") \
	OPERATION(POST,   "/exec/{id...}/resize",            ExecResize,             exec,      0, none, " h w ") \
	OPERATION(GET,    "/exec/{id...}/json",              ExecInspect,            exec,      0, none, "") \
	OPERATION(POST,   "/build",                          ImageBuild,             image,    25, query, QUERY_BUILD) \
	OPERATION(POST,   "/build/prune",                    BuildPrune,             image,    25, none, " keep-storage reserved-space max-used-space min-free-space all filters ") \
	OPERATION(POST,   "/build/cancel",                   BuildCancel,            image,    25, none, " id ") \
	OPERATION(POST,   "/commit",                         ImageCommit,            image,    25, container, " container repo tag comment author pause changes ") \
	OPERATION(GET,    "/images/json",                    ImageList,              image,     0, none, " all filters filter digests shared-size manifests ") \
	OPERATION(GET,    "/images/search",                  ImageSearch,            image,     0, none, " term limit filters ") \
	OPERATION(GET,    "/images/get",                     ImageGetAll,            image,     0, none, " names platform ") \
	OPERATION(POST,   "/images/create",                  ImageCreate,            image,    25, query, " fromImage fromSrc repo tag message platform changes ") \
	OPERATION(POST,   "/images/load",                    ImageLoad,              image,    25, none, " quiet platform ") \
	OPERATION(POST,   "/images/prune",                   ImagePrune,             image,    25, none, " filters ") \
	OPERATION(GET,    "/images/{name...}/get",           ImageGet,               image,     0, none, " platform ") \
	OPERATION(GET,    "/images/{name...}/history",       ImageHistory,           image,     0, none, " platform ") \
	OPERATION(GET,    "/images/{name...}/json",          ImageInspect,           image,     0, none, " manifests platform ") \
	OPERATION(POST,   "/images/{name...}/push",          ImagePush,              image,    25, query, " tag platform ") \
	OPERATION(POST,   "/images/{name...}/tag",           ImageTag,               image,    25, query, " repo tag ") \
	OPERATION(DELETE, "/images/{name...}",               ImageDelete,            image,    25, none, " force noprune platforms ") \
	OPERATION(GET,    "/distribution/{name...}/json",    DistributionInspect,    image,     0, none, "") \
	OPERATION(GET,    "/networks",                       NetworkList,            network,   0, none, " filters ") \
	OPERATION(GET,    "/networks/",                      NetworkList,            network,   0, none, " filters ") \
	OPERATION(POST,   "/networks/create",                NetworkCreate,          network,  25, network, "") \
	OPERATION(POST,   "/networks/prune",                 NetworkPrune,           network,  25, none, " filters ") \
	OPERATION(POST,   "/networks/{id...}/connect",       NetworkConnect,         network,  25, member, "") \
	OPERATION(POST,   "/networks/{id...}/disconnect",    NetworkDisconnect,      network,  25, member, "") \
	OPERATION(GET,    "/networks/{id...}",               NetworkInspect,         network,   0, none, " verbose scope ") \
	OPERATION(DELETE, "/networks/{id...}",               NetworkDelete,          network,  25, none, "") \
	OPERATION(GET,    "/volumes",                        VolumeList,             volume,    0, none, " filters ") \
	OPERATION(POST,   "/volumes/create",                 VolumeCreate,           volume,   25, volume, "") \
	OPERATION(POST,   "/volumes/prune",                  VolumePrune,            volume,   25, none, " filters ") \
	OPERATION(GET,    "/volumes/{name...}",              VolumeInspect,          volume,    0, none, "") \
	OPERATION(PUT,    "/volumes/{name...}",              VolumeUpdate,           volume,   25, cluster_volume, " version ") \
	OPERATION(DELETE, "/volumes/{name...}",              VolumeDelete,           volume,   25, none, " force ") \
	OPERATION(GET,    "/plugins",                        PluginList,             plugin,    0, none, " filters ") \
	OPERATION(GET,    "/plugins/privileges",             GetPluginPrivileges,    plugin,    0, none, " remote name ") \
	OPERATION(POST,   "/plugins/pull",                   PluginPull,             plugin,   50, privileges, " remote name ") \
	OPERATION(POST,   "/plugins/create",                 PluginCreate,           plugin,   50, query, " name ") \
	OPERATION(GET,    "/plugins/{name...}/json",         PluginInspect,          plugin,    0, none, "") \
	OPERATION(GET,    "/plugins/{name...}",              PluginInspect,          plugin,    0, none, "") \
	OPERATION(POST,   "/plugins/{name...}/enable",       PluginEnable,           plugin,   50, none, " timeout ") \
	OPERATION(POST,   "/plugins/{name...}/disable",      PluginDisable,          plugin,   25, none, " force ") \
	OPERATION(POST,   "/plugins/{name...}/push",         PluginPush,             plugin,   25, none, "") \
	OPERATION(POST,   "/plugins/{name...}/upgrade",      PluginUpgrade,          plugin,   50, privileges, " remote ") \
	OPERATION(POST,   "/plugins/{name...}/set",          PluginSet,              plugin,   50, plugin_settings, "") \
	OPERATION(DELETE, "/plugins/{name...}",              PluginDelete,           plugin,   25, none, " force ") \
	OPERATION(GET,    "/swarm",                          SwarmInspect,           swarm,     0, none, "") \
	OPERATION(POST,   "/swarm/init",                     SwarmInit,              swarm,    50, swarm, "") \
	OPERATION(POST,   "/swarm/join",                     SwarmJoin,              swarm,    75, swarm, "") \
	OPERATION(POST,   "/swarm/leave",                    SwarmLeave,             swarm,    50, none, " force ") \
	OPERATION(POST,   "/swarm/update",                   SwarmUpdate,            swarm,    50, swarm, " version rotateWorkerToken rotateManagerToken rotateManagerUnlockKey ") \
	OPERATION(POST,   "/swarm/unlock",                   SwarmUnlock,            swarm,    50, none, "") \
	OPERATION(GET,    "/swarm/unlockkey",                SwarmUnlockkey,         swarm,    50, none, "") \
	OPERATION(GET,    "/nodes",                          NodeList,               node,      0, none, " filters ") \
	OPERATION(GET,    "/nodes/{id}",                     NodeInspect,            node,      0, none, "") \
	OPERATION(DELETE, "/nodes/{id}",                     NodeDelete,             node,     50, none, " force ") \
	OPERATION(POST,   "/nodes/{id}/update",              NodeUpdate,             node,     50, node, " version ") \
	OPERATION(GET,    "/services",                       ServiceList,            service,   0, none, " filters status ") \
	OPERATION(POST,   "/services/create",                ServiceCreate,          service,  25, service, "") \
	OPERATION(GET,    "/services/{id}",                  ServiceInspect,         service,   0, none, " insertDefaults ") \
	OPERATION(DELETE, "/services/{id}",                  ServiceDelete,          service,  25, none, "") \
	OPERATION(POST,   "/services/{id}/update",           ServiceUpdate,          service,  25, service, " version registryAuthFrom rollback ") \
	OPERATION(GET,    "/services/{id}/logs",             ServiceLogs,            service,   0, none, QUERY_TASK_LOGS) \
	OPERATION(GET,    "/tasks",                          TaskList,               task,      0, none, " filters ") \
	OPERATION(GET,    "/tasks/{id}",                     TaskInspect,            task,      0, none, "") \
	OPERATION(GET,    "/tasks/{id}/logs",                TaskLogs,               task,      0, none, QUERY_TASK_LOGS) \
	OPERATION(GET,    "/secrets",                        SecretList,             secret,    0, none, " filters ") \
	OPERATION(POST,   "/secrets/create",                 SecretCreate,           secret,   25, secret, "") \
	OPERATION(GET,    "/secrets/{id}",                   SecretInspect,          secret,    0, none, "") \
	OPERATION(DELETE, "/secrets/{id}",                   SecretDelete,           secret,   25, none, "") \
	OPERATION(POST,   "/secrets/{id}/update",            SecretUpdate,           secret,   25, secret, " version ") \
	OPERATION(GET,    "/configs",                        ConfigList,             config,    0, none, " filters ") \
	OPERATION(POST,   "/configs/create",                 ConfigCreate,           config,   25, secret, "") \
	OPERATION(GET,    "/configs/{id}",                   ConfigInspect,          config,    0, none, "") \
	OPERATION(DELETE, "/configs/{id}",                   ConfigDelete,           config,   25, none, "") \
	OPERATION(POST,   "/configs/{id}/update",            ConfigUpdate,           config,   25, secret, " version ") \
	OPERATION(GET,    "/libpod/_ping",                   SystemPing,             system,     0, none, "") \
	OPERATION(HEAD,   "/libpod/_ping",                   SystemPingHead,         system,     0, none, "") \
	OPERATION(GET,    "/libpod/version",                 SystemVersion,          system,     0, none, "") \
	OPERATION(GET,    "/libpod/info",                    SystemInfo,             system,     0, none, "") \
	OPERATION(GET,    "/libpod/events",                  SystemEvents,           system,     0, none, "") \
	OPERATION(GET,    "/libpod/containers/json",         ContainerList,          container,   0, none, "") \
	OPERATION(POST,   "/libpod/containers/create",       ContainerCreate,        container,  25, none, "") \
	OPERATION(GET,    "/libpod/containers/{id...}/json", ContainerInspect,       container,   0, none, "") \
	OPERATION(GET,    "/libpod/containers/{id...}/logs", ContainerLogs,          container,   0, none, "") \
	OPERATION(GET,    "/libpod/containers/{id...}/archive", ContainerArchive,       container,   0, none, "") \
	OPERATION(PUT,    "/libpod/containers/{id...}/archive", PutContainerArchive,    container,  25, none, "") \
	OPERATION(POST,   "/libpod/containers/{id...}/start", ContainerStart,         container,  25, none, "") \
	OPERATION(POST,   "/libpod/containers/{id...}/stop", ContainerStop,          container,  25, none, "") \
	OPERATION(POST,   "/libpod/containers/{id...}/restart", ContainerRestart,       container,  25, none, "") \
	OPERATION(POST,   "/libpod/containers/{id...}/kill", ContainerKill,          container,  25, none, "") \
	OPERATION(POST,   "/libpod/containers/{id...}/update", ContainerUpdate,        container,  25, none, "") \
	OPERATION(POST,   "/libpod/containers/{id...}/rename", ContainerRename,        container,  25, query, " name ") \
	OPERATION(POST,   "/libpod/containers/{id...}/pause", ContainerPause,         container,  25, none, "") \
	OPERATION(POST,   "/libpod/containers/{id...}/unpause", ContainerUnpause,       container,  25, none, "") \
	OPERATION(POST,   "/libpod/containers/{id...}/attach", ContainerAttach,        container,  25, none, "") \
	OPERATION(POST,   "/libpod/containers/{id...}/wait", ContainerWait,          container,   0, none, "") \
	OPERATION(POST,   "/libpod/containers/{id...}/exec", ContainerExec,          container,  50, exec, "") \
	OPERATION(DELETE, "/libpod/containers/{id...}",      ContainerDelete,        container,  25, none, "") \
	OPERATION(POST,   "/libpod/exec/{id...}/start",      ExecStart,              exec,      50, none, "") \
	OPERATION(POST,   "/libpod/exec/{id...}/resize",     ExecResize,             exec,       0, none, "") \
	OPERATION(GET,    "/libpod/exec/{id...}/json",       ExecInspect,            exec,       0, none, "")
/* clang-format on */
