// SPDX-License-Identifier: GPL-2.0-only
/* A ring that is the parent's: a child has the memory, and no context with it. */
/* zdtm: expect=refuse:"an AIO ring of another process" */
#include "aio.h"
#include "zdtmtst.h"

static int body(void *arg)
{
	(void)arg;
	child_ready();
	test_waitsig();
	return 0;
}

int main(int argc, char **argv)
{
	struct aio_ring *ring;
	pid_t pid;

	test_init(argc, argv);
	ring = aio_setup(10);
	if (!ring) {
		pr_perror("io_setup");
		return 1;
	}
	pid = start_child(body, NULL);
	if (pid < 0) {
		pr_perror("fork");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (finish_child(pid) || ring->nr == 0)
		fail("the child has not ended well");
	else
		pass();
	return 0;
}
