// SPDX-License-Identifier: GPL-2.0-only
/*
 * A ring of a packet socket (TPACKET_V1) with packets that were not read: they are lost, the next one comes to the frame
 * where the program waits. Its child has the ring as well.
 */
#include "zdtmtst.h"

#include <linux/if_packet.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct packet_ring ring;
	int i, status;
	pid_t child;

	test_init(argc, argv);
	if (ring_make(&ring, TPACKET_V1)) {
		pr_perror("cannot set up");
		return 1;
	}
	for (i = 0; i < 5; i++) {
		if (ring_send(&ring, i) || ring_receive(&ring) != i) {
			pr_err("packet %d does not come\n", i);
			return 1;
		}
	}
	if (ring_send(&ring, 5) || ring_send(&ring, 6)) {
		pr_perror("cannot send");
		return 1;
	}
	child = fork();
	if (child < 0) {
		pr_perror("cannot fork");
		return 1;
	}
	if (child == 0) {
		test_waitsig();
		/* The parent sends and reads in its turn, after this. */
		for (i = 10; i < 13; i++)
			if (ring_send(&ring, i) || ring_receive(&ring) != i)
				_exit(1);
		_exit(0);
	}

	test_daemon();
	test_waitsig();

	if (kill(child, SIGTERM) || waitpid(child, &status, 0) != child) {
		fail_errno("the child is not there");
		return 0;
	}
	ring.next = (ring.next + 3) % RING_SLOTS;
	if (status != 0)
		fail("the child does not receive at frame 5");
	else if (ring_send(&ring, 20) || ring_receive(&ring) != 20)
		fail("the parent does not receive at frame %d", ring.next);
	else
		pass();
	return 0;
}
