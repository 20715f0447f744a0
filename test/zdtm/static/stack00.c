// SPDX-License-Identifier: GPL-2.0-only
/* A deep recursion: the dump comes at its bottom, and every frame is checked on the way up. */
#include "zdtmtst.h"

#define DEPTH 400
#define FRAME 4000

static int wrong;

/* Its own checksum per frame; volatile keeps the array on the stack. */
static __attribute__((noinline)) int recurse(int depth)
{
	volatile char frame[FRAME];
	int sum;

	for (int i = 0; i < FRAME; i++)
		frame[i] = (char)(depth * 31 + i * 7);
	if (depth == 0) {
		test_daemon();
		test_waitsig();
		sum = 0;
	} else {
		sum = recurse(depth - 1);
	}
	for (int i = 0; i < FRAME; i++) {
		if (frame[i] != (char)(depth * 31 + i * 7))
			wrong++;
	}
	return sum + depth;
}

int main(int argc, char **argv)
{
	int sum;

	test_init(argc, argv);
	sum = recurse(DEPTH);
	if (wrong)
		fail("%d bytes of the stack changed", wrong);
	else if (sum != DEPTH * (DEPTH + 1) / 2)
		fail("the way back through the frames was another");
	else
		pass();
	return 0;
}
