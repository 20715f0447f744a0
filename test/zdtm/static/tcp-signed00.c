// SPDX-License-Identifier: GPL-2.0-only
/* A TCP socket that listens, with a key by which segments are signed, which is refused. */
#include "zdtmtst.h"

#include <arpa/inet.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

/* zdtm: opts=--tcp-established expect="not-yet:signed by a key" */

static int set_key(int fd)
{
	struct tcp_md5sig key = { .tcpm_keylen = 6, .tcpm_key = "secret" };
	struct sockaddr_in *peer = (struct sockaddr_in *)&key.tcpm_addr;

	peer->sin_family = AF_INET;
	peer->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return setsockopt(fd, IPPROTO_TCP, TCP_MD5SIG, &key, sizeof(key));
}

int main(int argc, char **argv)
{
	struct sockaddr_in a;
	socklen_t len = sizeof(a);
	int listening, ends[2];

	test_init(argc, argv);
	listening = tcp_listen(AF_INET, 2);
	if (listening < 0 || getsockname(listening, (struct sockaddr *)&a, &len)) {
		pr_perror("cannot listen");
		return 1;
	}
	if (set_key(listening)) {
		if (errno == ENOPROTOOPT)
			skip("this kernel has no TCP_MD5SIG");
		pr_perror("cannot set a key");
		return 1;
	}
#ifdef CONNECTED
	ends[0] = socket(AF_INET, SOCK_STREAM, 0);
	if (ends[0] < 0 || set_key(ends[0]) || connect(ends[0], (struct sockaddr *)&a, len) ||
	    (ends[1] = accept(listening, NULL, NULL)) < 0 || close(listening)) {
		pr_perror("cannot connect");
		return 1;
	}
#endif

	test_daemon();
	test_waitsig();

#ifndef CONNECTED
	ends[0] = socket(AF_INET, SOCK_STREAM, 0);
	if (ends[0] < 0 || set_key(ends[0]) || connect(ends[0], (struct sockaddr *)&a, len) ||
	    (ends[1] = accept(listening, NULL, NULL)) < 0) {
		fail_errno("nobody can connect");
		return 1;
	}
#endif
	if (tcp_works(ends))
		fail_errno("the connection does not work");
	else
		pass();
	return 0;
}
