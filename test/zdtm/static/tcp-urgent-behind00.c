// SPDX-License-Identifier: GPL-2.0-only
/* Urgent data in the midst of much that was not read, the end of it included. */
#include "zdtmtst.h"

#include <poll.h>
#include <sys/socket.h>

/* zdtm: opts=--tcp-established needs=tcp-peek-off */

enum { BEFORE = 200000, BEHIND = 100000, ROOM = 4 << 20 };

static unsigned char before[BEFORE], behind[BEHIND];

static int make(int ends[2])
{
	int listening = tcp_listen(AF_INET, 1), room = ROOM;

	if (listening < 0 || setsockopt(listening, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) ||
	    (ends[0] = tcp_connect(listening, 0)) < 0 || (ends[1] = accept(listening, NULL, NULL)) < 0)
		return -1;
	if (send(ends[0], before, BEFORE, 0) != BEFORE || send(ends[0], "!", 1, MSG_OOB) != 1 ||
	    send(ends[0], behind, BEHIND, 0) != BEHIND || shutdown(ends[0], SHUT_WR))
		return -1;
	return wait_for_tcp_state(ends[0], FIN_WAIT2) || wait_for_tcp_state(ends[1], CLOSE_WAIT);
}

int main(int argc, char **argv)
{
	uint32_t crc_before = CRC_INIT, crc_behind = CRC_INIT, got = CRC_INIT;
	int ends[2];
	char c = 0;

	test_init(argc, argv);
	datagen(before, BEFORE, &crc_before);
	datagen(behind, BEHIND, &crc_behind);
	if (make(ends)) {
		pr_perror("cannot make such a connection");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (tcp_state(ends[0]) != FIN_WAIT2 || tcp_state(ends[1]) != CLOSE_WAIT)
		fail("the states are %d and %d", tcp_state(ends[0]), tcp_state(ends[1]));
	else if (tcp_drain(ends[1], BEFORE, &got) || got != crc_before || sockatmark(ends[1]) != 1)
		fail_errno("what is before is not there, or the mark");
	else if (recv(ends[1], &c, 1, MSG_OOB) != 1 || c != '!')
		fail_errno("the urgent byte is %d", c);
	else if (got = CRC_INIT, tcp_drain(ends[1], BEHIND, &got) || got != crc_behind || sockatmark(ends[1]))
		fail_errno("what is behind is not there");
	else if (recv(ends[1], &c, 1, MSG_DONTWAIT))
		fail_errno("the end does not show");
	else if (send(ends[1], "x", 1, MSG_NOSIGNAL) != 1 || recv(ends[0], &c, 1, 0) != 1 || c != 'x')
		fail_errno("nothing comes back");
	else
		pass();
	return 0;
}
