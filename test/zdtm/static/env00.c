// SPDX-License-Identifier: GPL-2.0-only
/* The arguments and the environment: as the process sees them, and as /proc shows them. */
#include "zdtmtst.h"

#include <stdlib.h>
#include <unistd.h>

extern char **environ;

static char cmdline_before[8192], environ_before[65536], auxv_before[4096];
static char now[65536];

static int differs(const char *path, const char *before, ssize_t len)
{
	ssize_t n = read_file(path, now, sizeof(now));

	return n != len || memcmp(now, before, len);
}

static uint32_t environ_crc(void)
{
	uint32_t crc = CRC_INIT;

	for (char **e = environ; *e; e++)
		crc = crc32_update(crc, *e, strlen(*e) + 1);
	return crc;
}

int main(int argc, char **argv)
{
	ssize_t cmdline_len, environ_len, auxv_len;
	uint32_t crc;

	test_init(argc, argv);
	if (setenv("ZDTM_ENV00", "set by the test", 1)) {
		pr_perror("setenv");
		return 1;
	}
	crc = environ_crc();
	cmdline_len = read_file("/proc/self/cmdline", cmdline_before, sizeof(cmdline_before));
	environ_len = read_file("/proc/self/environ", environ_before, sizeof(environ_before));
	auxv_len = read_file("/proc/self/auxv", auxv_before, sizeof(auxv_before));
	if (cmdline_len <= 0 || environ_len < 0 || auxv_len <= 0) {
		pr_perror("cannot read /proc/self");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (environ_crc() != crc || strcmp(getenv("ZDTM_ENV00") ?: "", "set by the test"))
		fail("the environment in memory changed");
	else if (differs("/proc/self/cmdline", cmdline_before, cmdline_len))
		fail("/proc/self/cmdline changed");
	else if (differs("/proc/self/environ", environ_before, environ_len))
		fail("/proc/self/environ changed");
	else if (differs("/proc/self/auxv", auxv_before, auxv_len))
		fail("/proc/self/auxv changed");
	else
		pass();
	return 0;
}
