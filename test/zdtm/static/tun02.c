// SPDX-License-Identifier: GPL-2.0-only
/* A tap device with several queues in two tasks, one of them switched off: it comes back with its address, header size and owner. */
#include "tun.h"
#include "zdtmtst.h"

#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define NAME  "zdtm-tun02"
#define FLAGS (IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE)
#define QUEUES 4

static const unsigned char address[6] = { 0x02, 0x7a, 0x64, 0x74, 0x6d, 0x02 };

/* The second queue is this task's alone. */
static int have_queue(void *arg)
{
	int *fds = arg, i;

	for (i = 0; i < QUEUES; i++)
		if (i != 1)
			close(fds[i]);
	child_ready();
	test_waitsig();
	return 0;
}

static int number_in(const char *file)
{
	char path[128], text[64];

	snprintf(path, sizeof(path), "/sys/class/net/" NAME "/%s", file);
	return read_file(path, text, sizeof(text)) < 0 ? -2 : atoi(text);
}

/* Switches a queue on or off. */
static int set_queue(int fd, int how)
{
	struct ifreq r = { .ifr_flags = (short)how };

	return ioctl(fd, TUNSETQUEUE, &r);
}

int main(int argc, char **argv)
{
	struct ifreq r = { .ifr_name = NAME }, now = { 0 };
	int fds[QUEUES], i, header = 12, header_now = 0;
	pid_t child;

	test_init(argc, argv);
	for (i = 0; i < QUEUES; i++)
		fds[i] = tun_open(NAME, FLAGS);
	memcpy(r.ifr_hwaddr.sa_data, address, sizeof(address));
	r.ifr_hwaddr.sa_family = 1; /* ARPHRD_ETHER */
	if (fds[QUEUES - 1] < 0 || ioctl(fds[0], SIOCSIFHWADDR, &r) || ioctl(fds[0], TUNSETVNETHDRSZ, &header) ||
	    ioctl(fds[0], TUNSETOWNER, 1234) || tun_up(NAME, "10.244.73.1", 1500) || set_queue(fds[2], IFF_DETACH_QUEUE)) {
		pr_perror("cannot set up");
		return 1;
	}
	child = start_child(have_queue, fds);
	if (child < 0)
		return 1;
	close(fds[1]);

	test_daemon();
	test_waitsig();

	memset(r.ifr_hwaddr.sa_data, 0, sizeof(r.ifr_hwaddr.sa_data));
	if (ioctl(fds[0], SIOCGIFHWADDR, &r) || memcmp(r.ifr_hwaddr.sa_data, address, sizeof(address)))
		fail("its address is another one");
	else if (ioctl(fds[0], TUNGETVNETHDRSZ, &header_now) || header_now != header)
		fail("its headers have %d bytes", header_now);
	else if (number_in("owner") != 1234 || number_in("group") != -1)
		fail("it is of user %d and group %d", number_in("owner"), number_in("group"));
	else if (ioctl(fds[0], TUNGETIFF, &now) || (now.ifr_flags & FLAGS) != FLAGS || now.ifr_flags & IFF_DETACH_QUEUE)
		fail("the flags of the first queue are %#x", (unsigned short)now.ifr_flags);
	else if (ioctl(fds[2], TUNGETIFF, &now) || !(now.ifr_flags & IFF_DETACH_QUEUE))
		fail("the third queue is not switched off");
	else if (set_queue(fds[2], IFF_ATTACH_QUEUE))
		fail_errno("the third queue cannot be switched on");
	else if (finish_child(child) != 0)
		fail("the task with the second queue has failed");
	else
		pass();
	return 0;
}
