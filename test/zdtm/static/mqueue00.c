// SPDX-License-Identifier: GPL-2.0-only
/* A POSIX message queue. */
/* zdtm: expect=not-yet:"POSIX message queue" */
#include "zdtmtst.h"

#include <fcntl.h>
#include <mqueue.h>

int main(int argc, char **argv)
{
	const char name[] = "/zdtm-mqueue00";
	char text[8192];
	mqd_t mq;

	test_init(argc, argv);
	mq_unlink(name);
	mq = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, NULL);
	if (mq == (mqd_t)-1)
		skip("this kernel has no POSIX message queues");
	mq_unlink(name);
	if (mq_send(mq, "hello", 6, 1)) {
		pr_perror("mq_send");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (mq_receive(mq, text, sizeof(text), NULL) != 6 || strcmp(text, "hello"))
		fail("the message is gone");
	else
		pass();
	return 0;
}
