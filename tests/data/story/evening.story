Sunday 22 November 2026  UTC
02:14:00  recording began   docktrail 0.1  Linux 6.1.0-28-amd64  watching /run/docker.sock  cannot see: 1 thing (docktrail status tells)

02:14:30  alice (audit uid 1000, session 42)   docker run --rm --pid host -v /:/host busybox id
          sshd[640] > sshd[811] > bash[902] > docker[25924]
          ContainerCreate 201  fc984f560330  "quirky_bose"  busybox  pid=host  mount / -> /host
          ContainerAttach 101  fc984f560330  "quirky_bose"  stream: 1.06 s, 212 bytes in, 1.8 KiB out
          ContainerWait 200    fc984f560330  "quirky_bose"  after 1.05 s
          ContainerStart 204   fc984f560330  "quirky_bose"
02:17:05  container-halt       fc984f560330  "quirky_bose"
          also SystemPing

02:14:30  monitor (uid 999, no login)   curl --unix-socket /run/docker.sock http://d/containers/json
          monitor.sh[690] > curl[700]
          2 x ContainerList 200

02:15:02  eve (audit uid 1002, session 43)   nc -U /run/docker.sock
          sshd[811] > bash[902] > nc\u202e[26010]
          refused EACCES    /run/docker.sock  Permission denied

02:15:10  NOT RECORDED      about 7 requests  120 records  80 KiB  ring_full (api)  the ring was full: the reader was too slow or was stopped
02:15:10  RECORDER DEGRADED  fentry is not available, kprobes are used  cannot see: messages that were spliced

02:16:00  bob (audit uid 1001, session 44) as root   docker exec -it -u root web sh -c "cat /etc/shadow\x1b[2J; echo 'done'"
          sshd[1100] > bash[1200] > sudo[26098] > docker[26100]
          ContainerExec 201  0badc0ffee01  "web"  user root
          ExecStart 101      7e57ab1e7e57

02:16:05  root (uid 0, no login)   /portainer -H unix:///var/run/docker.sock
          in container bbbbbbbbbbbb "portainer" portainer/portainer-ce  containerd-shim[2990] > portainer[3000]
          ContainerCreate 201  aaaaaaaaaaaa  "miner"  registry.example.org:5000/tools/miner:latest  privileged  pid=host  net=host  ipc=container:0badc0ffee01  user=host  mount /var/run/docker.sock -> /var/run/docker.sock (ro)  volume data -> /data  +SYS_ADMIN  +NET_RAW  device /dev/kvm  seccomp=unconfined  sysctl kernel.shmmax=1  runs /bin/miner --pool stratum+tcp://pool.example.org:3333  over a connection of proxy[2999] by root
02:16:06  POST /v1.41/nope/create?a=[len=7] 404
02:16:07  ContainerStop        "web"  ambiguous: two different Content-Length  received: POST /v1.41/containers/web/stop HTTP/1.1\r\n

02:17:00  eve (audit uid 1002)   /opt/scan (command line not known)
          bash[902] > scan[26200]
          asked nothing     /run/docker.sock  0 requests  sent 0 bytes  received 0 bytes  after 0.10 s

Monday 23 November 2026  UTC
00:00:05  recording ended   asked to by SIGINT  docktrail 0.1
