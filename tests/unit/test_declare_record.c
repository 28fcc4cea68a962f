// SPDX-License-Identifier: Apache-2.0
/* From a request's query and body to the fields of its event, and to what the story tells of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "correlate/declare.h"
#include "event/json.h"
#include "event/record.h"
#include "output/tell.h"

/* Every value that must not be kept has this in it. */
#define SECRET "hunter2"

static void fill(struct record *record, const char *method, const char *target, const char *body)
{
	struct operation_match match = {};
	const struct declared *declared;
	struct declare *declare;

	assert_int_equal(operation_find(&match, text_of(method), text_of(target)), 0);
	assert_non_null(match.operation);
	assert_int_equal(declare_new(match.operation->declares, &declare), 0);
	assert_int_equal(declare_query(declare, match.operation, match.target, match.query), 0);
	assert_int_equal(declare_feed(declare, body, strlen(body)), 0);
	assert_int_equal(declare_finish(declare, &declared), 0);
	/* An answer that comes late asks a second time. */
	assert_int_equal(declare_finish(declare, &declared), 0);
	record_begin(record, EVENT_COUNT);
	record_set_string(record, FIELD_api_operation, match.operation->id);
	declare_fill(declared, NULL, record);
	assert_int_equal(record->error, 0);
	declare_free(declare);
	operation_match_free(&match);
}

/* The DECLARED fields as JSON, the severity, and the words of the story. */
static void expect(const char *method, const char *target, const char *body, const char *expected)
{
	_cleanup_buffer_ struct buffer line = {}, found = {};
	_cleanup_spans_ struct spans spans = {};
	struct record *record;
	const char *declared;

	assert_int_equal(record_new(&record), 0);
	fill(record, method, target, body);
	record_append_json(record, &line);
	declared = strstr(buffer_string(&line), "\"declared\":");
	if (declared)
		buffer_append(&found, declared + 11, strlen(declared) - 11 - 2);
	buffer_printf(&found, " %u", (unsigned)record_number(record, FIELD_event_severity));
	tell_declared(record, &spans);
	if (spans.count > 0)
		buffer_append_string(&found, ": ");
	spans_lay_out(&spans, &(struct layout){}, &found);
	assert_string_equal(buffer_string(&found), expected);
	assert_null(strstr(buffer_string(&line), SECRET));
	assert_null(strstr(buffer_string(&found), SECRET));
	record_free(record);
}

static void test_containers(void **state)
{
	expect("POST", "/containers/create?name=web",
	       "{\"Image\":\"i\",\"Env\":[\"A=hunter2\"],\"Labels\":{\"l\":\"hunter2\"},"
	       "\"Healthcheck\":{\"Test\":[\"CMD\",\"mysql\",\"--password=hunter2\"]},\"HostConfig\":{"
	       "\"MaskedPaths\":[],\"VolumesFrom\":[\"db\"],\"RestartPolicy\":{\"Name\":\"no\"},"
	       "\"PortBindings\":{\"80/tcp\":[{\"HostPort\":\"8080\"}]},\"NetworkMode\":\"host\"},"
	       "\"NetworkingConfig\":{\"EndpointsConfig\":{\"host\":{}}}}",
	       "{\"image\":\"i\",\"healthcheck\":[\"CMD\",\"mysql\",\"--password=[redacted len=7]\"],"
	       "\"environment\":[\"A\"],\"namespaces\":{\"net\":\"host\"},\"volumes_from\":[\"db\"],"
	       "\"ports\":[\"8080:80/tcp\"],\"networks\":[\"host\"],"
	       "\"labels\":[\"l=[redacted len=7]\"],"
	       "\"settings\":[\"RestartPolicy=no\",\"MaskedPaths=\"]} 75: "
	       "i  net=host  volumes from db  port 8080:80/tcp  no MaskedPaths");
	/* However it was written, as the kernel's are told. */
	expect("POST", "/containers/create",
	       "{\"Image\":\"i\",\"HostConfig\":{\"CapAdd\":[\"cap_sys_admin\",\"SYS_TIME\",\"all\"],"
	       "\"CapDrop\":[\"mknod\"]}}",
	       "{\"image\":\"i\",\"capabilities\":{\"add\":[\"CAP_SYS_ADMIN\",\"CAP_SYS_TIME\",\"ALL\"],"
	       "\"drop\":[\"CAP_MKNOD\"]}} 75: i  +CAP_SYS_ADMIN  +CAP_SYS_TIME  +ALL");
	expect("POST", "/containers/c/update",
	       "{\"Memory\":1024,\"CpuShares\":0,\"RestartPolicy\":{\"Name\":\"always\"}}",
	       "{\"settings\":[\"Memory=1024\",\"RestartPolicy=always\"]} 0: "
	       "memory 1 KiB  RestartPolicy=always");
	expect("POST", "/containers/create", "{\"Image\":\"a\",\"image\":\"b\",\"User\":\"u",
	       "{\"image\":\"b\",\"repeated\":true} 75: b  its body has a name twice");
	expect("POST", "/containers/create", "{\"Image\":\"a\"]",
	       "{\"image\":\"a\",\"cut\":true} 0: "
	       "a  not all that it declared is kept");
}

static void test_images(void **state)
{
	expect("POST", "/images/create?fromImage=busybox&tag=1", "",
	       "{\"image\":\"busybox:1\"} 0: busybox:1");
	expect("POST", "/images/create?fromSrc=http%3A%2F%2Fh/x.tar&repo=r", "",
	       "{\"image\":\"r\",\"source\":\"http://h/x.tar\"} 0: r  from http://h/x.tar");
	expect("POST", "/build?t=a:1&networkmode=host", "\x1f\x8b tar",
	       "{\"image\":\"a:1\",\"namespaces\":{\"net\":\"host\"}} 75: a:1  net=host");
	expect("POST", "/commit?container=c&repo=r&tag=t", "{}",
	       "{\"image\":\"r:t\",\"container\":\"c\"} 0: r:t  container c");
}

static void test_volumes_and_networks(void **state)
{
	expect("POST", "/volumes/create",
	       "{\"Name\":\"v\",\"DriverOpts\":{\"type\":\"cifs\",\"device\":\"//s/x\","
	       "\"o\":\"username=u,password=hunter2\"}}",
	       "{\"mounts\":[{\"type\":\"volume\",\"source\":\"//s/x\"}],\"driver_options\":["
	       "\"type=cifs\",\"o=username=u,password=[redacted len=7]\",\"device=//s/x\"]} 0: "
	       "type=cifs  o=username=u,password=[redacted len=7]  device=//s/x");
	expect("POST", "/networks/create",
	       "{\"Name\":\"n\",\"Driver\":\"macvlan\",\"Options\":{\"parent\":\"eth0\",\"k\":"
	       "\"hunter2\"},\"Internal\":true}",
	       "{\"driver\":\"macvlan\",\"driver_options\":[\"parent=eth0\",\"k=[redacted len=7]\"],"
	       "\"settings\":[\"Internal=true\"]} 0: "
	       "driver macvlan  parent=eth0  k=[redacted len=7]  Internal=true");
	expect("POST", "/networks/n/connect", "{\"Container\":\"c\"}",
	       "{\"container\":\"c\"} 0: container c");
}

static void test_swarms(void **state)
{
	expect("POST", "/services/create",
	       "{\"Name\":\"w\",\"TaskTemplate\":{\"ContainerSpec\":{\"Image\":\"i\",\"Env\":["
	       "\"A=hunter2\"],\"Args\":[\"--token\",\"hunter2\"],\"Secrets\":[{\"SecretName\":"
	       "\"key\"}],\"Mounts\":[{\"Type\":\"bind\",\"Source\":\"/etc\",\"Target\":\"/e\"}]}},"
	       "\"Mode\":{\"Global\":{}},\"EndpointSpec\":{\"Ports\":[{\"TargetPort\":80,"
	       "\"PublishedPort\":8080}]}}",
	       "{\"image\":\"i\",\"command\":[\"--token\",\"[redacted len=7]\"],"
	       "\"environment\":[\"A\"],\"mounts\":[{\"type\":\"bind\",\"source\":\"/etc\","
	       "\"target\":\"/e\"}],\"ports\":[\"8080:80/tcp\"],\"secrets\":[\"key\"],"
	       "\"settings\":[\"Mode=Global\"]} 75: i  mount /etc -> /e  port 8080:80/tcp  secret key"
	       "  Mode=Global  runs --token '[redacted len=7]'");
	expect("POST", "/swarm/init",
	       "{\"ListenAddr\":\"0.0.0.0:2377\",\"ForceNewCluster\":false,\"Spec\":{\"CAConfig\":{"
	       "\"SigningCAKey\":\"hunter2\",\"ExternalCAs\":[{\"URL\":\"https://u:hunter2@ca\"}]}}}",
	       "{\"settings\":[\"ListenAddr=0.0.0.0:2377\",\"SigningCAKey=[redacted len=7]\","
	       "\"ExternalCA=https://[redacted len=9]@ca\"]} 0: ListenAddr=0.0.0.0:2377  "
	       "SigningCAKey=[redacted len=7]  ExternalCA=https://[redacted len=9]@ca");
	expect("POST", "/swarm/join",
	       "{\"RemoteAddrs\":[\"192.0.2.1:2377\"],\"JoinToken\":\"SWMTKN-1-hunter2\"}",
	       "{\"settings\":[\"RemoteAddrs=192.0.2.1:2377\"]} 0: RemoteAddrs=192.0.2.1:2377");
	expect("POST", "/secrets/create", "{\"Name\":\"s\",\"Data\":\"hunter2\"}", " 0");
	expect("POST", "/plugins/pull?remote=a/b", "[{\"Name\":\"network\",\"Value\":[\"host\"]}]",
	       "{\"image\":\"a/b\",\"privileges\":[\"network=host\"]} 75: a/b  grants network=host");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_containers),
		cmocka_unit_test(test_images),
		cmocka_unit_test(test_volumes_and_networks),
		cmocka_unit_test(test_swarms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
