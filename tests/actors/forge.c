// SPDX-License-Identifier: Apache-2.0
/* forge TYPE TEXT: writes a message of its own choosing into the kernel's audit (CAP_AUDIT_WRITE).
 */
#include <err.h>
#include <linux/audit.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int count, char **arguments)
{
	struct {
		struct nlmsghdr header;
		char text[4096];
	} message = {};
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		char room[4096];
	} answer;
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_AUDIT);

	if (count != 3)
		errx(64, "usage: forge TYPE TEXT");
	if (fd < 0)
		err(1, "a socket of audit's");
	strncpy(message.text, arguments[2], sizeof(message.text) - 1);
	message.header.nlmsg_len = NLMSG_LENGTH(strlen(message.text) + 1);
	message.header.nlmsg_type = (unsigned short)atoi(arguments[1]);
	message.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	message.header.nlmsg_seq = 1;
	if (sendto(fd, &message, message.header.nlmsg_len, 0, (struct sockaddr *)&kernel,
		   sizeof(kernel)) < 0 ||
	    recv(fd, &answer, sizeof(answer), 0) < 0)
		err(1, "audit");
	if (answer.error.error)
		errx(1, "audit refuses it: %s", strerror(-answer.error.error));
	return 0;
}
