// SPDX-License-Identifier: Apache-2.0
/*
 * ask PATH TARGET [JSON]: one GET of TARGET to the socket PATH, or a POST of JSON; prints the
 * answer's first line. With "-" for JSON it is a GET whose answer is not waited for: the process is
 * gone at once; and so is FILE, where one is named behind it. Linked statically: it also runs in a
 * container that has nothing else.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(int count, char **arguments)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), length;
	const char *body = count > 3 ? arguments[3] : "";
	int leave = strcmp(body, "-") == 0;
	char text[8192];
	ssize_t n;

	if (count < 3 || count > 5 || fd < 0 || strlen(arguments[1]) >= sizeof(address.sun_path))
		return 64;
	if (count == 5 && unlink(arguments[4]) < 0)
		return 4;
	strcpy(address.sun_path, arguments[1]);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		perror(arguments[1]);
		return 1;
	}
	if (leave || !*body)
		length = snprintf(text, sizeof(text),
				  "GET %s HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n",
				  arguments[2]);
	else
		length = snprintf(text, sizeof(text),
				  "POST %s HTTP/1.1\r\nHost: d\r\nConnection: close\r\n"
				  "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
				  arguments[2], strlen(body), body);
	if (length >= (int)sizeof(text) || write(fd, text, (size_t)length) != length)
		return 2;
	if (leave)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return 3;
	text[n] = 0;
	printf("%.*s\n", (int)strcspn(text, "\r\n"), text);
	while (read(fd, text, sizeof(text)) > 0)
		;
	return 0;
}
