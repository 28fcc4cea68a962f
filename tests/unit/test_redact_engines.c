// SPDX-License-Identifier: Apache-2.0
/* Command lines of docker and its like. */
#include "redact_bed.h"

static void test_engines(void **state)
{
	expect("docker|run|-e|A=b|img", "docker|run|-e|A=[redacted len=1]|img");
	expect("docker|run|-eA=b|img", "docker|run|-eA=[redacted len=1]|img");
	expect("docker|run|-e=A=b=c|img", "docker|run|-e=A=[redacted len=3]|img");
	expect("docker|run|--env|A=b c|img", "docker|run|--env|A=[redacted len=3]|img");
	expect("docker|run|--env=A=b|img", "docker|run|--env=A=[redacted len=1]|img");
	expect("docker|run|-ite|A=b|img", "docker|run|-ite|A=[redacted len=1]|img");
	expect("docker|run|-iteA=b|img", "docker|run|-iteA=[redacted len=1]|img");
	expect("docker|run|-e|hunter2|img", "docker|run|-e|[redacted len=7]|img");
	expect("docker|run|-e|c2VjcmV0 x=|img", "docker|run|-e|[redacted len=11]|img");
	expect_kept("docker|run|-e|HOME|-e|A=|img");
	expect_kept("docker|run|--env-file|/etc/env|img");
	expect("/usr/bin/podman|run|-e|A=b", "/usr/bin/podman|run|-e|A=[redacted len=1]");
	expect("sudo|-u|root|nerdctl|exec|-e|A=b|c",
	       "sudo|-u|root|nerdctl|exec|-e|A=[redacted len=1]|c");
	expect("docker|build|--build-arg|T=x|--build-arg=U=yy|.",
	       "docker|build|--build-arg|T=[redacted len=1]|--build-arg=U=[redacted len=2]|.");
	expect("docker|buildx|build|--secret|id=a,src=b|--secret=id=c|.",
	       "docker|buildx|build|--secret|[redacted len=10]|--secret=[redacted len=4]|.");
	expect("docker|login|-u|me|-p|hunter2|reg", "docker|login|-u|me|-p|[redacted len=7]|reg");
	expect("docker|login|-u|me|-phunter2", "docker|login|-u|me|-p[redacted len=7]");
	expect("docker|login|--password=hunter2", "docker|login|--password=[redacted len=7]");
	expect("docker|login|--password|hunter2", "docker|login|--password|[redacted len=7]");
	expect_kept("docker|login|-u|me|--password-stdin");
	expect("docker|login|-p|8080", "docker|login|-p|[redacted len=4]");
	expect_kept("docker-compose|-p|project|up");
	expect_kept("docker|compose|-p|project|run|-p|80:80|a");
	expect_kept("docker|service|create|-p|80:80|a");
	/* Behind the image they are another program's. */
	expect_kept("docker|exec|web|mkdir|-p|/data/a");
	expect_kept("docker|run|--name|web|-it|image|nmap|-p|80,443|-e|eth0|h");
	expect("docker|run|--name|web|-e|A=b|image",
	       "docker|run|--name|web|-e|A=[redacted len=1]|image");
	expect("docker|run|image|docker|run|-e|A=b|image",
	       "docker|run|image|docker|run|-e|A=[redacted len=1]|image");
	expect("docker|exec|db|mysql|-phunter2", "docker|exec|db|mysql|-p[redacted len=7]");
	expect_kept("sh|-c|docker ps; mkdir -p /data && ssh -p 22 h; docker ps \\| grep -e web");
	expect("docker|compose|run|-e|A=b|s", "docker|compose|run|-e|A=[redacted len=1]|s");
	expect("python3|/usr/bin/docker-compose|run|-e|A=b",
	       "python3|/usr/bin/docker-compose|run|-e|A=[redacted len=1]");
	expect("ctr|run|--env|A=b|-env=C=d|img|x",
	       "ctr|run|--env|A=[redacted len=1]|-env=C=[redacted len=1]|img|x");
	expect("ctr|images|pull|--user|me:pw|img",
	       "ctr|images|pull|--user|me:[redacted len=2]|img");
	expect("ctr|images|pull|-u|me:pw|img", "ctr|images|pull|-u|me:[redacted len=2]|img");
	expect("podman|pull|--creds|a:b|x", "podman|pull|--creds|a:[redacted len=1]|x");
	expect("docker|run|-u|0:0|img|id", "docker|run|-u|0:0|img|id");
	expect("docker|swarm|join|--token|SWMTKN-1-abc-def|10.0.0.1:2377",
	       "docker|swarm|join|--token|[redacted len=16]|10.0.0.1:2377");
	expect("docker|service|update|--env-add|A=b|--env-rm|C|s",
	       "docker|service|update|--env-add|A=[redacted len=1]|--env-rm|C|s");
	expect("buildctl|build|--opt|build-arg:A=b|--opt|target=x",
	       "buildctl|build|--opt|build-arg:A=[redacted len=1]|--opt|target=x");
	expect("docker|buildx|bake|--set|a.args.T=b",
	       "docker|buildx|bake|--set|a.args.T=[redacted len=1]");
	expect("docker|run|--health-cmd|curl -u me:pw h|--health-cmd=curl -u me:pw h|x",
	       "docker|run|--health-cmd|curl -u me:[redacted len=2] h|--health-cmd=curl -u me:[redacted len=2] h|x");
	expect("docker|commit|-c|ENV A=b c|--change=env A b|-cARG A=b|--change|CMD id|x",
	       "docker|commit|-c|ENV [redacted len=5]|--change=env [redacted len=3]|-cARG [redacted len=3]|--change|CMD id|x");
	expect("docker|image|import|--change|ONBUILD ENV A=b|-",
	       "docker|image|import|--change|[redacted len=15]|-");
	/* The engine joins changes by a new line: the one may go on with the other's ENV. */
	expect("docker|commit|-c|ENV A=1 \\|-c|B=hunter2|x",
	       "docker|commit|-c|ENV [redacted len=5]|-c|[redacted len=9]|x");
	expect("docker|commit|-c|# escape=`|-c|ENV A `|-c|hunter2|x",
	       "docker|commit|-c|[redacted len=10]|-c|[redacted len=7]|-c|[redacted len=7]|x");
	expect("docker|commit|-c|\xef\xbb\xbf"
	       "ENV A=b|-c|\xc2\xa0"
	       "ENV A=b|-c|\x0b"
	       "ENV A=b|x",
	       "docker|commit|-c|[redacted len=10]|-c|[redacted len=9]|-c|[redacted len=8]|x");
	expect("docker|commit|-pc|ENV A=b|c|x", "docker|commit|-pc|ENV [redacted len=3]|c|x");
	expect("docker|commit|-p|-c|ENV A=b|-pcENV A=b|c|x",
	       "docker|commit|-p|-c|ENV [redacted len=3]|-pcENV [redacted len=3]|c|x");
	expect_kept("docker|commit|-p|c|x");
	expect("docker|commit|-c|CMD mysql -phunter2|-c|CMD [\"mysql\",\"-phunter2\"]|-c|CMD [\"ls\", \"-l\"]|x",
	       "docker|commit|-c|CMD mysql -p[redacted len=7]|-c|CMD [redacted len=21]|-c|CMD [\"ls\", \"-l\"]|x");
	expect("docker|commit|-c|HEALTHCHECK --interval=1s CMD curl -u me:pw h|x",
	       "docker|commit|-c|HEALTHCHECK --interval=1s CMD curl -u me:[redacted len=2] h|x");
	expect_kept("docker|commit|-c|USER 0|-c|stopsignal 9|-c| EXPOSE 80|-c|WORKDIR|x");
	expect_kept("docker|run|x|sh|-c|env A=b id");
	expect("docker|run|--label|a.b/c=d|-lx=y|-dl|x=y|--label=x=y|--log-opt|a=b|--annotation|a=b|x",
	       "docker|run|--label|a.b/c=[redacted len=1]|-lx=[redacted len=1]|-dl|x=[redacted len=1]|--label=x=[redacted len=1]|"
	       "--log-opt|a=[redacted len=1]|--annotation|a=[redacted len=1]|x");
	expect_kept("docker|ps|--filter|label=a");
	expect_kept("podman|exec|-l|ls");
	expect("docker|network|create|-o|com.docker.network.bridge.name=br9|-o|a=b|n",
	       "docker|network|create|-o|com.docker.network.bridge.name=br9|-o|a=[redacted len=1]|n");
	expect("docker|volume|create|-o|type=none|-o|device=/etc|-o|o=bind|-oa=b|v",
	       "docker|volume|create|-o|type=none|-o|device=/etc|-o|o=bind|-oa=[redacted len=1]|v");
	expect("docker|run|--mount|type=volume,source=v,volume-driver=x,volume-opt=id=pw,volume-opt=type=nfs,target=/t|x",
	       "docker|run|--mount|type=volume,source=v,volume-driver=x,volume-opt=id=[redacted len=2],volume-opt=type=nfs,target=/t|x");
	expect("docker|run|--mount|type=volume,\"volume-opt=x=a,b\",dst=/t|x",
	       "docker|run|--mount|type=volume,\"volume-opt=x=[redacted len=11]|x");
	expect_kept("docker|run|--mount=type=bind,source=/etc,target=/x,readonly|x");
	expect("docker|plugin|install|--alias|a|reg/p|TOKEN=x|KEY.value=y",
	       "docker|plugin|install|--alias|a|reg/p|TOKEN=[redacted len=1]|KEY.value=[redacted len=1]");
	expect("docker|plugin|set|p|secret-x=y", "docker|plugin|set|p|secret-x=[redacted len=1]");
	expect("docker|pull|me:pw@reg/x", "docker|pull|me:[redacted len=2]@reg/x");
	expect_kept("docker|pull|reg:5000/x:1@sha256:0123");
	expect("docker|volume|create|--opt|o=username=u,password=p",
	       "docker|volume|create|--opt|o=username=u,password=[redacted len=1]");
}

static void test_ports(void **state)
{
	expect_kept("docker|run|-d|-p|8080:80|-p8443:443/tcp|-p|127.0.0.1:53:53/udp|img");
	expect_kept("docker|run|-p|[::1]:80:80|-p|8000-8010:80-90|-p|80|img");
	expect_kept("docker|-H|unix:///x.sock|run|-p|80:80|img");
	expect_kept("docker|container|create|-dp|80:80|img");
	expect_kept(
		"docker|run|--name|mysql|-p|3306:3306|-v|/usr/bin/docker:/usr/bin/docker|-p|1:1|mysql");
	expect("docker|run|-p|99999|img", "docker|run|-p|[redacted len=5]|img");
	expect("docker|run|-p|hunter2|img", "docker|run|-p|[redacted len=7]|img");
	expect("docker|run|mysql|mysql|-p12345", "docker|run|mysql|mysql|-p[redacted len=5]");
	expect("docker|run|img|sshpass|-p|12345", "docker|run|img|sshpass|-p|[redacted len=5]");
	expect("docker|run|img|docker|login|-p|12345",
	       "docker|run|img|docker|login|-p|[redacted len=5]");
	expect("docker|--context|run|login|-p|8080",
	       "docker|--context|run|login|-p|[redacted len=4]");
	expect("docker|login|run|-p|8080", "docker|login|run|-p|[redacted len=4]");
	expect_kept("docker|exec|c|x|-p|80:80");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_engines),
		cmocka_unit_test(test_ports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
