// SPDX-License-Identifier: GPL-2.0-only
/* The same of a client that has said all it had to say: it is told as well. */
#include "zdtmtst.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* zdtm: opts="--tcp-established --skip-in-flight" flags=norestart */

int main(int argc, char **argv)
{
	struct timeval within = { 20, 0 };
	int listening, lost;
	char byte;

	test_init(argc, argv);
	listening = tcp_listen(AF_INET, 4);
	lost = listening < 0 ? -1 : tcp_connect(listening, 0);
	if (lost < 0 || send(lost, "all", 3, 0) != 3 || shutdown(lost, SHUT_WR) || wait_for_tcp_state(lost, TCP_FIN_WAIT2) ||
	    setsockopt(lost, SOL_SOCKET, SO_RCVTIMEO, &within, sizeof(within))) {
		pr_perror("cannot connect");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (recv(lost, &byte, 1, 0) >= 0 || errno != ECONNRESET)
		fail_errno("the client waits for an answer");
	else
		pass();
	return 0;
}
