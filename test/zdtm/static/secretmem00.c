// SPDX-License-Identifier: GPL-2.0-only
/* Memory that the kernel keeps even from itself (memfd_secret(2)). */
/* zdtm: expect=refuse:"secret memory (memfd_secret)" */
#include "zdtmtst.h"

#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif

int main(int argc, char **argv)
{
	test_init(argc, argv);
	if (syscall(SYS_memfd_secret, 0) < 0)
		skip("this kernel has no memfd_secret");

	test_daemon();
	test_waitsig();
	pass();
	return 0;
}
