// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "declare_bed.h"

static void test_container_settings(void **state)
{
	EXPECT(container,
	       "{\"Image\":\"i\",\"WorkingDir\":\"/w\",\"Healthcheck\":{\"Test\":[\"CMD-SHELL\",\"x\"],"
	       "\"Interval\":1},\"Labels\":{\"a.b\":\"hunter2\",\"c\":\"\"},\"HostConfig\":{"
	       "\"AutoRemove\":true,\"Memory\":1048576,\"NanoCpus\":0,\"ReadonlyRootfs\":false,"
	       "\"Runtime\":\"runc\",\"CgroupParent\":\"\",\"PidsLimit\":null,\"GroupAdd\":[\"docker\","
	       "\"0\"],\"RestartPolicy\":{\"Name\":\"on-failure\",\"MaximumRetryCount\":3},"
	       "\"LogConfig\":{\"Type\":\"splunk\",\"Config\":{\"splunk-token\":\"hunter2\"}},"
	       "\"Annotations\":{\"x\":\"hunter2\"},\"Init\":true},"
	       "\"NetworkingConfig\":{\"EndpointsConfig\":{\"a\":{\"IPAMConfig\":null},\"b\":null}}}",
	       "image=i;labels=a.b=[redacted len=7],c=;networks=a,b;healthcheck=CMD-SHELL,x;"
	       "settings=WorkingDir=/w,AutoRemove=true,Memory=1048576,Runtime=runc,GroupAdd=docker,"
	       "GroupAdd=0,RestartPolicy=on-failure,MaximumRetryCount=3,LogDriver=splunk,"
	       "LogOption.splunk-token=[redacted len=7],Annotation.x=[redacted len=7],Init=true; 0");
	/* At the top they count where there is no HostConfig. */
	EXPECT(container, "{\"Memory\":5}", "settings=Memory=5; 0");
	EXPECT(container, "{\"Memory\":5,\"HostConfig\":{\"CpuShares\":2}}",
	       "settings=CpuShares=2; 0");
	EXPECT(host,
	       "{\"Memory\":-1,\"CpusetCpus\":\"0-1\",\"RestartPolicy\":{\"Name\":\"always\"},"
	       "\"Devices\":[{\"PathOnHost\":\"/dev/sda\"}]}",
	       "devices=/dev/sda;settings=Memory=-1,CpusetCpus=0-1,RestartPolicy=always; 75");
	/* Of an update 0 takes the limit away; of a create it is what was there before. */
	EXPECT(host, "{\"Memory\":0,\"PidsLimit\":0}", "settings=PidsLimit=0; 0");
	EXPECT(host, "{\"PidsLimit\":null}", " 0");
	EXPECT(container, "{\"PidsLimit\":0,\"HostConfig\":{\"PidsLimit\":0}}", " 0");
	EXPECT(exec,
	       "{\"Cmd\":[\"sh\"],\"Tty\":true,\"AttachStdin\":true,\"AttachStdout\":true,"
	       "\"WorkingDir\":\"/\",\"Detach\":false}",
	       "command=sh;settings=Tty=true,AttachStdin=true,WorkingDir=/; 0");
	EXPECT(checkpoint, "{\"CheckpointID\":\"c\",\"CheckpointDir\":\"/srv\",\"Exit\":true}",
	       "settings=CheckpointID=c,CheckpointDir=/srv,Exit=true; 0");
}

static void test_ports(void **state)
{
	EXPECT(container,
	       "{\"HostConfig\":{\"PortBindings\":{\"80/tcp\":[{\"HostIp\":\"\",\"HostPort\":\"8080\"},"
	       "{\"HostIp\":\"127.0.0.1\",\"HostPort\":\"81\"}],\"53/udp\":[{\"HostIp\":\"::1\","
	       "\"HostPort\":\"\",\"Other\":[{\"HostIp\":\"x\"}]}],\"9/tcp\":[],\"8/tcp\":null,"
	       "\"7/tcp\":{\"HostPort\":\"7\"}},\"PublishAllPorts\":true}}",
	       "ports=8080:80/tcp,127.0.0.1:81:80/tcp,[::1]::53/udp;settings=PublishAllPorts=true; 0");
}

static void test_volume_options(void **state)
{
	/* cifs: two commas are one in a value; behind a secret only what is known is let through.
	 */
	EXPECT(volume,
	       "{\"Name\":\"v\",\"DriverOpts\":{\"o\":\"addr=10.0.0.1,username=u,password=hun,,ter2,"
	       "vers=3.0,x=hunter2,ro,hunter2\",\"type\":\"cifs\",\"device\":\"//s/share\"}}",
	       "name=v;<type=volume;device=//s/share;>driver options=type=cifs,"
	       "o=addr=10.0.0.1,username=u,password=[redacted len=9],vers=3.0,[redacted len=9],ro,"
	       "[redacted len=7],device=//s/share; 0");
	EXPECT(volume,
	       "{\"DriverOpts\":{\"o\":\"user=u%hunter2,rw\",\"device\":\"u:hunter2@h:/x\"}}",
	       "<type=volume;device=[redacted len=9]@h:/x;>driver options=o=user=u%[redacted len=7],rw,"
	       "device=[redacted len=9]@h:/x; 0");
	EXPECT(volume, "{\"DriverOpts\":{\"device\":\"//u:hun/ter2@h/x\"}}",
	       "<type=volume;device=//[redacted len=10]@h/x;>driver options="
	       "device=//[redacted len=10]@h/x; 0");
	/* The driver may come last; of a stranger nothing but names. */
	EXPECT(volume,
	       "{\"DriverOpts\":{\"device\":\"hunter2\",\"o\":\"a=hunter2\",\"token\":\"hunter2\"},"
	       "\"Driver\":\"other\",\"Labels\":{\"l\":\"hunter2\"}}",
	       "<type=volume;device=[redacted len=7];>driver=other;driver options="
	       "token=[redacted len=7],o=[redacted len=9],device=[redacted len=7];"
	       "labels=l=[redacted len=7]; 0");
	EXPECT(volume, "{\"Driver\":\"other\",\"DriverOpts\":{\"device\":\"/etc\"}}",
	       "<type=volume;device=/etc;>driver=other;driver options=device=/etc; 75");
	EXPECT(volume, "{\"DriverOpts\":null,\"Labels\":null}", " 0");
	EXPECT(cluster_volume,
	       "{\"Spec\":{\"Availability\":\"drain\",\"Secrets\":[{\"Key\":\"k\"}]}}",
	       "settings=Availability=drain; 0");
}

/* What a volume's driver mounts is the host, whichever way it is said. */
static void test_volumes_of_the_host(void **state)
{
	static const char *const yes[] = {
		"\"type\":\"none\",\"o\":\"bind\",\"device\":\"etc\"",
		"\"type\":\"none\",\"o\":\"bind\",\"device\":\"srv/../etc\"",
		"\"type\":\"none\",\"o\":\"bind\",\"device\":\"/run:x/..\"",
		"\"type\":\"overlay\",\"o\":\"lowerdir=/srv:/etc,upperdir=/a,workdir=/b\"",
		"\"type\":\"overlay\",\"o\":\"lowerdir=/srv,upperdir=/root,workdir=/b\"",
		"\"type\":\"proc\",\"device\":\"none\"",
		"\"type\":\"sysfs\",\"device\":\"none\"",
		"\"type\":\"ext4\",\"device\":\"/dev/sda1\"",
	};
	static const char *const no[] = {
		"\"type\":\"nfs\",\"o\":\"addr=10.0.0.1\",\"device\":\":/etc\"",
		"\"type\":\"nfs4\",\"device\":\"server:/etc\"",
		"\"type\":\"cifs\",\"device\":\"//etc/share\"",
		"\"type\":\"tmpfs\",\"device\":\"tmpfs\",\"o\":\"size=1m\"",
		"\"type\":\"overlay\",\"o\":\"lowerdir=/srv/a:/srv/b\",\"device\":\"overlay\"",
	};

	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]) + sizeof(no) / sizeof(no[0]); i++) {
		bool away = i < sizeof(yes) / sizeof(yes[0]);
		const char *options = away ? yes[i] : no[i - sizeof(yes) / sizeof(yes[0])];
		_cleanup_buffer_ struct buffer volume = {}, mount = {}, out = {};

		buffer_printf(&volume, "{\"DriverOpts\":{%s}}", options);
		declare_read_body(OPERATION_DECLARES_volume,
				  (struct text){ volume.data, volume.length }, 100, false, &out);
		if (strcmp(buffer_string(&out) + out.length - 3, away ? " 75" : "; 0") != 0)
			fail_msg("%s: %s", options, buffer_string(&out));
		buffer_printf(
			&mount,
			"{\"HostConfig\":{\"Mounts\":[{\"Type\":\"volume\",\"VolumeOptions\":{"
			"\"DriverConfig\":{\"Options\":{%s}}}}]}}",
			options);
		declare_read_body(OPERATION_DECLARES_container,
				  (struct text){ mount.data, mount.length }, 100, false, &out);
		if (strcmp(buffer_string(&out) + out.length - 3, away ? " 75" : "> 0") != 0)
			fail_msg("%s: %s", options, buffer_string(&out));
	}
}

static void test_mounts(void **state)
{
	EXPECT(container,
	       "{\"HostConfig\":{\"Mounts\":[{\"Type\":\"bind\",\"Source\":\"/srv\",\"Target\":\"/a\","
	       "\"ReadOnly\":true,\"BindOptions\":{\"Propagation\":\"rshared\"}},{\"Type\":\"volume\","
	       "\"Target\":\"/b\",\"VolumeOptions\":{\"Labels\":{\"x\":\"y\"},\"DriverConfig\":{"
	       "\"Options\":{\"o\":\"addr=1,password=hunter2\",\"k\":\"hunter2\",\"device\":\":/e\"},"
	       "\"Name\":\"local\"}}},{\"Type\":\"volume\",\"Target\":\"/c\",\"VolumeOptions\":{"
	       "\"DriverConfig\":{\"Name\":\"n\",\"Options\":{\"device\":\"hunter2\"}}}}]}}",
	       "<type=bind;source=/srv;target=/a;mode=ro,rshared;>"
	       "<type=volume;target=/b;mode=addr=1,password=[redacted len=7];device=:/e;>"
	       "<type=volume;target=/c;device=[redacted len=7];>"
	       "driver options=k=[redacted len=7]; 0");
}

static void test_network(void **state)
{
	EXPECT(network,
	       "{\"Name\":\"n\",\"CheckDuplicate\":true,\"Driver\":\"macvlan\",\"Internal\":false,"
	       "\"Attachable\":true,\"EnableIPv6\":true,\"Scope\":\"local\",\"IPAM\":{\"Driver\":"
	       "\"default\",\"Options\":{\"a\":\"hunter2\"},\"Config\":[{\"Subnet\":\"10.1.0.0/16\","
	       "\"Gateway\":\"10.1.0.1\"},{\"IPRange\":\"10.2.0.0/24\"}]},\"Options\":{\"parent\":"
	       "\"eth0\",\"com.docker.network.bridge.name\":\"br0\",\"key\":\"hunter2\"},"
	       "\"Labels\":{\"l\":\"hunter2\"},\"ConfigFrom\":{\"Network\":\"o\"}}",
	       "name=n;driver=macvlan;driver options=parent=eth0,com.docker.network.bridge.name=br0,"
	       "key=[redacted len=7];labels=l=[redacted len=7];settings=Attachable=true,"
	       "EnableIPv6=true,Scope=local,IPAMDriver=default,Subnet=10.1.0.0/16,Gateway=10.1.0.1,"
	       "IPRange=10.2.0.0/24,ConfigFrom=o; 0");
	EXPECT(member,
	       "{\"Container\":\"c\",\"Force\":true,\"EndpointConfig\":{\"Aliases\":[\"a\",\"b\"],"
	       "\"DriverOpts\":{\"x\":\"hunter2\"},\"IPAMConfig\":{\"IPv4Address\":\"10.0.0.9\"}}}",
	       "container=c;settings=Force=true,Aliases=a,Aliases=b,IPv4Address=10.0.0.9; 0");
}

static void test_service(void **state)
{
	EXPECT(service,
	       "{\"Name\":\"web\",\"Labels\":{\"l\":\"hunter2\"},\"TaskTemplate\":{\"ContainerSpec\":{"
	       "\"Image\":\"i\",\"Dir\":\"/w\",\"Labels\":{\"m\":\"\"},\"Secrets\":[{\"SecretID\":\"s1\","
	       "\"SecretName\":\"key\",\"File\":{\"Name\":\"f\"}}],\"Configs\":[{\"ConfigName\":\"c\"}],"
	       "\"Healthcheck\":{\"Test\":[\"NONE\"]},\"Privileges\":{\"NoNewPrivileges\":true}},"
	       "\"RestartPolicy\":{\"Condition\":\"any\"},\"Placement\":{\"Constraints\":["
	       "\"node.role==manager\"]},\"LogDriver\":{\"Name\":\"json-file\"},\"ForceUpdate\":0,"
	       "\"Networks\":[{\"Target\":\"net1\"},{\"Target\":\"net2\"}]},\"Mode\":{\"Replicated\":{"
	       "\"Replicas\":3}},\"EndpointSpec\":{\"Mode\":\"vip\",\"Ports\":[{\"Protocol\":\"udp\","
	       "\"TargetPort\":53,\"PublishedPort\":5353},{\"TargetPort\":80}]}}",
	       "name=web;image=i;options=no-new-privileges;labels=l=[redacted len=7],m=;"
	       "ports=5353:53/udp,:80/tcp;networks=net1,net2;secrets=key;configs=c;healthcheck=NONE;"
	       "settings=WorkingDir=/w,RestartPolicy=any,Constraints=node.role==manager,"
	       "Mode=Replicated,Replicas=3; 0");
	EXPECT(service, "{\"Mode\":{\"Global\":{}},\"Networks\":[{\"Target\":\"host\"}]}",
	       "networks=host;settings=Mode=Global; 75");
	EXPECT(service,
	       "{\"TaskTemplate\":{\"ContainerSpec\":{\"Privileges\":{\"Seccomp\":{\"Mode\":"
	       "\"unconfined\",\"Profile\":\"aHVudGVyMg==\"}}}}}",
	       "options=seccomp=unconfined; 75");
	EXPECT(service,
	       "{\"TaskTemplate\":{\"ContainerSpec\":{\"Privileges\":{\"AppArmor\":{\"Mode\":"
	       "\"disabled\"}}}}}",
	       "options=apparmor=disabled; 75");
	EXPECT(service,
	       "{\"TaskTemplate\":{\"ContainerSpec\":{\"Privileges\":{\"SELinuxContext\":{\"Disable\":"
	       "true,\"User\":\"u\"}}}}}",
	       "options=label=disable; 75");
	EXPECT(service,
	       "{\"TaskTemplate\":{\"Runtime\":\"plugin\",\"PluginSpec\":{\"name\":\"p\",\"remote\":\"r\","
	       "\"privileges\":[{\"name\":\"mount\",\"value\":[\"/etc\"]}],\"env\":[\"A=hunter2\"]}}}",
	       "image=r;env=A;privileges=mount=/etc;settings=Runtime=plugin,Plugin=p; 75");
}

static void test_plugins(void **state)
{
	EXPECT(privileges,
	       "[{\"Name\":\"network\",\"Description\":\"d\",\"Value\":[\"host\"]},{\"Name\":"
	       "\"capabilities\",\"Value\":[\"CAP_SYS_ADMIN\",\"CAP_NET_RAW\"]},{\"name\":\"odd\"}]",
	       "privileges=network=host,capabilities=CAP_SYS_ADMIN,capabilities=CAP_NET_RAW,odd; 75");
	EXPECT(privileges, "[{\"Name\":\"odd\",\"Value\":[\"hunter2\",\"\"]}]",
	       "privileges=odd=[redacted len=7],odd=; 75");
	EXPECT(privileges, "[]", " 0");
	EXPECT(privileges, "null", " 0");
	EXPECT(privileges, "{\"Name\":\"x\",\"Value\":[\"y\"]}", " 0");
	EXPECT(privileges, "[[{\"Name\":\"x\"}],\"y\",7]", " 0");
	EXPECT(plugin_settings,
	       "[\"DEBUG=1\",\"KEY=hunter2\",\"data.source=/srv/x\",\"dev.path=/opt/y\",\"hunter2\"]",
	       "settings=DEBUG=[redacted len=1],KEY=[redacted len=7],data.source=/srv/x,"
	       "dev.path=/opt/y,[redacted len=7]; 0");
	EXPECT(plugin_settings, "[\"data=/etc/../etc/shadow\"]",
	       "settings=data=/etc/../etc/shadow; 75");
	EXPECT(plugin_settings, "\"a.source=/etc\"", " 0");
	EXPECT(plugin_settings, "{\"\":\"a.source=/etc\"}", " 0");
}

static void test_secrets(void **state)
{
	EXPECT(secret,
	       "{\"Name\":\"s\",\"Labels\":{\"l\":\"hunter2\"},\"Data\":\"aHVudGVyMg==\",\"Driver\":{"
	       "\"Name\":\"vault\",\"Options\":{\"path\":\"hunter2\"}},\"Templating\":{\"Name\":"
	       "\"golang\"}}",
	       "name=s;driver=vault;driver options=path=[redacted len=7];labels=l=[redacted len=7];"
	       "settings=Templating=golang; 0");
}

static void test_swarm(void **state)
{
	EXPECT(swarm,
	       "{\"ListenAddr\":\"0.0.0.0:2377\",\"AdvertiseAddr\":\"eth0\",\"DataPathPort\":4789,"
	       "\"ForceNewCluster\":true,\"AutoLockManagers\":false,\"DefaultAddrPool\":["
	       "\"10.0.0.0/8\"],\"Spec\":{\"Labels\":{\"l\":\"hunter2\"},\"EncryptionConfig\":{"
	       "\"AutoLockManagers\":true},\"CAConfig\":{\"SigningCACert\":\"abc\",\"SigningCAKey\":"
	       "\"hunter2\",\"ExternalCAs\":[{\"Protocol\":\"cfssl\",\"URL\":\"https://ca\","
	       "\"Options\":{\"k\":\"hunter2\"}}],\"ForceRotate\":2}}}",
	       "labels=l=[redacted len=7];settings=ListenAddr=0.0.0.0:2377,AdvertiseAddr=eth0,"
	       "DataPathPort=4789,ForceNewCluster=true,DefaultAddrPool=10.0.0.0/8,"
	       "AutoLockManagers=true,SigningCACert=[redacted len=3],SigningCAKey=[redacted len=7],"
	       "ExternalCA=https://ca,ForceRotate=2; 0");
	EXPECT(swarm,
	       "{\"ListenAddr\":\"0.0.0.0\",\"RemoteAddrs\":[\"192.0.2.1:2377\",\"192.0.2.2\"],"
	       "\"JoinToken\":\"SWMTKN-1-hunter2\",\"Availability\":\"active\"}",
	       "settings=ListenAddr=0.0.0.0,RemoteAddrs=192.0.2.1:2377,RemoteAddrs=192.0.2.2,"
	       "Availability=active; 0");
	EXPECT(node,
	       "{\"Name\":\"n\",\"Role\":\"manager\",\"Availability\":\"drain\",\"Labels\":{}}",
	       "settings=Name=n,Role=manager,Availability=drain; 0");
}

/* As encoding/json takes names: whatever their case, the last one counts, and that is said. */
static void test_repeated(void **state)
{
	EXPECT(volume, "{\"name\":\"a\",\"NAME\":\"b\"}", "name=b; repeated 75");
	EXPECT(network, "{\"driver\":\"bridge\",\"Driver\":null}", "driver=bridge; repeated 75");
	EXPECT(privileges,
	       "[{\"Name\":\"a\",\"name\":\"device\",\"Value\":[\"1\"],\"value\":[\"2\"]}]",
	       "privileges=device=2; repeated 75");
	EXPECT(container,
	       "{\"HostConfig\":{\"Annotations\":{\"a\":\"1\"},\"annotations\":null,\"Memory\":1}}",
	       "settings=Annotation.a=[redacted len=1],Memory=1; repeated 75");
}

static void query(const char *method, const char *target, const char *body, const char *expected)
{
	_cleanup_buffer_ struct buffer out = {};
	struct operation_match match = {};
	const struct declared *declared;
	struct declare *declare;

	assert_int_equal(operation_find(&match, text_of(method), text_of(target)), 0);
	assert_non_null(match.operation);
	assert_int_equal(declare_new(match.operation->declares, &declare), 0);
	assert_int_equal(declare_query(declare, match.operation, match.target, match.query), 0);
	assert_int_equal(declare_feed(declare, body, strlen(body)), 0);
	assert_int_equal(declare_finish(declare, &declared), 0);
	declare_show(&out, declared);
	assert_string_equal(buffer_string(&out), expected);
	declare_free(declare);
	operation_match_free(&match);
}

static void test_queries(void **state)
{
	query("POST", "/containers/create?name=web&name=x", "{\"Image\":\"i\"}",
	      "name=web;image=i; 0");
	query("POST", "/containers/create?n%61me=w%20b", "{}", "name=w b; 0");
	query("POST", "/images/create?fromImage=reg%3A5/a&tag=1&repo=no", "", "image=reg:5/a:1; 0");
	query("POST", "/images/create?fromImage=a&tag=sha256:ff", "", "image=a@sha256:ff; 0");
	query("POST", "/images/create?fromImage=&fromSrc=-&repo=r&tag=2", "\x1f\x8b",
	      "image=r:2;source=-; 0");
	query("POST", "/images/reg:5/a/b/push?tag=3", "", "image=reg:5/a/b:3; 0");
	query("POST", "/images/a/push", "", "image=a; 0");
	query("POST", "/images/a/tag?repo=b&tag=1", "", "image=b:1; 0");
	query("POST", "/build?t=a:1&t=b&remote=https://h/x.git&networkmode=host", "not json",
	      "image=a:1;net=host;source=https://h/x.git; 75");
	query("POST", "/build?networkmode=default", "", "net=default; 0");
	query("POST", "/commit?container=c&repo=r&tag=t", "{\"Image\":\"old\",\"Cmd\":[\"sh\"]}",
	      "container=c;image=r:t;command=sh; 0");
	query("POST", "/commit?container=c", "{\"Image\":\"old\"}", "container=c;image=old; 0");
	query("POST", "/plugins/pull?remote=a/b:1&name=n",
	      "[{\"Name\":\"device\",\"Value\":[\"/dev/x\"]}]",
	      "name=n;image=a/b:1;privileges=device=/dev/x; 75");
	query("POST", "/plugins/create?name=p", "tar", "name=p; 0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_container_settings),
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_volume_options),
		cmocka_unit_test(test_volumes_of_the_host),
		cmocka_unit_test(test_mounts),
		cmocka_unit_test(test_network),
		cmocka_unit_test(test_service),
		cmocka_unit_test(test_plugins),
		cmocka_unit_test(test_secrets),
		cmocka_unit_test(test_swarm),
		cmocka_unit_test(test_repeated),
		cmocka_unit_test(test_queries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
