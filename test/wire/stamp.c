/*
 * stamp.c
 *	  A server that is never the bottleneck: it stamps requests when they come.
 *
 *	  stamp LOG
 *
 * Answers each GET with one row of the account that it asks for, and writes a
 * line "NANOSECONDS kernel|late ANSWER" to LOG.  The time is the kernel's, when
 * the request came to the socket, so that it does not matter when this program
 * gets to read it; "late" where the kernel gave none, and the time is that of
 * reading.  On standard input it takes, a line each:
 *
 *	  penalty N		the next N requests are told to slow down (429, 40100)
 *
 * and ends with it.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_REQUEST (64 * 1024)

typedef struct Connection
{
	int		fd;
	int		length;
	int64_t came; /* the first bytes of the request; 0: none yet */
	bool	late;
	char	request[MAX_REQUEST + 1];
} Connection;

static FILE *stamps;
static long	 penalties = 0;

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

static int64_t
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t) t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Like read(); *when is the time at which the kernel had the bytes, or 0. */
static ssize_t
read_stamped(int fd, char *buffer, size_t size, int64_t *when)
{
	union
	{
		char		   space[CMSG_SPACE(sizeof(struct timespec))];
		struct cmsghdr align;
	} control;
	struct iovec	iov = {buffer, size};
	struct msghdr	message = {0};
	struct cmsghdr *c;
	ssize_t			n;

	message.msg_iov = &iov;
	message.msg_iovlen = 1;
	message.msg_control = control.space;
	message.msg_controllen = sizeof(control.space);
	n = recvmsg(fd, &message, 0);
	*when = 0;
	for (c = CMSG_FIRSTHDR(&message); n > 0 && c != NULL; c = CMSG_NXTHDR(&message, c))
	{
		struct timespec t;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS)
			continue;
		memcpy(&t, CMSG_DATA(c), sizeof(t));
		*when = (int64_t) t.tv_sec * 1000000000 + t.tv_nsec;
	}
	return n;
}

/* All of it: replies are small, and whoever asks reads them. */
static bool
write_all(int fd, const char *text, size_t length)
{
	while (length > 0)
	{
		ssize_t n = write(fd, text, length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		text += n;
		length -= n;
	}
	return true;
}

static bool
answer(Connection *connection)
{
	static const char slow_down[] = "{\"code\": 40100, \"message\": \"Too many requests\", \"request_id\": \"wire\", \"data\": {}}";
	const char		 *account = strstr(connection->request, "advertiser_id=");
	const char		 *head = "200 OK";
	const char		 *name = "row";
	char			  body[512];
	char			  reply[1024];

	snprintf(body, sizeof(body),
			 "{\"code\": 0, \"message\": \"OK\", \"request_id\": \"wire\", \"data\": {\"list\": [{\"advertiser_id\": \"%lld\", \"ad_id\": \"1\"}], "
			 "\"page_info\": {\"page\": 1, \"page_size\": 1000, \"total_number\": 1, \"total_page\": 1}}}",
			 account ? atoll(account + strlen("advertiser_id=")) : 0LL);
	if (penalties > 0)
	{
		name = "penalty";
		strcpy(body, slow_down);
		if (penalties-- % 2 == 0)
			head = "429 Too Many Requests\r\nRetry-After: 1";
	}
	snprintf(reply, sizeof(reply),
			 "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
			 head, strlen(body), body);
	fprintf(stamps, "%lld %s %s\n", (long long) connection->came,
			connection->late ? "late" : "kernel", name);
	fflush(stamps);
	connection->length = 0;
	connection->came = 0;
	return write_all(connection->fd, reply, strlen(reply));
}

/* false: it is over */
static bool
serve(Connection *connection)
{
	int64_t when;
	ssize_t n = read_stamped(connection->fd, connection->request + connection->length,
							 MAX_REQUEST - connection->length, &when);

	if (n <= 0)
		return n < 0 && (errno == EINTR || errno == EAGAIN);
	if (connection->came == 0)
	{
		connection->came = when ? when : now();
		connection->late = when == 0;
	}
	connection->length += n;
	connection->request[connection->length] = '\0';
	if (connection->length >= 4 &&
		strcmp(connection->request + connection->length - 4, "\r\n\r\n") == 0)
		return answer(connection);
	return connection->length < MAX_REQUEST;
}

static int
listen_stamped(struct sockaddr_in *address)
{
	socklen_t size = sizeof(*address);
	int		  fd = socket(AF_INET, SOCK_STREAM, 0);
	int		  on = 1;

	memset(address, 0, sizeof(*address));
	address->sin_family = AF_INET;
	address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *) address, size) != 0 || listen(fd, 1024) != 0 ||
		getsockname(fd, (struct sockaddr *) address, &size) != 0)
		die("listen");
	(void) setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on));
	return fd;
}

static int
accept_stamped(int listener)
{
	int fd = accept(listener, NULL, NULL);
	int on = 1;

	if (fd < 0)
		die("accept");
	(void) setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on));
	(void) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

/* The kernel begins to stamp a little after it was told to: until it does. */
static void
await_stamps(int listener, const struct sockaddr_in *address)
{
	int client = socket(AF_INET, SOCK_STREAM, 0);
	int fd;

	if (client < 0 || connect(client, (const struct sockaddr *) address, sizeof(*address)) != 0)
		die("connect");
	fd = accept_stamped(listener);
	for (int i = 0; i < 200; i++)
	{
		char	byte = 0;
		int64_t when;

		if (write(client, &byte, 1) != 1 || read_stamped(fd, &byte, 1, &when) != 1)
			die("read");
		if (when != 0)
			break;
		poll(NULL, 0, 10);
	}
	close(fd);
	close(client);
}

static void
obey(void)
{
	char	line[128];
	ssize_t n = read(STDIN_FILENO, line, sizeof(line) - 1);

	if (n <= 0)
		exit(0);
	line[n] = '\0';
	(void) sscanf(line, "penalty %ld", &penalties);
}

int
main(int argc, char **argv)
{
	static Connection  listener;
	static Connection  input;
	struct epoll_event event = {.events = EPOLLIN};
	struct sockaddr_in address;
	int				   epoll = epoll_create1(0);

	if (argc != 2 || (stamps = fopen(argv[1], "a")) == NULL)
		die("usage: stamp LOG");
	listener.fd = listen_stamped(&address);
	await_stamps(listener.fd, &address);
	event.data.ptr = &listener;
	epoll_ctl(epoll, EPOLL_CTL_ADD, listener.fd, &event);
	event.data.ptr = &input;
	epoll_ctl(epoll, EPOLL_CTL_ADD, STDIN_FILENO, &event);
	printf("listening on http://127.0.0.1:%d/open_api/v1.3/\n", ntohs(address.sin_port));
	fflush(stdout);

	for (;;)
	{
		struct epoll_event events[64];
		int				   n = epoll_wait(epoll, events, 64, -1);

		for (int i = 0; i < n; i++)
		{
			Connection *connection = events[i].data.ptr;

			if (connection == &input)
				obey();
			else if (connection == &listener)
			{
				connection = calloc(1, sizeof(Connection));
				if (connection == NULL)
					die("calloc");
				connection->fd = accept_stamped(listener.fd);
				event.data.ptr = connection;
				epoll_ctl(epoll, EPOLL_CTL_ADD, connection->fd, &event);
			}
			else if (!serve(connection))
			{
				close(connection->fd);
				free(connection);
			}
		}
	}
}
