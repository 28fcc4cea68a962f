// SPDX-License-Identifier: Apache-2.0
/*
 * ia32 calls|socketcall PATH REQUEST: a 32-bit program without a library, which connects to the
 * socket PATH, sends REQUEST and reads until an answer has come. Every system call goes by
 * `int 0x80`, and with `socketcall` those for sockets through the one that 32-bit programs had
 * first. Ends with 0, with the errno of the call that failed, or with 64.
 */
#define CALL_EXIT       1
#define CALL_SOCKETCALL 102
#define CALL_SOCKET     359
#define CALL_CONNECT    362
#define CALL_SENDTO     369
#define CALL_RECVFROM   371

/* What socketcall(2) calls them, in the same order. */
#define SOCKETCALL_SOCKET  1
#define SOCKETCALL_CONNECT 3
#define SOCKETCALL_SEND    9
#define SOCKETCALL_RECV    10

struct address {
	unsigned short family;
	char path[108];
};

static long call(long number, long a, long b, long c, long d)
{
	long result;

	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d), "D"(0)
			 : "memory");
	return result;
}

/* One operation on a socket, by either entry. */
static long on_socket(int by_socketcall, long operation, const long arguments[4])
{
	static const long direct[] = { [SOCKETCALL_SOCKET] = CALL_SOCKET,
				       [SOCKETCALL_CONNECT] = CALL_CONNECT,
				       [SOCKETCALL_SEND] = CALL_SENDTO,
				       [SOCKETCALL_RECV] = CALL_RECVFROM };

	if (by_socketcall)
		return call(CALL_SOCKETCALL, operation, (long)arguments, 0, 0);
	return call(direct[operation], arguments[0], arguments[1], arguments[2], arguments[3]);
}

static long length_of(const char *text)
{
	long length = 0;

	while (text[length])
		length++;
	return length;
}

static long run(int by_socketcall, const char *path, const char *request)
{
	static struct address address = { .family = 1 };
	static char answer[256];
	long fd = on_socket(by_socketcall, SOCKETCALL_SOCKET, (long[4]){ 1, 1, 0, 0 }), r;

	if (fd < 0)
		return -fd;
	for (int i = 0; i < 107 && path[i]; i++)
		address.path[i] = path[i];
	r = on_socket(by_socketcall, SOCKETCALL_CONNECT,
		      (long[4]){ fd, (long)&address, sizeof(address), 0 });
	if (r < 0)
		return -r;
	r = on_socket(by_socketcall, SOCKETCALL_SEND,
		      (long[4]){ fd, (long)request, length_of(request), 0 });
	if (r < 0)
		return -r;
	r = on_socket(by_socketcall, SOCKETCALL_RECV,
		      (long[4]){ fd, (long)answer, sizeof(answer), 0 });
	return r < 0 ? -r : 0;
}

/* What the kernel leaves on the stack: the number of arguments, and the arguments. */
__attribute__((used)) void begin(long *stack)
{
	char **arguments = (char **)(stack + 1);

	if (stack[0] != 4)
		call(CALL_EXIT, 64, 0, 0, 0);
	call(CALL_EXIT, run(arguments[1][0] == 's', arguments[2], arguments[3]), 0, 0, 0);
}

__asm__(".globl _start\n_start: mov %esp, %eax\n\tpush %eax\n\tcall begin\n");
