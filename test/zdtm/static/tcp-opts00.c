// SPDX-License-Identifier: GPL-2.0-only
/* Options of a TCP connection, and what its ends have agreed on. */
#include "zdtmtst.h"

#include <netinet/in.h>
#include <linux/tcp.h>
#include <sys/socket.h>

/* zdtm: opts=--tcp-established */

static const struct {
	int level, name, value;
} options[] = {
	{ SOL_SOCKET, SO_KEEPALIVE, 1 },     { IPPROTO_TCP, TCP_KEEPIDLE, 1234 },
	{ IPPROTO_TCP, TCP_KEEPINTVL, 56 },  { IPPROTO_TCP, TCP_KEEPCNT, 7 },
	{ IPPROTO_TCP, TCP_NODELAY, 1 },     { IPPROTO_TCP, TCP_USER_TIMEOUT, 89000 },
	{ IPPROTO_TCP, TCP_SYNCNT, 5 },      { IPPROTO_TCP, TCP_LINGER2, 12 },
	{ IPPROTO_TCP, TCP_NOTSENT_LOWAT, 4096 }, { IPPROTO_IP, IP_TOS, 16 },
	{ SOL_SOCKET, SO_REUSEADDR, 1 },     { SOL_SOCKET, SO_OOBINLINE, 1 },
	{ IPPROTO_TCP, TCP_WINDOW_CLAMP, 20000 },
};

struct state {
	int values[array_size(options)];
	int agreed, send_scale, receive_scale;
	char congestion[16];
};

static int look(int fd, struct state *s)
{
	struct tcp_info info = {};
	socklen_t len = sizeof(info), size = sizeof(int);

	memset(s, 0, sizeof(*s));
	for (size_t i = 0; i < array_size(options); i++)
		if (getsockopt(fd, options[i].level, options[i].name, &s->values[i], &size))
			return -1;
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len))
		return -1;
	s->agreed = info.tcpi_options & (TCPI_OPT_TIMESTAMPS | TCPI_OPT_SACK | TCPI_OPT_WSCALE);
	s->send_scale = info.tcpi_snd_wscale;
	s->receive_scale = info.tcpi_rcv_wscale;
	len = sizeof(s->congestion);
	return getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, s->congestion, &len);
}

/* The peer's, as it was at the beginning: TCP_REPAIR shows it, and takes SO_REUSEADDR. */
static int agreed_mss(int fd)
{
	int on = TCP_REPAIR_ON, off = TCP_REPAIR_OFF_NO_WP, mss = -1;
	socklen_t len = sizeof(mss);

	setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &on, sizeof(on));
	getsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &mss, &len);
	setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &off, sizeof(off));
	return mss;
}

int main(int argc, char **argv)
{
	struct state before[2], after[2];
	socklen_t size = sizeof(int);
	int ends[2], mss, sequence;

	test_init(argc, argv);
	if (tcp_pair(AF_INET, ends, NULL) || setsockopt(ends[0], IPPROTO_TCP, TCP_CONGESTION, "reno", 4)) {
		pr_perror("cannot make a connection");
		return 1;
	}
	mss = agreed_mss(ends[0]);
	for (size_t i = 0; i < array_size(options); i++)
		if (setsockopt(ends[0], options[i].level, options[i].name, &options[i].value, sizeof(int))) {
			pr_perror("cannot set option %d", options[i].name);
			return 1;
		}
	if (look(ends[0], &before[0]) || look(ends[1], &before[1])) {
		pr_perror("cannot read the options");
		return 1;
	}

	test_daemon();
	test_waitsig();

	for (int end = 0; end < 2; end++) {
		if (look(ends[end], &after[end])) {
			fail_errno("cannot read the options");
			return 1;
		}
		for (size_t i = 0; i < array_size(options); i++)
			if (after[end].values[i] != before[end].values[i])
				fail("end %d: option %d was %d, is %d", end, options[i].name, before[end].values[i],
				     after[end].values[i]);
		if (memcmp(&after[end].agreed, &before[end].agreed, sizeof(struct state) - offsetof(struct state, agreed)))
			fail("end %d: agreed on %x, %d, %d, %s, was %x, %d, %d, %s", end, after[end].agreed,
			     after[end].send_scale, after[end].receive_scale, after[end].congestion,
			     before[end].agreed, before[end].send_scale, before[end].receive_scale,
			     before[end].congestion);
	}
	/* Told of a queue that was chosen, which only who repairs the connection does. */
	if (!getsockopt(ends[0], IPPROTO_TCP, TCP_QUEUE_SEQ, &sequence, &size) || errno != EINVAL)
		fail_errno("a queue is still chosen");
	if (agreed_mss(ends[0]) != mss)
		fail("the segment size is %d, was %d", agreed_mss(ends[0]), mss);
	if (tcp_works(ends))
		fail_errno("the connection does not work");
	pass();
	return 0;
}
