// SPDX-License-Identifier: GPL-2.0-only
/* Secure bits and keep-capabilities. */
#include "zdtmtst.h"

#include <linux/securebits.h>
#include <sys/prctl.h>

int main(int argc, char **argv)
{
	int want = SECBIT_NO_SETUID_FIXUP | SECBIT_NO_SETUID_FIXUP_LOCKED |
		   SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_KEEP_CAPS;
	int have;

	test_init(argc, argv);
	if (prctl(PR_SET_SECUREBITS, want)) {
		pr_perror("PR_SET_SECUREBITS");
		return 1;
	}

	test_daemon();
	test_waitsig();

	have = prctl(PR_GET_SECUREBITS);
	if (have != want)
		fail("the bits are %#x, were %#x", have, want);
	else if (prctl(PR_GET_KEEPCAPS) != 1)
		fail("keep-capabilities is lost");
	else
		pass();
	return 0;
}
