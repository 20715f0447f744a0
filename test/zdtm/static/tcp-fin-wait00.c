// SPDX-License-Identifier: GPL-2.0-only
/* TCP connections that were shut down while their data waits to be sent: FIN-WAIT-1 and LAST-ACK. */
#include "zdtmtst.h"

#include <sys/socket.h>

/* zdtm: opts=--tcp-established */

int main(int argc, char **argv)
{
	int ends[2], late[2];
	uint32_t sent = CRC_INIT, got = CRC_INIT, late_sent = CRC_INIT, late_got = CRC_INIT;
	size_t n, m;
	char c;

	test_init(argc, argv);
	if (tcp_pair(AF_INET, ends, NULL) || tcp_pair(AF_INET, late, NULL)) {
		pr_perror("cannot make connections");
		return 1;
	}
	n = tcp_fill(ends[0], &sent);
	m = tcp_fill(late[1], &late_sent);
	if (shutdown(ends[0], SHUT_WR) || shutdown(late[0], SHUT_WR) || wait_for_tcp_state(late[1], CLOSE_WAIT) ||
	    shutdown(late[1], SHUT_WR) || wait_for_tcp_state(ends[0], FIN_WAIT1) ||
	    wait_for_tcp_state(late[1], LAST_ACK) || wait_for_tcp_state(late[0], FIN_WAIT2)) {
		pr_perror("the states are not reached");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (tcp_state(ends[0]) != FIN_WAIT1 || tcp_state(late[1]) != LAST_ACK || tcp_state(late[0]) != FIN_WAIT2)
		fail("the states are %d, %d and %d", tcp_state(ends[0]), tcp_state(late[1]), tcp_state(late[0]));
	else if (tcp_drain(ends[1], n, &got) || got != sent)
		fail_errno("what was sent before FIN-WAIT-1 does not come");
	else if (recv(ends[1], &c, 1, 0))
		fail_errno("the end does not come");
	else if (wait_for_tcp_state(ends[0], FIN_WAIT2))
		fail("the end is not acknowledged: state %d", tcp_state(ends[0]));
	else if (tcp_drain(late[0], m, &late_got) || late_got != late_sent)
		fail_errno("what was sent before LAST-ACK does not come");
	else if (recv(late[0], &c, 1, 0) || wait_for_tcp_state(late[1], CLOSED))
		fail_errno("the last end is not acknowledged: state %d", tcp_state(late[1]));
	else
		pass();
	return 0;
}
