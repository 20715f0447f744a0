// SPDX-License-Identifier: GPL-2.0-only
/* A TCP connection with an upper protocol in the kernel (TLS), which is refused. */
#include "zdtmtst.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

/* zdtm: opts=--tcp-established expect="not-yet:the upper protocol tls" */

int main(int argc, char **argv)
{
	char name[16] = "";
	socklen_t len = sizeof(name);
	int ends[2];

	test_init(argc, argv);
	if (tcp_pair(AF_INET, ends, NULL)) {
		pr_perror("cannot make a connection");
		return 1;
	}
	if (setsockopt(ends[0], IPPROTO_TCP, TCP_ULP, "tls", 3))
		skip("this kernel has no TLS of its own");

	test_daemon();
	test_waitsig();

	if (getsockopt(ends[0], IPPROTO_TCP, TCP_ULP, name, &len) || strcmp(name, "tls"))
		fail_errno("the protocol is '%s'", name);
	else
		pass();
	return 0;
}
