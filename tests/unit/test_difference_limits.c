// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "difference_bed.h"

#define SETTINGS(list)  "\"declared\":{\"settings\":[" list "]}"
#define CPUS(nano_cpus) "\"limits\":{\"nano_cpus\":" nano_cpus "}"

#define CPU_DIFFERENCE(declared, actual)                                                           \
	"[{\"field\":\"limits.nano_cpus\",\"declared\":\"" declared "\",\"actual\":\"" actual "\""

static void test_limits(void **state)
{
	static const char declared[] =
		"\"declared\":{\"settings\":[\"Memory=67108864\",\"PidsLimit=50\",\"NanoCpus=333333333\"]}";

	/* A period has microseconds, and memory pages. */
	difference_expect(declared, NULL,
			  "\"limits\":{\"memory\":67108864,\"pids\":50,\"nano_cpus\":333330000}",
			  NULL, 0);
	difference_expect("\"declared\":{\"settings\":[\"Memory=67108865\"]}", NULL,
			  "\"limits\":{\"memory\":67108864}", NULL, 0);
	difference_expect(
		declared, NULL, "\"limits\":{\"memory\":67108864,\"nano_cpus\":333330000}",
		"[{\"field\":\"limits.pids\",\"declared\":\"50\",\"actual\":\"none\"}]", 75);
	difference_expect(
		declared, NULL,
		"\"limits\":{\"memory\":134217728,\"pids\":50,\"nano_cpus\":333330000}",
		"[{\"field\":\"limits.memory\",\"declared\":\"67108864\",\"actual\":\"134217728\"}]",
		75);
	/* Down to a page, not further. */
	difference_expect("\"declared\":{\"settings\":[\"Memory=67112959\"]}", NULL,
			  "\"limits\":{\"memory\":67108864}", NULL, 0);
	difference_expect(
		"\"declared\":{\"settings\":[\"Memory=67112960\"]}", NULL,
		"\"limits\":{\"memory\":67108864}",
		"[{\"field\":\"limits.memory\",\"declared\":\"67112960\",\"actual\":\"67108864\"}]",
		75);
	/* As much as the kernel can count is no limit. */
	difference_expect("\"declared\":{\"settings\":[\"Memory=9223372036854775807\","
			  "\"PidsLimit=4194304\"]}",
			  NULL, "\"limits\":{}", NULL, 0);
	difference_expect(
		"\"declared\":{\"settings\":[\"Memory=67108864\"]}", NULL,
		"\"seccomp\":\"off\","
		"\"limits\":{}",
		"[{\"field\":\"seccomp\",\"declared\":\"filter\",\"actual\":\"off\"},"
		"{\"field\":\"limits.memory\",\"declared\":\"67108864\",\"actual\":\"none\"}]",
		75);
	/* What the engine limits by itself was not declared. */
	difference_expect("\"declared\":{\"settings\":[\"PidsLimit=-1\"]}", NULL,
			  "\"limits\":{\"pids\":2048}", NULL, 0);
}

static void test_updates(void **state)
{
	static const char declared[] = "\"declared\":{\"settings\":[\"Memory=67108864\"]}",
			  update[] = "\"declared\":{\"settings\":[\"Memory=100663296\"]}";

	difference_expect(
		declared, update, "\"limits\":{\"memory\":100663296}",
		"[{\"field\":\"limits.memory\",\"declared\":\"67108864\",\"actual\":\"100663296\","
		"\"request\":\"77\"}]",
		50);
	/* Neither what was declared nor what was asked for later. */
	difference_expect(
		declared, update, "\"limits\":{\"memory\":200000000}",
		"[{\"field\":\"limits.memory\",\"declared\":\"67108864\",\"actual\":\"200000000\"}]",
		75);
	difference_expect(
		"\"declared\":{}", update, "\"limits\":{\"memory\":100663296}",
		"[{\"field\":\"limits.memory\",\"declared\":\"none\",\"actual\":\"100663296\","
		"\"request\":\"77\"}]",
		50);
}

/* A quota is the same as NanoCpus said otherwise. */
static void test_cpus(void **state)
{
	difference_expect(SETTINGS("\"CpuQuota=50000\""), NULL, CPUS("500000000"), NULL, 0);
	difference_expect(SETTINGS("\"CpuQuota=50000\",\"CpuPeriod=30000\""), NULL,
			  CPUS("1666666666"), NULL, 0);
	difference_expect(SETTINGS("\"CpuPeriod=50000\""), NULL, "\"limits\":{}", NULL, 0);
	difference_expect(SETTINGS("\"CpuQuota=-1\""), NULL, "\"limits\":{}", NULL, 0);
	difference_expect(SETTINGS("\"NanoCpus=1000000000\",\"CpuQuota=-1\""), NULL,
			  "\"limits\":{}", NULL, 0);
	difference_expect(SETTINGS("\"CpuQuota=50000\",\"CpuPeriod=30000\""), NULL, "\"limits\":{}",
			  CPU_DIFFERENCE("1666666666", "none") "}]", 75);
	difference_expect(SETTINGS("\"CpuQuota=50000\""), NULL, CPUS("2000000000"),
			  CPU_DIFFERENCE("500000000", "2000000000") "}]", 75);
	/* systemd rounds up to hundredths. */
	difference_expect(SETTINGS("\"NanoCpus=333333333\""), NULL, CPUS("340000000"), NULL, 0);
	difference_expect(SETTINGS("\"NanoCpus=333333333\""), NULL, CPUS("350000000"),
			  CPU_DIFFERENCE("333333333", "350000000") "}]", 75);
	difference_expect(SETTINGS("\"NanoCpus=10000000\""), NULL, "\"limits\":{}",
			  CPU_DIFFERENCE("10000000", "none") "}]", 75);
}

static void test_cpu_updates(void **state)
{
	difference_expect(SETTINGS("\"NanoCpus=500000000\""), SETTINGS("\"NanoCpus=1500000000\""),
			  CPUS("1500000000"),
			  CPU_DIFFERENCE("500000000", "1500000000") ",\"request\":\"77\"}]", 50);
	difference_expect(SETTINGS("\"NanoCpus=500000000\""), SETTINGS("\"CpuQuota=-1\""),
			  "\"limits\":{}",
			  CPU_DIFFERENCE("500000000", "none") ",\"request\":\"77\"}]", 50);
	/* The other half of it stays as it was. */
	difference_expect(SETTINGS("\"CpuQuota=50000\",\"CpuPeriod=100000\""),
			  SETTINGS("\"CpuPeriod=50000\""), CPUS("1000000000"),
			  CPU_DIFFERENCE("500000000", "1000000000") ",\"request\":\"77\"}]", 50);
	difference_expect("\"declared\":{}", SETTINGS("\"CpuQuota=25000\""), CPUS("250000000"),
			  CPU_DIFFERENCE("none", "250000000") ",\"request\":\"77\"}]", 50);
	difference_expect(SETTINGS("\"CpuQuota=50000\""), SETTINGS("\"NanoCpus=0\""),
			  CPUS("500000000"), NULL, 0);
}

/* An update may take a limit away, too: then somebody asked for it. */
static void test_limits_taken_away(void **state)
{
	static const char *const updates[] = { SETTINGS("\"PidsLimit=-1\""),
					       SETTINGS("\"PidsLimit=0\"") };

	for (size_t i = 0; i < 2; i++) {
		difference_expect(
			SETTINGS("\"PidsLimit=50\""), updates[i], "\"limits\":{}",
			"[{\"field\":\"limits.pids\",\"declared\":\"50\",\"actual\":\"none\","
			"\"request\":\"77\"}]",
			50);
		difference_expect("\"declared\":{}", updates[i], "\"limits\":{}", NULL, 0);
		difference_expect("\"declared\":{}", updates[i], "\"limits\":{\"pids\":2048}", NULL,
				  0);
		difference_expect(SETTINGS("\"PidsLimit=-1\""), updates[i], "\"limits\":{}", NULL,
				  0);
		/* Not for another one. */
		difference_expect(
			SETTINGS("\"PidsLimit=50\""), updates[i], "\"limits\":{\"pids\":70}",
			"[{\"field\":\"limits.pids\",\"declared\":\"50\",\"actual\":\"70\"}]", 75);
	}
	difference_expect(
		SETTINGS("\"Memory=67108864\""), SETTINGS("\"Memory=-1\""), "\"limits\":{}",
		"[{\"field\":\"limits.memory\",\"declared\":\"67108864\",\"actual\":\"none\","
		"\"request\":\"77\"}]",
		50);
	/* "As it was", so that nobody asked for none. */
	difference_expect(SETTINGS("\"Memory=67108864\",\"NanoCpus=500000000\""),
			  SETTINGS("\"Memory=0\",\"NanoCpus=0\",\"PidsLimit=9\""),
			  "\"limits\":{\"memory\":67108864,\"nano_cpus\":500000000,\"pids\":9}",
			  "[{\"field\":\"limits.pids\",\"declared\":\"none\",\"actual\":\"9\","
			  "\"request\":\"77\"}]",
			  50);
	difference_expect(
		SETTINGS("\"Memory=67108864\""), SETTINGS("\"Memory=0\""), "\"limits\":{}",
		"[{\"field\":\"limits.memory\",\"declared\":\"67108864\",\"actual\":\"none\"}]",
		75);
}

/* Of an update that is not known whole: limits may be anything, the rest is as it was. */
static void test_cut_update(void **state)
{
	difference_expect(SETTINGS("\"PidsLimit=50\""), "\"declared\":{\"cut\":true}",
			  "\"limits\":{\"pids\":70},\"seccomp\":\"off\"",
			  "[{\"field\":\"seccomp\",\"declared\":\"filter\",\"actual\":\"off\"}]",
			  75);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_cpus),
		cmocka_unit_test(test_updates),
		cmocka_unit_test(test_cpu_updates),
		cmocka_unit_test(test_limits_taken_away),
		cmocka_unit_test(test_cut_update),
	};

	return cmocka_run_group_tests_name("difference of limits", tests, NULL, NULL);
}
