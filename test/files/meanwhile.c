// SPDX-License-Identifier: GPL-2.0-only
/*
 * Preloaded into criu by test/files/sockets-test: others send at once, on loopback, what a socket could get while it
 * is made. A datagram when a UDP socket has been bound, a packet of protocol 253 when a raw socket has been made, a
 * message to a group of NETLINK_USERSOCK when one has joined it.
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RAW_PROTOCOL 253 /* for experiments, RFC 3692 */

static int option(int fd, int name)
{
	int value = -1;
	socklen_t size = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, name, &value, &size) ? -1 : value;
}

static int is(int fd, int domain, int type, int protocol)
{
	return option(fd, SO_DOMAIN) == domain && option(fd, SO_TYPE) == type && option(fd, SO_PROTOCOL) == protocol;
}

/* Not by the socket() below. */
static void send_from_another(int domain, int type, int protocol, const void *to, socklen_t size)
{
	int (*make)(int, int, int) = dlsym(RTLD_NEXT, "socket");
	struct nlmsghdr message = { .nlmsg_len = sizeof(message) };
	int fd = make(domain, type | SOCK_CLOEXEC, protocol);

	sendto(fd, &message, sizeof(message), 0, to, size);
	close(fd);
}

int socket(int domain, int type, int protocol)
{
	int (*real)(int, int, int) = dlsym(RTLD_NEXT, "socket");
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = real(domain, type, protocol);

	if (is(fd, AF_INET, SOCK_RAW, RAW_PROTOCOL))
		send_from_another(AF_INET, SOCK_RAW, RAW_PROTOCOL, &to, sizeof(to));
	return fd;
}

int bind(int fd, const struct sockaddr *address, socklen_t size)
{
	int (*real)(int, const struct sockaddr *, socklen_t) = dlsym(RTLD_NEXT, "bind");
	int result = real(fd, address, size);

	if (result == 0 && is(fd, AF_INET, SOCK_DGRAM, IPPROTO_UDP))
		send_from_another(AF_INET, SOCK_DGRAM, 0, address, size);
	return result;
}

int setsockopt(int fd, int level, int name, const void *value, socklen_t size)
{
	int (*real)(int, int, int, const void *, socklen_t) = dlsym(RTLD_NEXT, "setsockopt");
	struct sockaddr_nl to = { .nl_family = AF_NETLINK };
	int result = real(fd, level, name, value, size);

	if (result == 0 && level == SOL_NETLINK && name == NETLINK_ADD_MEMBERSHIP &&
	    option(fd, SO_PROTOCOL) == NETLINK_USERSOCK) {
		to.nl_groups = 1u << (*(const unsigned int *)value - 1);
		send_from_another(AF_NETLINK, SOCK_RAW, NETLINK_USERSOCK, &to, sizeof(to));
	}
	return result;
}
