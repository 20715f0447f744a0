// SPDX-License-Identifier: GPL-2.0-only
/*
 * A datagram socket that many send to: messages from named senders, of which one has gone, and from one
 * without a name; an empty one; one that is connected to it; abstract names with zero bytes.
 */
#include "zdtmtst.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct sockaddr_un to;
static socklen_t to_len;

static socklen_t abstract(struct sockaddr_un *a, const char *which)
{
	char *end = a->sun_path + 1;

	memset(a, 0, sizeof(*a));
	a->sun_family = AF_UNIX;
	end += sprintf(end, "zdtm") + 1; /* a zero byte is part of the name */
	end += sprintf(end, "%d-%s", getpid(), which);
	return end - (char *)a;
}

static int sender(const char *which)
{
	struct sockaddr_un a;
	socklen_t len = abstract(&a, which);
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, len)) {
		pr_perror("bind %s", which);
		return -1;
	}
	return fd;
}

static int expect(int fd, const char *text, const char *from)
{
	struct sockaddr_un got, want;
	socklen_t len = sizeof(got), want_len = from ? abstract(&want, from) : sizeof(sa_family_t);
	char buf[32] = "";
	ssize_t n = recvfrom(fd, buf, sizeof(buf) - 1, MSG_DONTWAIT, (struct sockaddr *)&got, &len);

	if (n != (ssize_t)strlen(text) || strcmp(buf, text))
		fail("the message is %s (%zd), not %s", buf, n, text);
	else if (from ? len != want_len || memcmp(&got, &want, len) : len > want_len)
		fail("%s is not from %s", text, from ? from : "one without a name");
	else
		return 0;
	return -1;
}

int main(int argc, char **argv)
{
	int receiver, a, gone, nameless, bound;
	char c;

	test_init(argc, argv);
	to_len = abstract(&to, "to");
	receiver = sender("to");
	a = sender("a");
	gone = sender("gone");
	nameless = socket(AF_UNIX, SOCK_DGRAM, 0);
	bound = sender("bound");
	if (receiver < 0 || a < 0 || gone < 0 || nameless < 0 || bound < 0 ||
	    sendto(a, "one", 3, 0, (struct sockaddr *)&to, to_len) != 3 ||
	    sendto(gone, "two", 3, 0, (struct sockaddr *)&to, to_len) != 3 ||
	    sendto(nameless, "", 0, 0, (struct sockaddr *)&to, to_len) != 0 ||
	    sendto(nameless, "three", 5, 0, (struct sockaddr *)&to, to_len) != 5 || close(gone) ||
	    connect(bound, (struct sockaddr *)&to, to_len) || send(bound, "four", 4, 0) != 4) {
		pr_perror("cannot set up");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (expect(receiver, "one", "a") || expect(receiver, "two", "gone") || expect(receiver, "", NULL) ||
	    expect(receiver, "three", NULL) || expect(receiver, "four", "bound"))
		return 1;
	if (recv(receiver, &c, 1, MSG_DONTWAIT) != -1 || errno != EAGAIN)
		fail("there is one more message");
	else if (send(bound, "five", 4, 0) != 4 || expect(receiver, "five", "bound"))
		fail_errno("the connected one is not connected");
	else if (sendto(a, "six", 3, 0, (struct sockaddr *)&to, to_len) != 3 || expect(receiver, "six", "a"))
		fail_errno("a cannot send");
	else if (sender("gone") < 0)
		fail("the name of the one that has gone is in use");
	else
		pass();
	return 0;
}
